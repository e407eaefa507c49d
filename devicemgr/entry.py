"""How the daemon enters a home: with its database if that can be used, with the last good snapshot if not."""

from devicemgr import frozen, quarantine, reserve
from devicemgr.errors import DevicemgrError
from devicemgr.home import Home
from devicemgr.rulebook import Rulebook
from devicemgr.site import Parts, Site, finish_restore, initialise, open_site
from devicemgr.store import holdings, ledger_rows, places, settings
from devicemgr.store.tables import DeviceRow


def open_for_daemon(home: Home, parts: Parts) -> Site:
    """Make or migrate the home and open it; a database that can't be used is set aside first, with its reason."""
    home.make()
    with home.taken():
        reserve.spend(home)
    finish_restore(home)
    if quarantine.trouble(home, thorough=True):
        _set_aside(home, None)
    else:
        opened = _opened(home, parts)
        if isinstance(opened, Site):
            return opened
        _set_aside(home, opened)
    return open_site(home, parts, nobody=True)


def _opened(home: Home, parts: Parts) -> Site | str:
    """The site, or why its database can't be used after all."""
    try:
        initialise(home)
        site = open_site(home, parts)
    except DevicemgrError as error:
        if "damaged" in str(error):
            return str(error)
        raise
    except Exception as error:
        return f"it can't be opened: {type(error).__name__}"
    if (why := _unreadable(site)) is not None:
        site.close()
        return why
    return site


def _set_aside(home: Home, why: str | None) -> None:
    with home.taken():
        frozen.sweep(home)
        why = why or quarantine.trouble(home, thorough=True)
        if why is not None and home.database.exists():
            quarantine.set_aside(home, why)


def _unreadable(site: Site) -> str | None:
    """Read once what deciding needs: damage that SQLite does not see must not end the daemon at each start anew."""
    try:
        Rulebook(site.database, site.parts.catalog).refresh()
        site.gallery.refresh()
        with site.database.read() as session:
            settings.load(session)
            ledger_rows.head(session)
            holdings.counts(session)
            for row in places.devices(session):
                _device(row, site)
    except DevicemgrError as error:
        return str(error) if "damaged" in str(error) else None
    except Exception as error:
        return f"it can't be read: {type(error).__name__}"
    return None


def _device(row: DeviceRow, site: Site) -> None:
    try:
        places.device_config(row, site.vault)
    except DevicemgrError:  # one device's password; told when that device is left out
        return
