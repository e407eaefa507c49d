"""This computer's clock: whether a time server holds it, in which run of the computer it is, whether it is doubted."""

import ctypes
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronized
_STRUCT_BYTES = 512  # struct timex is 208 on 64 bits

_doubts: list[Callable[[], bool]] = []


def is_synchronized() -> bool | None:
    """By the kernel's word, else by timedatectl's; None where neither tells."""
    found = _by_kernel()
    return _by_timedatectl() if found is None else found


def _by_kernel() -> bool | None:
    # The hardened service may not call it (ProtectClock); modes = 0 only reads.
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_STRUCT_BYTES))
    return None if state < 0 else state != _TIME_ERROR


def _by_timedatectl() -> bool | None:
    try:
        said = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],  # noqa: S607 - wherever it is
            capture_output=True,
            text=True,
            timeout=3,
            check=False,
            env=os.environ | {"LC_ALL": "C"},
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return {"yes": True, "no": False}.get(said)


def boot_id() -> str | None:
    """Return what names this run of the computer (random(4), /proc/sys/kernel/random/boot_id); None if unknown."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def doubt_when(check: Callable[[], bool]) -> None:
    """Set how `is_doubted` finds out."""
    _doubts[:] = [check]


def is_doubted() -> bool:
    """Return True while the clock differs from the time that was reached: no device's clock is set by it."""
    return any(check() for check in _doubts)


def in_container() -> bool:
    """Where the clock is the host's business."""
    return any(os.path.exists(mark) for mark in ("/.dockerenv", "/run/.containerenv", "/run/systemd/container"))
