"""Files that must be whole after a crash."""

import os
import secrets
from pathlib import Path

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
    """A new file at `path`, whole or not at all, and on disk at the end; AlreadyExists when there is one."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_durably(draft, content, mode)
        try:
            os.link(draft, path)
        finally:
            draft.unlink()
        sync_folder(path.parent)
    except FileExistsError as error:
        raise AlreadyExists(f"{path} is there already; name another file") from error
    except OSError as error:
        raise StorageFailed(
            f"cannot write {path} ({error.strerror}); check the disk and who owns the folder"
        ) from error


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
