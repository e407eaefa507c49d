"""How the daemon enters a home: with its database if that can be used, with the last good snapshot if not."""

import logging

from devicemgr.access.policy_cache import Rulebook
from devicemgr.errors import DatabaseDamaged, DevicemgrError, Hint, NotInitialized, StorageFailed
from devicemgr.home import Home
from devicemgr.recovery import disk_reserve, home_swap, quarantine, read_only_database
from devicemgr.site.site import Parts, Site, finish_restore, initialize, open_site, require_own_key
from devicemgr.store.ledger import events
from devicemgr.store.site import device_sync, devices as device_store, settings
from devicemgr.store.sqlite_errors import reading_stored
from devicemgr.store.tables import DeviceRow

log = logging.getLogger(__name__)


def require_home(home: Home) -> None:
    """Raise NotInitialized for a home that `init` never made: a daemon on an empty one would know no one.

    A home that had a database and lost it counts as made: its daemon runs from the snapshot, if there is one.
    """
    try:
        is_made = home.database.exists() or quarantine.had_one(home) or home_swap.is_under_way(home)
    except OSError as error:
        raise StorageFailed(
            f"cannot look into {home.path} ({error.strerror})", advice="check who owns the home folder"
        ) from error
    if not is_made:
        raise NotInitialized(f"there is no home in {home.path}", hint=Hint("make_home"))


def open_for_daemon(home: Home, parts: Parts) -> Site:
    """Make or migrate the home and open it; a database that can't be used is quarantined first, with its reason.

    KeyMissing, and nothing is changed, for a key that is damaged, gone or another database's.
    """
    home.make()
    with home.taken():
        disk_reserve.spend(home)
    finish_restore(home)
    damaged = quarantine.trouble(home, thorough=True) is not None
    require_own_key(home, damaged=damaged)
    why = None
    if not damaged:
        try:
            return _opened(home, parts)
        except DatabaseDamaged as error:
            why = str(error)
    _quarantine(home, why)
    return open_site(home, parts, without_people=True)


def _opened(home: Home, parts: Parts) -> Site:
    """Open the site; DatabaseDamaged where its database can't be used after all."""
    initialize(home)
    site = open_site(home, parts)
    try:
        _read_through(site)
    except BaseException:
        site.close()
        raise
    return site


def _quarantine(home: Home, why: str | None) -> None:
    with home.taken():
        read_only_database.sweep(home)
        why = why or quarantine.trouble(home, thorough=True)
        if why is not None and home.database.exists():
            quarantine.quarantine(home, why)


def _read_through(site: Site) -> None:
    """Read once what deciding needs: damage that SQLite does not see must not end the daemon at each start."""
    try:
        Rulebook(site.database, site.parts.catalog).refresh()
        site.gallery.refresh()
        with site.database.read() as session, reading_stored("values"):
            settings.load(session)
            events.head(session)
            device_sync.counts(session)
            for row in device_store.devices(session):
                _device(row, site)
    except DatabaseDamaged:
        raise
    except DevicemgrError as error:
        log.warning("Failed to read the site through before its start: %s", error)


def _device(row: DeviceRow, site: Site) -> None:
    try:
        device_store.device_config(row, site.vault)
    except DevicemgrError:  # one device's password; logged when that device is left out
        return
