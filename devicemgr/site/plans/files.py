"""The pictures of plans in the home, one file each under a random name of our own."""

import re
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from devicemgr.atomic_files import create_durably
from devicemgr.errors import NotFound, StorageFailed
from devicemgr.home import Home
from devicemgr.text import safe

NAME = re.compile(r"[0-9a-f]{32}")
# A picture is written before the transaction that names it, which takes a moment.
_MAX_UNNAMED_S = 3600.0


def write(home: Home, content: bytes) -> str:
    """Write a picture and return the name of its file; it is no plan's until a row names it."""
    name = secrets.token_hex(16)
    try:
        home.plans.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"cannot make {home.plans} ({error.strerror}); check the home folder") from error
    create_durably(home.plans / name, content)
    return name


def read(home: Home, plan: str, name: str | None) -> bytes:
    """Return the picture of a plan; NotFound where it has none, or where its file is gone."""
    if name is None or not NAME.fullmatch(name):
        raise NotFound(f"plan '{safe(plan, 60)}' has no picture; send it again", code="plan_picture_not_found")
    try:
        return (home.plans / name).read_bytes()
    except FileNotFoundError as error:
        raise NotFound(
            f"the picture of plan '{safe(plan, 60)}' is gone from the home; send it again",
            code="plan_picture_not_found",
        ) from error
    except OSError as error:
        raise StorageFailed(f"cannot read {home.plans / name} ({error.strerror})") from error


def remove(home: Home, names: Iterable[str | None]) -> None:
    """Delete files of pictures; those that are gone already do not matter."""
    for name in names:
        if name and NAME.fullmatch(name):
            with suppress(OSError):
                (home.plans / name).unlink()


def sweep(home: Home, named: frozenset[str]) -> None:
    """Delete pictures that no plan names, such as those of a call that a kill interrupted."""
    with suppress(OSError):
        for path in home.plans.iterdir():
            if path.name not in named and _age_s(path) > _MAX_UNNAMED_S:
                path.unlink(missing_ok=True)


def _age_s(path: Path) -> float:
    return time.time() - path.stat().st_mtime
