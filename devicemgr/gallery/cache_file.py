"""The opened templates in one sealed file, so that a big gallery is there a second after the start.

The file's key lies, wrapped, in the database, and goes with the first template that is erased: in the same
transaction, so that every copy of the file is unreadable from then on. The store stays the truth: it says whose
templates there are, and the file only saves opening them one by one.
"""

import json
import logging
import os
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from devicemgr.domain.ports.recognition import Embedding
from devicemgr.errors import KeyMissing
from devicemgr.store.database import Session, get_meta, set_meta
from devicemgr.vault import Vault

log = logging.getLogger(__name__)

_META = "gallery_file_key"
_SUBJECT = "gallery-file"
_LENGTH = struct.Struct("<Q")
_MAX_BYTES = 4 * 1024**3


def forget(session: Session) -> None:
    """Destroy the file's key with whatever else this transaction erases."""
    set_meta(session, _META, "")


def adopt(session: Session, wrapped: str) -> None:
    """Make the file that `save` wrote the one in force; `session` in a write transaction at the same revision."""
    set_meta(session, _META, wrapped)


def reseal(session: Session, before: Vault, fresh: Vault) -> int:
    """Wrap the file's key under another vault; 1 when there is one."""
    wrapped = get_meta(session, _META)
    if not wrapped:
        return 0
    adopt(session, fresh.seal_secret(_SUBJECT, before.open_secret(_SUBJECT, bytes.fromhex(wrapped))).hex())
    return 1


def save(vault: Vault, path: Path, opened: Mapping[str, Embedding], model: str) -> str:
    """Write the file again, templates by id, under a new key, and return the wrapped key. Waits for no transaction."""
    secret, key = vault.new_file_key()
    names = json.dumps(list(opened)).encode()
    vectors = np.ascontiguousarray(list(opened.values()), dtype="<f4")
    sealed = key.seal(_LENGTH.pack(len(names)) + names + vectors.tobytes(), _binding(model))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(sealed)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return vault.seal_secret(_SUBJECT, secret).hex()


def load(session: Session, vault: Vault, path: Path, model: str) -> dict[str, Embedding]:
    """Templates of `model` by id; none when there is no such file, or it does not open."""
    wrapped = get_meta(session, _META)
    if not wrapped or not path.is_file() or path.stat().st_size > _MAX_BYTES:
        return {}
    try:
        key = vault.file_key(vault.open_secret(_SUBJECT, bytes.fromhex(wrapped)))
        plain = key.open(path.read_bytes(), _binding(model))
    except (KeyMissing, OSError, ValueError):
        log.info("the saved gallery is of another time; the templates are opened one by one")
        return {}
    (length,) = _LENGTH.unpack_from(plain)
    names = json.loads(plain[_LENGTH.size : _LENGTH.size + length])
    vectors = np.frombuffer(plain, dtype="<f4", offset=_LENGTH.size + length).reshape(len(names), -1)
    return dict(zip(names, vectors, strict=True))


def _binding(model: str) -> str:
    return f"gallery|{model}"
