"""A backup as a file: one stream of bytes, encrypted and authenticated in chunks, under a key that a passphrase opens.

A line of JSON says in clear which backup this is; then come chunks of AES-256-GCM (NIST SP 800-38D) under a key made
for this file alone. Each chunk is bound to that line, to its place and to whether it is the last one, so that nothing
can be changed, moved or cut off. The file's key is wrapped under the passphrase by Argon2id (RFC 9106).
"""

import base64
import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from devicemgr.errors import InvalidInput

MAGIC = b"devicemgr backup 1\n"
CHUNK = 1024 * 1024
MIN_PASSPHRASE = 12
_FRAME = struct.Struct(">IB")
_LENGTH = struct.Struct(">I")
_TAG = 16
_MAX_HEAD = 16 * 1024
_MAX_MANIFEST = 16 * 1024 * 1024
# RFC 9106, second choice of parameters; a file that asks for more than this is not ours.
_PASSES, _MEMORY_KIB, _LANES = 3, 64 * 1024, 4
_MAX_PASSES, _MAX_MEMORY_KIB, _MAX_LANES = 10, 1024 * 1024, 16


@dataclass(frozen=True, slots=True)
class Head:
    """What is readable without the passphrase: `about` is the line's fields, `key` opens the chunks."""

    about: dict[str, Any]
    key: bytes

    def __repr__(self) -> str:
        return f"Head({self.about.get('id')})"


def checked_passphrase(passphrase: str) -> str:
    """Return the passphrase, when it is long enough to stand alone before all faces; else InvalidInput."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise InvalidInput(f"the passphrase is too short; use {MIN_PASSPHRASE} characters or more")
    return passphrase


def write(
    file: BinaryIO, passphrase: str, about: dict[str, Any], manifest: dict[str, Any], body: Iterable[bytes]
) -> Head:
    """Write a backup of `manifest` and the bytes of `body`; the head, to read it back."""
    key = os.urandom(32)
    salt = os.urandom(16)
    kdf = {"name": "argon2id", "salt": salt.hex(), "passes": _PASSES, "memory_kib": _MEMORY_KIB, "lanes": _LANES}
    line = {**about, "kdf": kdf}
    nonce = os.urandom(12)
    wrapped = nonce + AESGCM(_from_passphrase(passphrase, kdf)).encrypt(nonce, key, _canonical(line))
    head = Head({**line, "key": wrapped.hex()}, key)
    first = _canonical(head.about)
    file.write(MAGIC + first + b"\n")
    text = _canonical(manifest)
    _write_chunks(file, key, _digest(first), _joined([_LENGTH.pack(len(text)), text], body))
    return head


def read_about(file: BinaryIO) -> dict[str, Any]:
    """Return the line in clear; InvalidInput for a file that is no backup."""
    if file.read(len(MAGIC)) != MAGIC:
        raise InvalidInput("that is not a backup of devicemgr")
    line = file.readline(_MAX_HEAD)
    try:
        found = json.loads(line)
    except ValueError as error:
        raise InvalidInput("the backup's first line is damaged; use another copy") from error
    if not isinstance(found, dict) or not line.endswith(b"\n"):
        raise InvalidInput("the backup's first line is damaged; use another copy")
    return found


def open_head(about: dict[str, Any], passphrase: str) -> Head:
    """Unwrap the file's key; InvalidInput for a wrong passphrase, or a line that was changed."""
    line = {name: value for name, value in about.items() if name != "key"}
    try:
        wrapped = bytes.fromhex(about["key"])
        opener = AESGCM(_from_passphrase(passphrase, about["kdf"]))
        return Head(about, opener.decrypt(wrapped[:12], wrapped[12:], _canonical(line)))
    except InvalidTag as error:
        raise InvalidInput("the passphrase does not open this backup; try the one it was made with") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput("the backup's first line is damaged; use another copy") from error


def read(file: BinaryIO, head: Head) -> tuple[dict[str, Any], Iterator[bytes]]:
    """Manifest and body behind the first line; InvalidInput as soon as a chunk does not hold or the end is missing."""
    chunks = _read_chunks(file, head.key, _digest(_canonical(head.about)))
    start = b""
    while len(start) < _LENGTH.size and (chunk := next(chunks, None)) is not None:
        start += chunk
    length = _LENGTH.unpack_from(start)[0] if len(start) >= _LENGTH.size else _MAX_MANIFEST + 1
    if length > _MAX_MANIFEST:
        raise InvalidInput("the backup is damaged at its beginning; use another copy")
    while len(start) < _LENGTH.size + length and (chunk := next(chunks, None)) is not None:
        start += chunk
    manifest = json.loads(start[_LENGTH.size : _LENGTH.size + length])
    return manifest, _joined([start[_LENGTH.size + length :]], chunks)


def digest_of(chunks: Iterable[bytes], on_progress: Callable[[int], None]) -> str:
    """SHA-256 of a body, in hex; `on_progress` gets each piece's length."""
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
        on_progress(len(chunk))
    return found.hexdigest()


def _joined(first: Iterable[bytes], rest: Iterable[bytes]) -> Iterator[bytes]:
    yield from first
    yield from rest


def _write_chunks(file: BinaryIO, key: bytes, binding: bytes, pieces: Iterable[bytes]) -> None:
    cipher, number, waiting = AESGCM(key), 0, b""
    for piece in pieces:
        waiting += piece
        while len(waiting) > CHUNK:
            _write_chunk(file, cipher, binding, number, waiting[:CHUNK], last=False)
            number, waiting = number + 1, waiting[CHUNK:]
    _write_chunk(file, cipher, binding, number, waiting, last=True)


def _write_chunk(file: BinaryIO, cipher: AESGCM, binding: bytes, number: int, plain: bytes, *, last: bool) -> None:
    sealed = cipher.encrypt(number.to_bytes(12, "big"), plain, binding + bytes([last]))
    file.write(_FRAME.pack(len(sealed), last) + sealed)


def _read_chunks(file: BinaryIO, key: bytes, binding: bytes) -> Iterator[bytes]:
    cipher, number = AESGCM(key), 0
    while True:
        frame = file.read(_FRAME.size)
        if len(frame) < _FRAME.size:
            raise InvalidInput("the backup's end is missing; use another copy")
        length, last = _FRAME.unpack(frame)
        if length > CHUNK + _TAG:
            raise InvalidInput(f"the backup is damaged at chunk {number}; use another copy")
        try:
            yield cipher.decrypt(number.to_bytes(12, "big"), file.read(length), binding + bytes([last]))
        except (InvalidTag, ValueError) as error:
            raise InvalidInput(f"the backup is damaged at chunk {number}; use another copy") from error
        if last:
            if file.read(1):
                raise InvalidInput("something was added at the backup's end; use another copy")
            return
        number += 1


def _from_passphrase(passphrase: str, kdf: dict[str, Any]) -> bytes:
    passes, memory, lanes = int(kdf["passes"]), int(kdf["memory_kib"]), int(kdf["lanes"])
    known = kdf["name"] == "argon2id" and 1 <= passes <= _MAX_PASSES and 1 <= lanes <= _MAX_LANES
    if not known or not 8 * lanes <= memory <= _MAX_MEMORY_KIB:
        raise ValueError("not our parameters")
    salt = bytes.fromhex(kdf["salt"])
    return hash_secret_raw(passphrase.encode(), salt, passes, memory, lanes, 32, Type.ID)


def _canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _digest(line: bytes) -> bytes:
    return hashlib.sha256(line).digest()


def text_of(key: bytes) -> str:
    """Bytes for a manifest."""
    return base64.b64encode(key).decode()
