"""The installed rules file: read, written whole or not at all, and made known to udev."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from devicemgr.errors import Hint, NotAllowed, SystemFault
from devicemgr.text import safe
from devicemgr.udev.rules import FILE

RULES = Path("/etc/udev/rules.d") / FILE
CONTROL = Path("/run/udev/control")
_LARGEST = 1_000_000
_S = 30.0
_RELOAD = (
    ("control", "--reload"),
    ("trigger", "--subsystem-match=tty", "--action=change"),
    ("settle", "--timeout=10"),
)


def read(file: Path) -> str:
    """Return the installed rules; empty when there are none; SystemFault when they can't be read."""
    try:
        if file.is_symlink():
            raise SystemFault(
                f"{file} is a link to {os.readlink(file)}: remove it, the rules must lie there themselves"
            )
        with file.open(encoding="utf-8") as opened:
            text = opened.read(_LARGEST + 1)
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SystemFault(f"{file} can't be read ({error}); put it right, or move it away") from error
    if len(text) > _LARGEST:
        raise SystemFault(f"{file} is larger than a rules file should be; move it away")
    return text


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Hold the lock on the rules file; NotAllowed unless this user may write there."""
    try:
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _cannot_write(file, error) from error
    try:
        if not os.access(file.parent, os.W_OK):
            raise _cannot_write(file, PermissionError())
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def install(text: str, file: Path) -> bool:
    """Write the rules and let udev apply them; True when udev runs and did. On a failure the old rules are back."""
    if CONTROL.exists() and shutil.which("udevadm") is None:
        raise SystemFault("udevadm is missing: apt-get install udev")
    before = read(file) if file.exists() else None
    if text != before:
        _write(text, file)
    if not CONTROL.exists():
        return False
    try:
        _reload()
    except SystemFault:
        if text != before:
            _put_back(before, file)
        raise
    return True


def _write(text: str, file: Path) -> None:
    # Not named .rules until it is whole: udev reads every file of that name here.
    try:
        descriptor, fresh = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as error:
        raise _cannot_write(file, error) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fchmod(opened.fileno(), 0o644)
            os.fsync(opened.fileno())
        os.replace(fresh, file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):
            os.unlink(fresh)
        raise _cannot_write(file, error) from error


def _put_back(before: str | None, file: Path) -> None:
    if before is None:
        file.unlink(missing_ok=True)
    else:
        _write(before, file)
    with suppress(SystemFault):
        udevadm("control", "--reload")


def _reload() -> None:
    for arguments in _RELOAD:
        code, said = udevadm(*arguments)
        if code:
            raise SystemFault(
                f"udev did not take the new rules ({said or f'exit {code}'}), the old ones are back; "
                f"see: udevadm {' '.join(arguments)}"
            )


def udevadm(*arguments: str) -> tuple[int, str]:
    """Run udevadm: exit code and the last line it said; SystemFault when it can't be run or does not end."""
    command = shutil.which("udevadm")
    if command is None:
        raise SystemFault("udevadm is missing: apt-get install udev")
    try:
        ended = subprocess.run(  # noqa: S603 - our own words and paths, no shell
            [command, *arguments], check=False, capture_output=True, text=True, errors="replace", timeout=_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SystemFault(
            f"udevadm {arguments[0]} can't be run ({error}); see: systemctl status systemd-udevd"
        ) from error
    lines = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
    return ended.returncode, safe(lines[-1], 300) if lines else ""


def _cannot_write(file: Path, error: OSError) -> NotAllowed | SystemFault:
    if isinstance(error, PermissionError):
        return NotAllowed(f"{file} may be written by root only", hint=Hint("install_rules"))
    return SystemFault(f"{file} can't be written ({error.strerror}); nothing was changed")
