"""The bench's figures of the command line: CPU time of a whole process, with everything that it imports."""

import resource
import statistics
import subprocess
import sys
from pathlib import Path

from devicemgr.cli.demo.subprocesses import running_daemon

_RUNS = 5


def measure_commands(folder: Path) -> dict[str, float]:
    """Return the CPU time of `version` and `status`, the latter with a daemon, beside an empty Python, in ms."""
    with running_daemon(folder, "commands") as (home, _):
        return {
            "python_cpu_ms": _cpu_ms("-c", "pass"),
            "cli_version_cpu_ms": _cpu_ms("-m", "cli", "version"),
            "cli_status_cpu_ms": _cpu_ms("-m", "cli", "--home", str(home.path), "status"),
        }


def _cpu_ms(*arguments: str) -> float:
    return round(statistics.median(_once(arguments) for _ in range(_RUNS)) * 1000, 1)


def _once(arguments: tuple[str, ...]) -> float:
    before = _children_cpu_s()
    command = [sys.executable, *arguments]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    return _children_cpu_s() - before


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
