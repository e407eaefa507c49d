"""Pictures of plans in backups: those that the copied database names, and where a restore puts them."""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from devicemgr.atomic_files import write_durably
from devicemgr.errors import InvalidInput
from devicemgr.home import Home
from devicemgr.store.backup_copy import Copy

_NAME = re.compile(r"[0-9a-f]{32}")
_QUERY = "SELECT file FROM plans WHERE file IS NOT NULL"


def of(home: Home, copy: Copy) -> Iterator[tuple[str, bytes]]:
    """Yield the pictures of the plans in a copy; one that was removed since, or is lost, is left out."""
    for name in copy.column(_QUERY):
        content = None
        with suppress(FileNotFoundError):
            content = (home.plans / name).read_bytes() if _NAME.fullmatch(name) else None
        if content is not None:
            yield name, content


def put_back(home: Home, copy: Copy) -> None:
    """Write the pictures of a backup into a home that is being restored."""
    copy.take_files(partial(_write, home))


def _write(home: Home, name: str, content: bytes) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput("the backup does not hold (a file has a strange name); use another backup")
    home.plans.mkdir(mode=0o700, exist_ok=True)
    write_durably(home.plans / name, content)
