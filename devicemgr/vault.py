"""Keys and what they protect: AES-256-GCM under a master key kept outside the database (NIST SP 800-38D).

Each person has a data key, wrapped by the master key; destroying it makes that person's templates unreadable,
wherever copies of the database lie. Person, model and version are authenticated with each template, so a row
swapped between people is rejected.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from devicemgr.atomic_files import sync_folder, write_durably
from devicemgr.errors import KeyMissing, StorageFailed

_NONCE = 12
_KEY = 32


def _seal(key: bytes, plaintext: bytes, associated: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, associated.encode())


def _open(key: bytes, sealed: bytes, associated: str) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], associated.encode())
    except (InvalidTag, ValueError) as error:
        raise KeyMissing(
            "a protected record does not open with this key: it was altered, moved between people, or the key file "
            "belongs to another database; restore the key file or the database from the same backup"
        ) from error


class DataKey:
    """One person's key, in clear; lives in memory only."""

    def __init__(self, person_id: str, key: bytes) -> None:
        self._person_id = person_id
        self._key = key

    def __repr__(self) -> str:
        return "DataKey(…)"

    def seal_template(self, embedding: bytes, model: str) -> bytes:
        """Encrypt an embedding's bytes, bound to the person and to `model`, which names weights and version."""
        return _seal(self._key, embedding, f"template|{self._person_id}|{model}")

    def open_template(self, sealed: bytes, model: str) -> bytes:
        """Return the embedding's bytes; KeyMissing when person, model or a bit differ."""
        return _open(self._key, sealed, f"template|{self._person_id}|{model}")

    def seal_sample(self, sample: bytes, photo_mac: bytes) -> bytes:
        """Encrypt a kept face, bound to the person and to the photo it was cut from."""
        return _seal(self._key, sample, f"sample|{self._person_id}|{photo_mac.hex()}")

    def open_sample(self, sealed: bytes, photo_mac: bytes) -> bytes:
        """Return the kept face again; KeyMissing when it is another person's or another photo's."""
        return _open(self._key, sealed, f"sample|{self._person_id}|{photo_mac.hex()}")

    def bare(self) -> bytes:
        """Return the key itself, to be sealed at once under another one."""
        return self._key

    def photo_mac(self, photo: bytes) -> bytes:
        """Return a keyed digest that recognizes the same photo again, and nothing else."""
        return hmac.new(self._key, b"photo|" + hashlib.sha256(photo).digest(), hashlib.sha256).digest()


class FileKey:
    """The key of one file, in clear; lives in memory only."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "FileKey(…)"

    def seal(self, plaintext: bytes, associated: str) -> bytes:
        """Encrypt a file's bytes, bound to what `associated` says of them."""
        return _seal(self._key, plaintext, associated)

    def open(self, sealed: bytes, associated: str) -> bytes:
        """Return the bytes again; KeyMissing when they are another file's."""
        return _open(self._key, sealed, associated)


class Vault:
    """Holds the master key and the keys derived from it."""

    def __init__(self, master: bytes) -> None:
        self._master = master
        self._secrets = self._derive("device-secrets")
        self._before: Vault | None = None

    @classmethod
    def fresh(cls) -> "Vault":
        """Return a new key, nowhere but in memory."""
        return cls(secrets.token_bytes(_KEY))

    @classmethod
    def twin(cls, other: "Vault") -> "Vault":
        """Return the same key again, which stays when the other one goes on to a new key."""
        return cls(other._master)

    def adopt(self, other: "Vault") -> None:
        """Go on with another key; what was sealed under the one before still opens here."""
        self._before = Vault(self._master)
        self._master, self._secrets = other._master, other._secrets

    def __repr__(self) -> str:
        return "Vault(…)"

    def _derive(self, purpose: str) -> bytes:
        return HKDF(SHA256(), _KEY, salt=None, info=f"devicemgr v1 {purpose}".encode()).derive(self._master)

    @classmethod
    def create(cls, path: Path) -> "Vault":
        """Make a new key file (mode 0600), whole or not at all, that must not exist yet; else StorageFailed."""
        master = secrets.token_bytes(_KEY)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_durably(draft, base64.b64encode(master) + b"\n")
            try:
                os.link(draft, path)
            finally:
                draft.unlink()
            sync_folder(path.parent)
            sync_folder(path.parent.parent)
        except OSError as error:
            raise StorageFailed(
                f"cannot make the key file {path} ({error.strerror})", advice="check the home folder"
            ) from error
        return cls(master)

    @classmethod
    def load(cls, path: Path, *, credential: bool = False) -> "Vault":
        """Read the key file; KeyMissing when it is absent, malformed, or readable by others.

        Of a systemd credential the group's bits show its access list, which names the service's user alone.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read(256) if stat.S_ISREG(mode) else b""
        except OSError as error:
            message = f"cannot read the key file {path} ({error.strerror}); restore it from its backup"
            raise KeyMissing(message) from error
        if mode & (0o007 if credential else 0o077):
            raise KeyMissing(f"the key file {path} is open to other users; run: chmod 600 {path}")
        try:
            master = base64.b64decode(text.strip(), validate=True)
        except binascii.Error as error:
            raise KeyMissing(f"the key file {path} is damaged; restore it from its backup") from error
        if len(master) != _KEY:
            raise KeyMissing(f"the key file {path} is damaged; restore it from its backup")
        return cls(master)

    def fingerprint(self) -> str:
        """Tells this key from another without telling the key; stored in the database to notice a mismatch."""
        return self._derive("fingerprint").hex()[:32]

    def new_data_key(self, person_id: str) -> tuple[DataKey, bytes]:
        """Return a fresh key for a person, in clear and wrapped for storage."""
        key = secrets.token_bytes(_KEY)
        return DataKey(person_id, key), self.wrapped(person_id, key)

    def wrapped(self, person_id: str, key: bytes) -> bytes:
        """Return a person's key that was restored, wrapped for storage."""
        return _seal(self._master, key, f"person-key|{person_id}")

    def dump(self) -> bytes:
        """As the key file holds it; for a sealed backup only."""
        return base64.b64encode(self._master) + b"\n"

    def data_key(self, person_id: str, wrapped: bytes) -> DataKey:
        """Unwrap a person's key; KeyMissing when it is another person's or another vault's."""
        try:
            return DataKey(person_id, _open(self._master, wrapped, f"person-key|{person_id}"))
        except KeyMissing:
            if self._before is None:
                raise
            return self._before.data_key(person_id, wrapped)

    def new_file_key(self) -> tuple[str, FileKey]:
        """Return a fresh key for a file: as a secret to be sealed and stored, and ready for use."""
        secret = secrets.token_hex(_KEY)
        return secret, self.file_key(secret)

    def file_key(self, secret: str) -> FileKey:
        """Return the key of a file from its opened secret."""
        return FileKey(bytes.fromhex(secret))

    def seal_secret(self, subject: str, secret: str) -> bytes:
        """Encrypt a device's password, bound to `subject` (the device's id)."""
        return _seal(self._secrets, secret.encode(), f"secret|{subject}")

    def open_secret(self, subject: str, sealed: bytes) -> str:
        """Return the password again; KeyMissing when altered or another device's."""
        try:
            return _open(self._secrets, sealed, f"secret|{subject}").decode()
        except KeyMissing:
            if self._before is None:
                raise
            return self._before.open_secret(subject, sealed)
