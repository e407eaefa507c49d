"""The box at a glance, for everyone who works with it: disk, backups, clock and model; no paths and no secrets."""

import shutil
from contextlib import suppress
from typing import Any

from devicemgr.clock.ntp import is_synchronized
from devicemgr.errors import StorageFailed
from devicemgr.recovery import backup
from devicemgr.site.site import Site


def facts(site: Site) -> dict[str, Any]:
    """Return what is known without a look at a device; null for what can't be read."""
    disk = shutil.disk_usage(site.home.path)
    last = None
    with suppress(StorageFailed), site.database.read() as session:
        last = backup.last(session)
    return {
        "disk_free_bytes": disk.free,
        "disk_total_bytes": disk.total,
        "backup_made": last["made"] if last else None,
        "clock_behind_s": site.clock.behind_s,
        "clock_ahead_s": site.clock.ahead_s,
        "clock_synchronized": is_synchronized(),
    }
