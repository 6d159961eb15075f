"""Where and when a run took place."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a reader needs to compare figures with those of another day."""

    cpu: str
    cores: int | None
    load: float  # processes wanting a core over the last minute, when the run began
    python: str
    packages: dict[str, str]
    date: str

    @classmethod
    def here(cls) -> "Machine":
        return cls(
            cpu=_cpu_model(),
            cores=os.cpu_count(),
            load=os.getloadavg()[0],
            python=platform.python_version(),
            packages={found.name: found.version for found in sorted(distributions(), key=lambda found: found.name)},
            date=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
