"""Run one command; print its seconds, peak memory in KiB and exit status on a line, then what it wrote.

    python -I -S launcher.py pipe|terminal COMMAND [ARGUMENT ...]

It is a program of its own, and imports next to nothing, because Linux lets a child's peak memory start from that of the
process that spawned it. This one is a bare interpreter, so no Python program can have a peak below its own.
"""

import os
import sys
import time


def launch(output: str, command: list[str]) -> None:
    """Spawn `command` with its standard output on a pipe or a pseudo-terminal, and drain it to the end."""
    reader, writer = _terminal() if output == "terminal" else os.pipe()
    start = time.perf_counter()
    try:
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
    except FileNotFoundError:
        sys.exit(f"there is no {command[0]}")
    os.close(writer)
    written = _drain(reader)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    report = f"{seconds:.9f} {usage.ru_maxrss} {os.waitstatus_to_exitcode(status)}\n"
    sys.stdout.buffer.write(report.encode() + written)


def _terminal() -> tuple[int, int]:
    import termios

    reader, writer = os.openpty()
    termios.tcsetwinsize(writer, (40, 120))
    return reader, writer


def _drain(reader: int) -> bytes:
    chunks = []
    try:
        while chunk := os.read(reader, 1 << 16):
            chunks.append(chunk)
    except OSError:  # how Linux ends a pseudo-terminal whose other side is closed
        pass
    return b"".join(chunks)


if __name__ == "__main__":
    launch(sys.argv[1], sys.argv[2:])
