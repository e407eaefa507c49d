"""The drop folder: where others put the files of sources; a file is opened by its name there and nothing else.

Who may write into the folder is not trusted with this computer: links are not followed, a file that has another name
elsewhere is refused, and so is anything that is no regular file.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from devicemgr.errors import InvalidInput, NotFound, RequestError, StorageFailed
from devicemgr.home import Home
from devicemgr.people.tables.reader import MAX_BYTES
from devicemgr.site.sources.fields import checked_file_name
from devicemgr.text import safe

_FOLDER_MODE = 0o700
_CHUNK = 1024 * 1024


class Signature(NamedTuple):
    """By what a file is known to be the same, without reading it."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


def make(home: Home) -> None:
    """Make the drop folder, for the home's owner alone, unless it is there."""
    try:
        home.inbox.mkdir(mode=_FOLDER_MODE)
        if os.geteuid() == 0:  # made by root, it would be closed to the daemon's own user
            owner = home.path.stat()
            os.chown(home.inbox, owner.st_uid, owner.st_gid)
    except FileExistsError:
        return
    except OSError as error:
        raise StorageFailed(f"cannot make {home.inbox} ({error.strerror}); check who owns the home folder") from error


def look(home: Home, name: str) -> Signature | None:
    """Return the signature of what has this name, whatever it is; None if there is nothing."""
    with suppress(OSError):
        return _signature((home.inbox / checked_file_name(name)).lstat())
    return None


def read(home: Home, name: str) -> tuple[bytes, Signature]:
    """Return a file's bytes, as they were at one moment, and its signature.

    Raises NotFound if there is no such file, InvalidInput if it is not a plain file of up to 20 MB, and RequestError
    if it was written or exchanged in between.
    """
    with _opened(home, name) as descriptor:
        before = _signature(os.fstat(descriptor))
        if before.size > MAX_BYTES:
            raise InvalidInput(f"{safe(name, 100)} is over 20 MB; split it")
        data = b"".join(_chunks(descriptor))
        after = _signature(os.fstat(descriptor))
    if before != after or len(data) != after.size or look(home, name) != after:
        raise RequestError(f"{safe(name, 100)} was changed while it was read; nothing was changed, try again")
    return data, after


def _chunks(descriptor: int) -> Iterator[bytes]:
    left = MAX_BYTES + 1
    while left > 0 and (chunk := os.read(descriptor, min(_CHUNK, left))):
        left -= len(chunk)
        yield chunk


@contextmanager
def _opened(home: Home, name: str) -> Iterator[int]:
    """Open a plain file of the folder."""
    shown = safe(checked_file_name(name), 100)
    try:
        with _folder(home) as folder:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=folder)
        try:
            _require_plain(os.fstat(descriptor), shown)
            yield descriptor
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {shown} in {home.inbox}; put it there") from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EMLINK):
            raise _not_plain(shown) from error
        raise StorageFailed(f"cannot read {shown} in {home.inbox} ({error.strerror}); check who owns it") from error


@contextmanager
def _folder(home: Home) -> Iterator[int]:
    try:
        descriptor = os.open(home.inbox, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except NotADirectoryError as error:
        raise StorageFailed(f"{home.inbox} is no folder; remove it, and the next run makes one") from error
    try:
        if os.fstat(descriptor).st_mode & stat.S_IWOTH:
            raise StorageFailed(f"everyone on this computer can write into {home.inbox}; run: chmod o-w on it")
        yield descriptor
    finally:
        os.close(descriptor)


def _require_plain(found: os.stat_result, shown: str) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise _not_plain(shown)


def _not_plain(shown: str) -> InvalidInput:
    return InvalidInput(f"{shown} is a link or no plain file; put a copy of the table into the drop folder")


def _signature(found: os.stat_result) -> Signature:
    return Signature(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
