"""A home from a backup: staged, checked and brought up to date first, then put in place in one go."""

import base64
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devicemgr.atomic_files import write_durably
from devicemgr.domain.ledger_chain import Flaw
from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import JsonValue
from devicemgr.errors import Hint, InvalidInput, KeyMissing, StorageFailed
from devicemgr.gallery import cache_file
from devicemgr.home import Home
from devicemgr.ledger import spill_replay, verification
from devicemgr.ledger.restorations import RESTORED
from devicemgr.ledger.sealer import Sealer, read_key
from devicemgr.ledger.spill_file import Spill
from devicemgr.ledger.writer import Ledger
from devicemgr.recovery import backup, backup_stream, home_swap, person_keys, plan_pictures
from devicemgr.store import backup_copy
from devicemgr.store.database import FINGERPRINT, Database, get_meta
from devicemgr.store.ledger import events, seals
from devicemgr.store.ledger.sudo_claim import with_claim
from devicemgr.text import rfc3339
from devicemgr.vault import Vault

_ERASED, _WITHDRAWN = "admin.person_erased", "admin.consent_withdrawn"


@dataclass
class _Count:
    """People who came back, and who did not."""

    people: int = 0
    left_out: int = 0
    faceless: int = 0
    revoked: dict[str, set[str]] = field(default_factory=dict)


def restore(
    home: Home,
    file: Path,
    keys: Path,
    passphrase: str,
    actor: str,
    on_progress: Callable[[int, int], None],
    *,
    replace: bool,
) -> dict[str, Any]:
    """Make `home` what `file` holds; the answer of `restore`. `on_progress` gets the bytes done and in all."""
    about, head = _opened(file, passphrase)
    entries = person_keys.read(keys)
    if entries.made < str(about.get("made")):
        raise InvalidInput(
            f"{keys} is older than the backup; give the newest people's keys", hint=Hint("pass_keys_file")
        )
    home.make()
    with home.taken():
        home_swap.finish(home)
        there = home_swap.occupants(home)
        if there and not replace:
            raise InvalidInput(f"{home.path} is not empty ({there[0]})", hint=Hint("replace_home"))
        fresh = home_swap.stage(home)
        try:
            count, manifest = _filled(fresh, file, head, entries, home, on_progress)
            answer = _brought_up(fresh, about, manifest, count, actor, Spill(home.spill, home.spill_key))
            replaced = f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
            home_swap.begin(home, replaced)
        except OSError as error:
            raise StorageFailed(f"cannot restore into {home.path} ({error.strerror}); free space there") from error
        finally:
            home_swap.drop(home)
        home_swap.finish(home)
    with closing(Database.open(home.database)) as database:
        Sealer(home, database).seal()
    return {"home": str(home.path), "replaced": str(home.path / replaced) if there else None, **answer}


def _opened(file: Path, passphrase: str) -> tuple[dict[str, Any], backup_stream.Head]:
    try:
        with file.open("rb") as source:
            about = backup_stream.read_about(source)
    except OSError as error:
        raise StorageFailed(f"cannot read {file} ({error.strerror})") from error
    return about, backup_stream.open_head(about, passphrase)


def _filled(
    fresh: Home,
    file: Path,
    head: backup_stream.Head,
    entries: person_keys.KeysFile,
    home: Home,
    on_progress: Callable[[int, int], None],
) -> tuple[_Count, dict[str, Any]]:
    """Database and keys as they were in the backup, people as far as they may come back."""
    with file.open("rb") as source:
        backup_stream.read_about(source)
        manifest, body = backup_stream.read(source, head)
        if entries.keyring != person_keys.keyring_name(manifest["keyring"]):
            raise InvalidInput("the people's keys are another site's", hint=Hint("pass_keys_file"))
        fresh.key.parent.mkdir(mode=0o700)
        for name, content in manifest["keys"].items():
            write_durably(fresh.key.parent / Path(name).name, base64.b64decode(content))
        write_durably(fresh.database, b"")
        with fresh.database.open("r+b") as target:
            for chunk in body:
                target.write(chunk)
                on_progress(len(chunk), int(manifest["size"]))
    vault, count = Vault.load(fresh.key), _Count()
    if home.database.exists():
        count.revoked = backup_copy.revoked_since(home.database, int(manifest["events"]), (_ERASED, _WITHDRAWN))
    with backup_copy.named(fresh.database) as copy:
        keyring = vault.file_key(manifest["keyring"])
        count.people = copy.put_back(_records(copy, vault, keyring, entries, count))
        plan_pictures.put_back(fresh, copy)
    return count, manifest


def _records(
    copy: backup_copy.Copy, vault: Vault, keyring: Any, entries: person_keys.KeysFile, count: _Count
) -> Iterator[backup_copy.Record]:
    for person, sealed in copy.sealed():
        entry = entries.sealed.get(person)
        if entry is None or person in count.revoked.get(_ERASED, ()):
            count.left_out += 1
            continue
        own = person_keys.unseal(keyring, person, entry)
        opened = vault.file_key(own.record.hex()).open(sealed, backup.binding(person))
        record = backup_copy.unpacked(opened)
        (row,) = record["people"]
        row["backup_key"] = vault.seal_secret(f"backup|{person}", own.record.hex())
        has_withdrawn = person in count.revoked.get(_WITHDRAWN, ())
        if not _give_face(record, person, vault, None if has_withdrawn else own.face) or has_withdrawn:
            _withdraw(record)
            count.faceless += 1
        yield record


def _give_face(record: backup_copy.Record, person: str, vault: Vault, key: bytes | None) -> bool:
    """Return the face's key as stored, if it is the one of these templates; else the face is not restored."""
    stored = record.get("templates", []) + record.get("samples", [])
    wrapped = vault.wrapped(person, key) if key else None
    record["people"][0]["wrapped_key"] = wrapped
    if not stored or (wrapped is not None and _fits(record, person, vault, wrapped)):
        return True
    record["templates"], record["samples"] = [], []
    record["people"][0]["wrapped_key"] = None
    return False


def _withdraw(record: backup_copy.Record) -> None:
    for consent in record.get("consents", []):
        consent["withdrawn"] = consent["withdrawn"] or rfc3339(datetime.now(UTC))


def _fits(record: backup_copy.Record, person: str, vault: Vault, wrapped: bytes) -> bool:
    key = vault.data_key(person, wrapped)
    try:
        for template in record.get("templates", []):
            key.open_template(template["sealed"], template["model"])
        for sample in record.get("samples", []):
            key.open_sample(sample["sealed"], sample["photo_mac"])
    except KeyMissing:
        return False
    return True


def _brought_up(
    fresh: Home, about: dict[str, Any], manifest: dict[str, Any], count: _Count, actor: str, spill: Spill
) -> dict[str, Any]:
    """Check and migrate the home, and record the restore and what the old home's spill file holds."""
    database = Database.open(fresh.database)
    try:
        database.migrate()
        _require_whole(fresh, database)
        detail: dict[str, JsonValue] = {
            "backup": str(about["id"]),
            "made": str(about["made"]),
            "events": int(manifest["events"]),
            "seal": int(manifest["seal"]),
            "people": count.people,
            "left_out": count.left_out,
            "without_face": count.faceless,
        }
        # Backups of 0.1.0 hold no proof: an anchor that knows of later seals will then not be explained by the restore.
        proven = {**detail, "proof": manifest.get("proof")}
        with database.write() as session:
            cache_file.forget(session)
            # At once behind the copy: its place is part of the proof (restorations.is_proven).
            events.append(session, [with_claim(Fact(RESTORED, datetime.now(UTC), actor=actor, detail=proven))])
            if spill.attach():
                spill_replay.bring_in_all(session, spill)
            if spill.damaged:  # the old home's spill file is moved away with it, so that no start will count this
                missing = Fact(Kind.STORAGE_RESTORED, datetime.now(UTC), detail={"damaged": spill.damaged})
                events.append(session, [missing])
        database.forget()
    finally:
        database.close()
    return detail


def _require_whole(fresh: Home, database: Database) -> None:
    """Require that the record in the backup holds, its seals too, and that the key is this database's."""
    key = read_key(fresh.seal_key)
    with database.read() as session:
        fits = get_meta(session, FINGERPRINT) == Vault.load(fresh.key).fingerprint()
        count, flaw = verification.check(Ledger(database, Spill(fresh.spill, fresh.spill_key)), database, key)
        newest = seals.last(session)
    if flaw is None and key is not None and key.newest != newest:
        flaw = Flaw(count, "the key file of the seals is of another time")
    if not fits or flaw is not None:
        why = f"event {flaw.seq}: {flaw.why}" if flaw else "its key is another database's"
        raise InvalidInput(f"the backup does not hold ({why}); nothing was changed; use another backup")
