"""Backups: the whole home in one encrypted file, made while the daemon runs; people's keys in a file beside it.

What is in the file: the database as of one moment, with every person's record sealed under that person's backup key,
and the keys folder, all under the passphrase. What is beside it, in people.keys: the keys of people (people_keys.py).
"""

import fcntl
import json
import os
import re
import secrets
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devicemgr import __version__
from devicemgr.atomic_files import sync_folder
from devicemgr.domain.ledger_events import Fact
from devicemgr.errors import DevicemgrError, InvalidInput, StorageFailed
from devicemgr.home import Home
from devicemgr.ledger import restorations
from devicemgr.ledger.sealer import Sealer
from devicemgr.recovery import backup_stream, person_keys, plan_pictures
from devicemgr.recovery.person_keys import KeysFile, PersonKeys
from devicemgr.store import backup_copy
from devicemgr.store.database import Database, Session, get_meta, set_meta
from devicemgr.store.ledger import events
from devicemgr.store.ledger.sudo_claim import with_claim
from devicemgr.store.people import people
from devicemgr.text import rfc3339
from devicemgr.vault import FileKey, Vault

LAST = "backup_last"
OWED = "backup_keys_owed"
_KEYRING = "backup_keyring"
_SUBJECT = "backup-keyring"
_MAX_KEY_BYTES = 64 * 1024
_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}\.part")

OnProgress = Callable[[int], None]
"""Hears of bytes done."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a backup is made from."""

    home: Home
    database: Database
    vault: Vault


def make(work: Work, file: Path, keys: Path, passphrase: str, actor: str, on_progress: OnProgress) -> dict[str, Any]:
    """Write `file`, whole and read back, or not at all, and the people's keys into `keys`; the answer of `backup`."""
    backup_stream.checked_passphrase(passphrase)
    _require_replaceable(file)
    _sweep(file.parent)
    made, identity = rfc3339(datetime.now(UTC)), str(uuid.uuid4())
    secret = _prepare(work)
    proof = restorations.new_proof()
    _record_begin(work, identity, proof, actor)
    sealer = Sealer(work.home, work.database)
    sealer.seal()
    with sealer.alone(), backup_copy.nameless(work.home.database, work.home.path) as copy:
        manifest = _manifest(work, copy, secret) | {"proof": proof}
        _write_keys(work, keys, secret, made)
        manifest["people"] = copy.take_out(_record_sealer(work))
        copy.add_files(plan_pictures.of(work.home, copy))
        manifest["size"] = copy.size
        about = {"id": identity, "made": made, "by": f"devicemgr {__version__}", "schema": manifest["schema"]}
        draft = _write(file, passphrase, about, manifest, copy, on_progress)
    summary = {name: manifest[name] for name in ("people", "events")} | {"id": identity, "made": made}
    try:
        size = draft.stat().st_size
        _record(work, keys, summary, actor)
        draft.replace(file)
        sync_folder(file.parent)
    except OSError as error:
        raise StorageFailed(f"cannot put {file} in place ({error.strerror}); choose another file") from error
    finally:
        draft.unlink(missing_ok=True)
    return {"file": str(file), "keys": str(keys), "bytes": size, **summary}


def _require_replaceable(file: Path) -> None:
    """Refuse to replace anything but an older backup."""
    try:
        if file.exists():
            with file.open("rb") as found:
                backup_stream.read_about(found)
    except InvalidInput as error:
        raise InvalidInput(f"{file} is there already and is no backup; choose another file") from error
    except OSError as error:
        raise StorageFailed(f"cannot look at {file} ({error.strerror}); choose another file") from error


def _sweep(folder: Path) -> None:
    """Delete drafts that were left by a kill: a process that still writes one holds a lock on it."""
    for path in folder.glob(".*.part"):
        with suppress(OSError), path.open("rb") as draft:
            fcntl.flock(draft, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _DRAFT.fullmatch(path.name) and draft.read(len(backup_stream.MAGIC)) in (b"", backup_stream.MAGIC):
                path.unlink()


def _prepare(work: Work) -> str:
    """Everybody has a backup key, and the site its keyring, whose secret is given."""
    with work.database.write(changes_site=False) as session:
        for row in people.without_backup_key(session):
            row.backup_key = work.vault.seal_secret(f"backup|{row.id}", secrets.token_hex(32))
        secret = keyring_secret(session, work.vault)
        if secret is None:
            secret, _ = work.vault.new_file_key()
            adopt_keyring(session, work.vault, secret)
    return secret


def keyring_secret(session: Session, vault: Vault) -> str | None:
    """Return the secret of the site's keyring; None before the first backup."""
    sealed = get_meta(session, _KEYRING)
    return vault.open_secret(_SUBJECT, bytes.fromhex(sealed)) if sealed else None


def adopt_keyring(session: Session, vault: Vault, secret: str) -> None:
    """Store the site's keyring."""
    set_meta(session, _KEYRING, vault.seal_secret(_SUBJECT, secret).hex())


def reseal_keyring(session: Session, before: Vault, fresh: Vault) -> int:
    """Seal the keyring under another vault; 1 when there is one."""
    secret = keyring_secret(session, before)
    if secret is None:
        return 0
    adopt_keyring(session, fresh, secret)
    return 1


def _manifest(work: Work, copy: backup_copy.Copy, secret: str) -> dict[str, Any]:
    """Return what is in the backup beside the database: keys, and where the record stood."""
    folder = work.home.key.parent
    found = {work.home.key.name: work.vault.dump()}
    for path in sorted(folder.iterdir()):
        inside = path.is_file() and not path.is_symlink() and path.suffix != ".lock" and not path.name.startswith(".")
        if inside and path.name not in found and not path.name.startswith(work.home.key.name):
            if path.stat().st_size > _MAX_KEY_BYTES:
                raise StorageFailed(f"{path} is too big to be a key; move it out of the folder of the keys")
            found[path.name] = path.read_bytes()
    return {
        "keys": {name: backup_stream.text_of(content) for name, content in found.items()},
        "keyring": secret,
        "events": copy.scalar("SELECT max(seq) FROM events") or 0,
        "seal": copy.scalar("SELECT max(number) FROM seals") or 0,
        "schema": copy.scalar("SELECT version_num FROM alembic_version"),
    }


def _write_keys(work: Work, path: Path, secret: str, made: str) -> None:
    keyring = work.vault.file_key(secret)
    with work.database.read() as session:
        found = {person: _sealed(work.vault, keyring, person, *pair) for person, *pair in people.keys(session)}
    entries = {person: sealed for person, sealed in found.items() if sealed is not None}
    person_keys.write(path, KeysFile(person_keys.keyring_name(secret), made, entries))


def _sealed(vault: Vault, keyring: FileKey, person: str, backup_key: bytes | None, wrapped: bytes | None) -> str | None:
    if backup_key is None:
        return None
    record = bytes.fromhex(vault.open_secret(f"backup|{person}", backup_key))
    face = vault.data_key(person, wrapped).bare() if wrapped else None
    return person_keys.seal(keyring, person, PersonKeys(record, face))


def _record_sealer(work: Work) -> Callable[[str, bytes], bytes]:
    with work.database.read() as session:
        wrapped = {person: backup_key for person, backup_key, _ in people.keys(session)}

    def seal(person: str, record: bytes) -> bytes:
        # A person who was added, or erased, in this very moment is in the next backup, or in none.
        own = wrapped.get(person)
        key = work.vault.open_secret(f"backup|{person}", own) if own else secrets.token_hex(32)
        return work.vault.file_key(key).seal(record, binding(person))

    return seal


def binding(person: str) -> str:
    """Return what a person's record in a backup is bound to."""
    return f"backup-person|{person}"


def _write(
    file: Path,
    passphrase: str,
    about: dict[str, Any],
    manifest: dict[str, Any],
    copy: backup_copy.Copy,
    on_progress: OnProgress,
) -> Path:
    """Return the draft beside `file`: on disk, and read back from there."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            head = backup_stream.write(out, passphrase, about, manifest, copy.chunks())
            out.flush()
            os.fsync(out.fileno())
        on_progress(0)
        with draft.open("rb") as written:
            backup_stream.read_about(written)
            _, body = backup_stream.read(written, head)
            if backup_stream.digest_of(body, on_progress) != backup_stream.digest_of(copy.chunks(), lambda _: None):
                raise StorageFailed(f"what was written to {file} reads back as something else; check that disk")
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageFailed(f"cannot write {file} ({error.strerror}); choose another file, or free space") from error
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _record_begin(work: Work, identity: str, proof: str, actor: str) -> None:
    """Commit the record, which the backup will hold a copy of, to the secret that the backup alone holds."""
    detail = {"id": identity, "commitment": restorations.commitment(proof)}
    with work.database.write(changes_site=False) as session:
        fact = Fact(restorations.BACKUP_BEGUN, datetime.now(UTC), actor=actor, detail=detail)
        events.append(session, [with_claim(fact)])


def _record(work: Work, keys: Path, summary: dict[str, Any], actor: str) -> None:
    """No copy without a record of it; it is committed before the file has its name."""
    with work.database.write(changes_site=False) as session:
        fact = Fact("admin.backup_made", datetime.now(UTC), actor=actor, detail=summary)
        events.append(session, [with_claim(fact)])
        set_meta(session, LAST, json.dumps({**summary, "keys": str(keys)}))
        set_meta(session, OWED, "")


def last(session: Session) -> dict[str, Any] | None:
    """Return what is known of the last backup: id, made, people, events, and where the people's keys were put."""
    text = get_meta(session, LAST)
    found: dict[str, Any] | None = json.loads(text) if text else None
    return found


def forget(database: Database, vault: Vault, person_id: str) -> bool:
    """Take from the people's keys what is no longer anybody's: True when no backup shows it from now on."""
    with database.read() as session:
        known = last(session)
        secret = keyring_secret(session, vault) if known else None
        backup_key, wrapped = people.keys_of(session, person_id)
    if known is None or secret is None:
        return True
    done = False
    with suppress(DevicemgrError):
        path = Path(known["keys"])
        found = person_keys.read(path)
        entry = _sealed(vault, vault.file_key(secret), person_id, backup_key, wrapped)
        rest = {person: sealed for person, sealed in found.sealed.items() if person != person_id}
        changed = rest | ({person_id: entry} if entry and person_id in found.sealed else {})
        person_keys.write(path, KeysFile(found.keyring, found.made, changed))
        done = True
    if not done:
        with database.write(changes_site=False) as session:
            set_meta(session, OWED, rfc3339(datetime.now(UTC)))
    return done
