"""Where a long run stands, for the person who waits."""

import sys


def say(line: str) -> None:
    """Write a line beside the results, not among them."""
    print(line, file=sys.stderr, flush=True)
