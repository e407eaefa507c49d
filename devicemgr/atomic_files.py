"""Files that must be whole after a crash."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from devicemgr.errors import AlreadyExists, StorageFailed


def replace_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put `content` in place of the file at `path`, whole or not at all, and on disk at the end; else StorageFailed."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_durably(draft, content, mode)
        try:
            draft.replace(path)
        except OSError:
            draft.unlink()
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise StorageFailed(
            f"cannot write {path} ({error.strerror}); check the disk and who owns the folder"
        ) from error


def create_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Open a new file at `path`, whole or not at all, and on disk at the end; AlreadyExists when there is one."""
    with new_file(path, mode) as file:
        file.write(content)


@contextmanager
def new_file(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open a draft that becomes the file at `path` at the end of the block, on disk, and is deleted after an error.

    AlreadyExists when there is a file of that name, StorageFailed when it can't be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _put_in_place(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)
    except FileExistsError as error:
        raise AlreadyExists(f"{path} is there already; name another file") from error
    except OSError as error:
        raise StorageFailed(
            f"cannot write {path} ({error.strerror}); check the disk and who owns the folder"
        ) from error


def _put_in_place(draft: Path, path: Path) -> None:
    """Give the draft its name, which must be free."""
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP):
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        draft.replace(path)  # FAT and some network disks have no links


def write_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a new file and its bytes to disk; OSError when it exists."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Bring a folder's entries to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
