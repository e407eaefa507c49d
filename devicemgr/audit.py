"""The audit of the record: the chain, the seals over it, and what places outside the database remember."""

import os
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devicemgr import __version__, chain_check
from devicemgr.chain import Flaw
from devicemgr.errors import InvalidInput, StorageFailed
from devicemgr.recover import RECOVERED
from devicemgr.restore import RESTORED
from devicemgr.sealer import newest_in, read_key
from devicemgr.seals import Seal
from devicemgr.site import Site
from devicemgr.store import ledger_rows
from devicemgr.store import seals as rows
from devicemgr.store import settings as stored_settings
from devicemgr.store.database import Session
from devicemgr.text import json_line, rfc3339

_SET_BACK = (RESTORED, RECOVERED)
VERIFIER = Path(__file__).with_name("audit_bundle.py")


def verify(site: Site, root: str | None = None) -> dict[str, Any]:
    """The answer of `audit verify`; `root` is the public key that an auditor has noted down."""
    key = read_key(site.home.seal_key)
    count, flaw = chain_check.check(site.ledger, site.database, key)
    with site.database.read() as session:
        newest = rows.last(session)
        hash_of = chain_check.hash_of(session, key)
        if flaw is None:
            flaw = next(_outside(site, key.newest if key else None, newest, hash_of), None)
        restored = [_restored(body) for body in ledger_rows.of_kinds(session, _SET_BACK)]
    if flaw is None and root is not None and (key is None or key.root != root.lower()):
        flaw = Flaw(0, "the seals begin with another key than the one given")
    sealed = {"seq": newest.seq, "at": newest.time, "seals": newest.number} if newest else None
    return {
        "ok": flaw is None, "events": count, "first_bad_seq": flaw.seq if flaw else None,
        "why": flaw.why if flaw else None, "sealed": sealed, "root": key.root if key else None,
        "restored": restored, "removed": asdict(key.removed) if key and key.removed else None,
    }  # fmt: skip


def _restored(body: dict[str, Any]) -> dict[str, Any]:
    """What was recorded between `made` and `at` is not here: events behind `events`, seals behind `seal`."""
    detail = body["detail"]
    if body["kind"] == RECOVERED:  # whose seals begin anew
        return {"at": body["time"], "made": detail["snapshot"], "events": detail["events"], "seal": 0, "backup": None}
    return {"at": body["time"], **{name: detail.get(name) for name in ("made", "events", "seal", "backup")}}


def _explained(session: Session, seal: Seal) -> bool:
    """Whether the database was restored from a backup older than a seal that an anchor heard of before that."""
    found = [_restored(body) for body in ledger_rows.of_kinds(session, _SET_BACK)]
    return any(seal.number > one["seal"] and seal.time <= one["at"] for one in found)


def _outside(site: Site, kept: Seal | None, newest: Seal | None, hash_of: Any) -> Iterator[Flaw]:
    """What the key file and the anchors remember, and the database does not hold."""
    with site.database.read() as session:
        anchors = stored_settings.load(session).anchors
    remembered = [("the key file", kept)] if kept else []
    for anchor in anchors:
        if anchor.startswith("file:"):
            try:
                seal = newest_in(Path(anchor[5:]))[1]
                with site.database.read() as session:
                    remembered += [] if _explained(session, seal) else [(anchor, seal)]
            except StorageFailed as error:
                yield Flaw(0, str(error))
    for where, seal in remembered:
        stored = newest.number if newest else 0
        if stored < seal.number - (where == "the key file"):  # whose seal may just be on its way into the database
            yield Flaw(seal.seq, f"{where} knows of seal {seal.number}, the database does not: it is an older copy")
        elif hash_of(seal.seq) != seal.head:
            yield Flaw(seal.seq, f"the events up to {seal.seq} are not those that {where} remembers")
    if newest is not None and not kept:
        yield Flaw(newest.seq, f"{site.home.seal_key} is gone; restore it from its backup")


def export(site: Site, path: Path) -> dict[str, Any]:
    """Write a bundle that anybody can verify with Python alone; the answer of `audit export`."""
    found = verify(site)
    if not found["ok"]:
        raise InvalidInput(f"the record does not hold, so nothing was exported: {found['why']}")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    manifest = {"format": 1, "made": rfc3339(datetime.now(UTC)), "by": f"devicemgr {__version__}", **found}
    try:
        with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED) as bundle, site.database.read() as session:
            with bundle.open("events.jsonl", "w", force_zip64=True) as file:
                for row in ledger_rows.walk(session, found["removed"]["through"] if found["removed"] else 0):
                    file.write(json_line({"seq": row.seq, "hash": row.hash, "body": row.body}).encode() + b"\n")
            with bundle.open("seals.jsonl", "w", force_zip64=True) as file:
                for seal in rows.walk(session):
                    file.write(json_line(seal.as_json()).encode() + b"\n")
            bundle.writestr("manifest.json", json_line(manifest) + "\n")
            bundle.writestr("verify.py", VERIFIER.read_text(encoding="utf-8"))
        # Never over another file: an auditor must not be able to take the keys' place, or the database's.
        os.link(draft, path)
    except FileExistsError as error:
        raise InvalidInput(f"{path} exists; choose another file") from error
    except OSError as error:
        raise StorageFailed(f"cannot write {path} ({error.strerror}); choose another file") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return {"file": str(path), "events": found["events"], "root": found["root"], "sealed": found["sealed"]}
