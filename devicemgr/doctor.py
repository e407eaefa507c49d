"""Checks of the box, the home and each device; each answer says what is wrong and what to do."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import packages_distributions
from typing import Any

from devicemgr import backup
from devicemgr.errors import DevicemgrError
from devicemgr.runtime import Runtime
from devicemgr.site import Site
from devicemgr.store import consents, people, places
from devicemgr.store.database import get_meta
from devicemgr.text import rfc3339

_FREE_BYTES = 500 * 1024 * 1024
_TEST_SECONDS = 20.0
_CONSENT_DAYS = 14


def examine(site: Site, runtime: Runtime) -> list[dict[str, Any]]:
    """All checks: `{"check", "ok", "detail", "fix"}`."""
    return [
        _run("python", _python),
        _run("packages", _packages),
        _run("home", lambda: _home(site)),
        _run("keys", lambda: _keys(site)),
        _run("disk", lambda: _disk(site)),
        _run("database", lambda: _database(site)),
        _run("ledger", lambda: _ledger(site)),
        _run("consents", lambda: _consents(site)),
        _run("backups", lambda: _backups(site)),
        _run("daemon", lambda: _daemon(runtime)),
        *_devices(site, runtime),
    ]


class _Finding(Exception):
    def __init__(self, detail: str, fix: str) -> None:
        super().__init__(detail)
        self.fix = fix


def _run(name: str, check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"check": name, "ok": True, "detail": check(), "fix": None}
    except _Finding as finding:
        return {"check": name, "ok": False, "detail": str(finding), "fix": finding.fix}
    except DevicemgrError as error:
        return {"check": name, "ok": False, "detail": str(error), "fix": None}


def _python() -> str:
    return f"Python {sys.version.split()[0]}"


def _packages() -> str:
    """The top-level names are common words: another distribution's `drivers` in the same environment would win."""
    owners = packages_distributions()
    for name in ("cli", "drivers", "enrollment"):
        foreign = [owner for owner in owners.get(name, []) if owner != "devicemgr"]
        if foreign:
            raise _Finding(
                f"'{name}' also belongs to {', '.join(foreign)}", "install devicemgr into its own environment"
            )
    return "no other package claims our names"


def _home(site: Site) -> str:
    mode = site.home.path.stat().st_mode & 0o777
    if mode & 0o027:
        raise _Finding(f"{site.home.path} is open to others (mode {mode:o})", f"chmod 750 {site.home.path}")
    return str(site.home.path)


def _keys(site: Site) -> str:
    status = site.home.key.stat()
    if status.st_mode & 0o077:
        raise _Finding(f"{site.home.key} is open to others", f"chmod 600 {site.home.key}")
    return "the key file is private and fits the database"


def _disk(site: Site) -> str:
    free = shutil.disk_usage(site.home.path).free
    if free < _FREE_BYTES:
        raise _Finding(f"{free // 2**20} MB are free", "free space on the disk that holds the home folder")
    return f"{free / 2**30:.1f} GB free"


def _database(site: Site) -> str:
    damage = site.database.damage()
    if damage:
        raise _Finding(f"the database is damaged: {damage}", "stop the daemon and restore the last backup")
    return "whole, and of this version"


def _ledger(site: Site) -> str:
    count, flaw = site.ledger.verify()
    if flaw:
        raise _Finding(f"event {flaw.seq}: {flaw.why}", "keep a copy of the database and find out who changed it")
    return f"{count} events, the chain holds"


def _consents(site: Site) -> str:
    soon = rfc3339(datetime.now(UTC) + timedelta(days=_CONSENT_DAYS))
    with site.database.read() as session:
        ending = consents.ending(list(people.all_rows(session)), soon)
        ended = [row for row in ending if consents.in_force(row) is None]
    if ending:
        detail = f"{len(ending) - len(ended)} end within {_CONSENT_DAYS} days; {len(ended)} have ended, the face is off"
        raise _Finding(detail, f"devicemgr person list --expiring {_CONSENT_DAYS}; then enroll renew, or withdraw")
    return f"none ends within {_CONSENT_DAYS} days"


def _backups(site: Site) -> str:
    with site.database.read() as session:
        last, owed = backup.last(session), get_meta(session, backup.OWED)
    if last is None:
        return "none was made yet: see `devicemgr backup`"
    if owed:
        detail = f"somebody was erased, or withdrew their face, and {last['keys']} could not be rewritten"
        raise _Finding(detail, "make a backup, which rewrites it, and delete every copy of the file before")
    return f"the last one is of {last['made']}"


def _daemon(runtime: Runtime) -> str:
    if not runtime.running:
        raise _Finding("no daemon runs", "start it: systemctl start devicemgr, or devicemgr run")
    return f"running for {runtime.status()['daemon']['uptime_s']:.0f} s"


def _devices(site: Site, runtime: Runtime) -> Iterator[dict[str, Any]]:
    with site.database.read() as session:
        names = [row.name for row in places.devices(session)]
    for name in names:
        yield _run(f"device {name}", lambda name=name: _device(runtime, name))  # type: ignore[misc]


def _device(runtime: Runtime, name: str) -> str:
    try:
        found = runtime.call_device(name, lambda device: device.check(), _TEST_SECONDS)
    except DevicemgrError as error:
        raise _Finding(str(error), f"devicemgr device test {name}") from error
    return ", ".join(f"{key}={value}" for key, value in list(found.items())[:6]) or f"answers (uid {os.getuid()})"
