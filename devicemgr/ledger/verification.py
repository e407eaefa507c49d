"""Is the record whole: the chain of events and the seals over it, from where retention left it."""

from collections.abc import Callable

from devicemgr.domain import ledger_seals
from devicemgr.domain.ledger_chain import Flaw
from devicemgr.ledger.sealer import KeyFile
from devicemgr.ledger.writer import Ledger
from devicemgr.store.database import Database, Session
from devicemgr.store.ledger import events, seals as rows


def check(ledger: Ledger, database: Database, key: KeyFile | None) -> tuple[int, Flaw | None]:
    """How many events hold, and the first flaw.

    Up to where the key file says that retention has removed events, none are looked at: the seal over the last of
    them says what the next one must be chained to.
    """
    removed = key.removed if key else None
    count, flaw = ledger.verify(removed.through, removed.head) if removed else ledger.verify()
    if flaw is None and key is not None:
        with database.read_as_stored() as session:
            through = removed.through if removed else 0
            flaw = ledger_seals.check(key.root, rows.walk(session), hash_of(session, key), through)
            if flaw is None and removed and rows.head_at(session, through) != removed.head:
                flaw = Flaw(through, "no seal stands where retention is said to have removed the events before")
    return count, flaw


def hash_of(session: Session, key: KeyFile | None) -> Callable[[int], str | None]:
    """Leads from an event's seq to its hash; to what was sealed, where retention has removed it."""
    stored = events.hash_of(session)
    through = key.removed.through if key and key.removed else 0
    return lambda seq: rows.head_at(session, seq) if 0 < seq <= through else stored(seq)
