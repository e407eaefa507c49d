"""The keys of people in backups, in a small file of their own beside the backups: erasing a person rewrites it.

A backup holds each person's record under that person's backup key, and neither that key nor the key of their face. Both
lie here, and each later backup puts a new file in the old one's place, so a person erased since can be read in
no backup, however old. The file is of use only together with a backup: what it holds is sealed by a keyring key that
lies in each of the site's backups, and opens with its passphrase.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devicemgr.atomic_files import replace_durably
from devicemgr.errors import Hint, InvalidInput, KeyMissing, StorageFailed
from devicemgr.vault import FileKey

NAME = "people.keys"
_FORMAT = "devicemgr people keys 1"
_MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PersonKeys:
    """Of the person's record in backups, and of their face; `face` is None without one."""

    record: bytes = field(repr=False)
    face: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeysFile:
    """What the file holds: sealed keys by person's id; `made` as RFC 3339."""

    keyring: str
    made: str
    sealed: Mapping[str, str]


def keyring_name(secret: str) -> str:
    """Tells this keyring from another without telling it."""
    return hashlib.sha256(b"devicemgr keyring|" + bytes.fromhex(secret)).hexdigest()[:32]


def seal(keyring: FileKey, person_id: str, keys: PersonKeys) -> str:
    """Return a person's keys as the file holds them."""
    plain = json.dumps({"record": keys.record.hex(), "face": keys.face.hex() if keys.face else None})
    return keyring.seal(plain.encode(), _binding(person_id)).hex()


def unseal(keyring: FileKey, person_id: str, sealed: str) -> PersonKeys:
    """Return a person's keys again; KeyMissing when they are another's, or another site's."""
    try:
        found = json.loads(keyring.open(bytes.fromhex(sealed), _binding(person_id)))
        return PersonKeys(bytes.fromhex(found["record"]), bytes.fromhex(found["face"]) if found["face"] else None)
    except (ValueError, KeyError, TypeError) as error:
        raise KeyMissing("an entry of the people's keys is damaged; use another copy of that file") from error


def read(path: Path) -> KeysFile:
    """Return the file; InvalidInput when it is something else, StorageFailed when it can't be read."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InvalidInput(f"{path} is too big to be the people's keys", hint=Hint("pass_keys_file"))
        first, *lines = path.read_text(encoding="ascii").splitlines()
        head = json.loads(first)
        if head["format"] != _FORMAT:
            raise ValueError
        entries = [json.loads(line) for line in lines]
        return KeysFile(str(head["keyring"]), str(head["made"]), {str(e["person"]): str(e["keys"]) for e in entries})
    except OSError as error:
        raise StorageFailed(
            f"cannot read the people's keys {path} ({error.strerror}); they lie beside the newest backup",
            hint=Hint("pass_keys_file"),
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} is not the file of the people's keys", hint=Hint("pass_keys_file")) from error


def write(path: Path, found: KeysFile) -> None:
    """Put the file in place, whole or not at all; a file of another site, or of another kind, is left alone."""
    if path.exists() and read(path).keyring != found.keyring:
        raise InvalidInput(f"{path} holds the keys of another site's people", hint=Hint("pass_keys_file"))
    head = {"format": _FORMAT, "keyring": found.keyring, "made": found.made}
    lines = [head, *({"person": person, "keys": sealed} for person, sealed in found.sealed.items())]
    replace_durably(path, "".join(json.dumps(line) + "\n" for line in lines).encode())


def _binding(person_id: str) -> str:
    return f"people-keys|{person_id}"
