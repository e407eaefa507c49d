"""The audit of the record: the chain, the seals over it, and what places outside the database remember."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, BinaryIO

from devicemgr import __version__
from devicemgr.domain.ledger_chain import Flaw
from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.ledger_seals import Seal
from devicemgr.errors import InvalidInput, StorageFailed
from devicemgr.home import Home
from devicemgr.ledger import anchor_check, verification
from devicemgr.ledger.restorations import RECOVERED, RESTORED
from devicemgr.ledger.sealer import KeyFile, read_key
from devicemgr.ledger.spill_file import Spill
from devicemgr.ledger.writer import Ledger
from devicemgr.site.site import Site
from devicemgr.store.database import Database, Session
from devicemgr.store.ledger import events, seals
from devicemgr.store.site import settings
from devicemgr.text import counted, json_line, rfc3339, safe

VERIFIER = files("devicemgr.operations") / "audit_verifier.py"
_BATCH = 1000

OnProgress = Callable[[int, int], None]
"""Hears of how many events are done, of how many; may raise to end the work."""


def _unfollowed(_done: int, _total: int) -> None:
    """Let no one follow."""


def verify(site: Site, root: str | None = None, on_progress: OnProgress = _unfollowed) -> dict[str, Any]:
    """Return the answer of `audit verify`; `root` is the public key that an auditor has noted down."""
    if site.database.frozen:
        return verify_unusable(site.home, site.database.frozen)
    key = read_key(site.home.seal_key)
    total = _total(site, key)
    on_progress(0, total)
    count, flaw = verification.check(site.ledger, site.database, key, lambda done: on_progress(done, total))
    restored: list[dict[str, Any]] = []
    with site.database.read_as_stored() as session:
        newest = seals.last(session)
        if flaw is None:  # else what the rows say is not to be relied on
            flaw = next(_outside(site, session, key, newest), None) or next(_spilled(site, session), None)
            restored = [_restored(body) for body in events.of_kinds(session, (RESTORED, RECOVERED))]
    if flaw is None and root is not None and (key is None or key.root != root.lower()):
        flaw = Flaw(0, "the seals begin with another key than the one given")
    return _answer(count, flaw, key) | {"sealed": _sealed(newest), "restored": restored}


def _total(site: Site, key: KeyFile | None) -> int:
    """Return how many events there are to check."""
    with site.database.read_as_stored() as session:
        return events.head(session)[0] - (key.removed.through if key and key.removed else 0)


def verify_unusable(home: Home, why: str) -> dict[str, Any]:
    """Return the answer for a home whose database can't be used, as far as its events can still be read."""
    key, count, flaw = read_key(home.seal_key), 0, None
    with suppress(StorageFailed):
        database = Database.open_unchanged(home.database)
        try:
            count, flaw = verification.check(Ledger(database, Spill(home.spill, home.spill_key)), database, key)
        finally:
            database.close()
    return _answer(count, flaw or Flaw(0, why), key)


def _answer(count: int, flaw: Flaw | None, key: KeyFile | None) -> dict[str, Any]:
    return {
        "ok": flaw is None,
        "events": count,
        "first_bad_seq": flaw.seq if flaw else None,
        "why": safe(flaw.why) if flaw else None,
        "sealed": None,
        "root": key.root if key else None,
        "restored": [],
        "removed": asdict(key.removed) if key and key.removed else None,
    }


def _sealed(newest: Seal | None) -> dict[str, Any] | None:
    """Return up to where the record is sealed; None before the first seal, and for one whose row makes no sense."""
    if newest is None or type(newest.seq) is not int:
        return None
    return {"seq": newest.seq, "at": safe(str(newest.time)), "seals": newest.number}


def _restored(body: dict[str, Any]) -> dict[str, Any]:
    """Return what is missing: what was recorded between `made` and `at`, behind `events`, and seals behind `seal`."""
    detail = body["detail"]
    if body["kind"] == RECOVERED:  # whose seals begin with another root
        return {"at": body["time"], "made": detail["snapshot"], "events": detail["events"], "seal": 0, "backup": None}
    return {"at": body["time"], **{name: detail.get(name) for name in ("made", "events", "seal", "backup")}}


def _outside(site: Site, session: Session, key: KeyFile | None, newest: Seal | None) -> Iterator[Flaw]:
    """Yield what the key file and the anchors remember, and the database does not hold."""
    hash_of = verification.hash_of(session, key)
    if key is not None and key.newest is not None:
        kept = key.newest
        if (newest.number if newest else 0) < kept.number - 1:  # the newest may be on its way into the database
            yield Flaw(
                kept.seq, f"the key file knows of seal {kept.number}, the database does not: it is an older copy"
            )
        elif hash_of(kept.seq) != kept.head:
            yield Flaw(kept.seq, f"the events up to {kept.seq} are not those that the key file remembers")
    elif newest is not None:
        yield Flaw(newest.seq, f"{site.home.seal_key} is gone; restore it from its backup")
    named = settings.load(session).anchors
    yield from anchor_check.flaws(session, named, key.root if key else None, hash_of)


def _spilled(site: Site, session: Session) -> Iterator[Flaw]:
    """Yield what was recorded in the spill file and never came into the chain: it is gone, or will be at the start."""
    for body in events.of_kinds(session, (Kind.STORAGE_RESTORED,)):
        if count := body["detail"].get("damaged"):
            yield Flaw(body["seq"], f"missing or changed in spill.log when it was read: {counted(count, 'event')}")
    if count := site.ledger.missing_from_spill():
        yield Flaw(events.head(session)[0] + 1, f"missing or changed in spill.log: {counted(count, 'waiting event')}")


def export(site: Site, file: BinaryIO, on_progress: OnProgress = _unfollowed) -> dict[str, Any]:
    """Write a bundle that anybody can verify with Python alone into an open file; return its manifest.

    The record is checked first, which is half of the progress.
    """
    found = verify(site, on_progress=lambda done, total: on_progress(done, 2 * total))
    if not found["ok"]:
        raise InvalidInput(f"the record does not hold, so nothing was exported: {found['why']}")
    manifest = {"format": 1, "made": rfc3339(datetime.now(UTC)), "by": f"devicemgr {__version__}", **found}
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle, site.database.read() as session:
            with bundle.open("events.jsonl", "w", force_zip64=True) as member:
                through = found["removed"]["through"] if found["removed"] else 0
                for count, row in enumerate(events.walk(session, through), found["events"]):
                    if count % _BATCH == 0:
                        on_progress(count, 2 * found["events"])
                    member.write(json_line({"seq": row.seq, "hash": row.hash, "body": row.body}).encode() + b"\n")
            with bundle.open("seals.jsonl", "w", force_zip64=True) as member:
                for seal in seals.walk(session):
                    member.write(json_line(seal.as_json()).encode() + b"\n")
            bundle.writestr("manifest.json", json_line(manifest) + "\n")
            bundle.writestr("verify.py", VERIFIER.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageFailed(
            f"the bundle could not be made ({error.strerror}); free space on the disk of the home folder"
        ) from error
    return manifest
