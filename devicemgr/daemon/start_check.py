"""A dry run of the daemon's start: it opens the home as the start would, and changes nothing in it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from devicemgr.daemon.startup import require_home
from devicemgr.errors import DevicemgrError, Hint, SystemFault
from devicemgr.home import Home
from devicemgr.recovery import quarantine
from devicemgr.site.site import Parts, require_own_key
from devicemgr.store import integrity
from devicemgr.store.database import Database
from devicemgr.store.site import devices as device_store
from devicemgr.store.tables import DeviceRow

_PREFIX = "check-"


def check_start(home: Home, parts: Parts) -> dict[str, Any]:
    """Return what the start would find and do; a DevicemgrError says why it would fail.

    Database, keys, drivers and options of all devices, and a recognizer that starts. The migration that the start
    would run is tried on a copy. A daemon of another version may run beside it.
    """
    require_home(home)
    if why := quarantine.trouble(home):
        raise quarantine.unusable(home, why)
    require_own_key(home, damaged=False)
    with _copy_of(home) as database:
        migration = database.pending_migration()
        if migration:
            database.migrate()
        with database.read() as session:
            devices = list(device_store.devices(session))
    for row in devices:
        _require_driver(row, parts)
    parts.faces.check(b"")  # its process starts and loads the networks, or this raises
    return {
        "home": str(home.path),
        "migration": {"from": migration[0], "to": migration[1]} if migration else None,
        "devices": len(devices),
    }


@contextmanager
def _copy_of(home: Home) -> Iterator[Database]:
    """Open a private copy of the database, which is gone afterwards; also what a killed check left is removed."""
    home.cache.mkdir(mode=0o700, exist_ok=True)
    for left in home.cache.glob(f"{_PREFIX}*"):
        if not _is_running(left.name):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=home.cache) as folder:
        path = Path(folder) / home.database.name
        integrity.copy(home.database, path)
        database = Database.open(path)
        try:
            yield database
        finally:
            database.close()


def _is_running(name: str) -> bool:
    number = name.removeprefix(_PREFIX).partition("-")[0]
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def _require_driver(row: DeviceRow, parts: Parts) -> None:
    try:
        parts.catalog.get(row.driver).options.model_validate(dict(row.options))
    except DevicemgrError as error:
        raise SystemFault(f"device {row.name} would not start: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SystemFault(
            f"device {row.name} would not start: option {where}: {first['msg']}",
            hint=Hint("edit_device", name=row.name),
        ) from error
