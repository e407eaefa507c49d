"""Going on from the last good snapshot, when the database can't be used and there is no newer backup."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devicemgr.atomic_files import sync_folder
from devicemgr.domain.ledger_events import Fact
from devicemgr.errors import Hint, InvalidInput, KeyMissing, RequestError, StorageFailed
from devicemgr.gallery import cache_file
from devicemgr.home import Home
from devicemgr.ledger import spill_replay
from devicemgr.ledger.restorations import RECOVERED
from devicemgr.ledger.sealer import Sealer
from devicemgr.ledger.spill_file import Spill
from devicemgr.recovery import quarantine
from devicemgr.store import integrity
from devicemgr.store.database import FINGERPRINT, Database, get_meta
from devicemgr.store.ledger import events as ledger_rows
from devicemgr.store.ledger.sudo_claim import with_claim
from devicemgr.text import rfc3339
from devicemgr.vault import Vault


def from_snapshot(home: Home, actor: str) -> dict[str, Any]:
    """Make the snapshot the database, record what is missing, and bring in the spill file; the answer of `recover`."""
    with home.taken():
        why = quarantine.trouble(home, thorough=True)
        if why is None:
            raise RequestError("the database can be used; there is nothing to recover from")
        if integrity.flaw(home.snapshot, None) is not None:
            raise InvalidInput("there is no whole snapshot", hint=Hint("restore_backup"))
        kept = quarantine.quarantine(home, why) if home.database.exists() else _last(home)
        draft = home.path / ".recovering.db"
        integrity.copy(home.snapshot, draft)
        try:
            answer = _brought_up(home, draft, why, kept, actor)
            draft.rename(home.database)
            sync_folder(home.path)
        except OSError as error:
            raise StorageFailed(f"the snapshot could not be put in place ({error}); free space there") from error
        finally:
            draft.unlink(missing_ok=True)
        with closing(Database.open(home.database)) as database:
            Sealer(home, database).seal()
        return answer


def _last(home: Home) -> Path | None:
    folders = sorted(home.quarantine.iterdir()) if home.quarantine.is_dir() else []
    return folders[-1] if folders else None


def _brought_up(home: Home, draft: Path, why: str, kept: Path | None, actor: str) -> dict[str, Any]:
    taken = rfc3339(datetime.fromtimestamp(home.snapshot.stat().st_mtime, UTC))
    database, spill = Database.create(draft), Spill(home.spill, home.spill_key)
    try:
        with database.write() as session:
            if get_meta(session, FINGERPRINT) != Vault.load(home.key).fingerprint():
                raise KeyMissing(f"{home.key} is not the snapshot's key; restore a backup")
            events = ledger_rows.head(session)[0]
            detail = {
                "why": why,
                "snapshot": taken,
                "events": events,
                "quarantined": kept.name if kept else None,
                **Sealer(home, database).begin_new_chain(session),
            }
            cache_file.forget(session)
            ledger_rows.append(session, [with_claim(Fact(RECOVERED, datetime.now(UTC), actor=actor, detail=detail))])
            brought = spill_replay.bring_in_all(session, spill) if spill.attach() else 0
        database.forget()
    finally:
        database.close()
    return {"home": str(home.path), **detail, "quarantined": str(kept) if kept else None, "spilled": brought}
