"""A little of the disk, kept for the day it is full: SQLite needs some even to read, and the daemon must start."""

import logging
import os
import shutil

from devicemgr.home import Home

log = logging.getLogger(__name__)

SIZE = 2 * 1024 * 1024
_PLENTY = 16 * SIZE


def keep(home: Home) -> None:
    """Preallocate the reserve file where the disk has plenty of room; a failure is logged."""
    try:
        if home.reserve.exists() or shutil.disk_usage(home.path).free < _PLENTY:
            return
        descriptor = os.open(home.reserve, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)
        finally:
            os.close(descriptor)
    except OSError as error:
        log.warning("no room could be kept for a full disk: %s", error)


def spend(home: Home) -> None:
    """Delete the reserve file when the disk is full, so that what follows can begin; the caller owns the home."""
    try:
        if shutil.disk_usage(home.path).free < SIZE and home.reserve.exists():
            home.reserve.unlink()
            log.critical("the disk that holds %s is full: free space on it; doors go by on_storage_failure", home.path)
    except OSError as error:
        log.warning("the room kept for a full disk could not be given back: %s", error)
