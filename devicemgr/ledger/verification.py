"""Is the record whole: the chain of events and the seals over it, from where retention left it."""

from collections.abc import Callable
from dataclasses import dataclass

from devicemgr.domain import ledger_seals
from devicemgr.domain.ledger_chain import GENESIS, Flaw
from devicemgr.domain.ledger_seals import Seal
from devicemgr.ledger.sealer import KeyFile
from devicemgr.ledger.writer import Ledger
from devicemgr.store.database import Database, Session
from devicemgr.store.ledger import events, seals as rows

# A check takes about 25 µs an event: half a second of them, and at most one, whatever the site's age.
MIN_RECENT, MAX_RECENT = 20_000, 40_000


@dataclass(frozen=True, slots=True)
class Recent:
    """Result of a quick check: `checked` events behind `after` hold, up to the first flaw; `seal` stands at `after`."""

    after: int
    seal: int | None
    checked: int
    flaw: Flaw | None


def check(
    ledger: Ledger, database: Database, key: KeyFile | None, on_count: Callable[[int], None] | None = None
) -> tuple[int, Flaw | None]:
    """Return how many events hold, and the first flaw.

    Up to where the key file says that retention has removed events, none are looked at: the seal over the last of
    them says what the next one must be chained to.
    """
    removed = key.removed if key else None
    start = (removed.through, removed.head) if removed else (0, GENESIS)
    count, flaw = ledger.verify(*start, on_count)
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


def check_recent(ledger: Ledger, database: Database, key: KeyFile | None) -> Recent:
    """Check the newest events and seals in a time that does not grow with the ledger.

    Begin at the newest seal that leaves MIN_RECENT events to check. Where that would be more than MAX_RECENT, begin
    MAX_RECENT before the end, with the hash that is stored there. Whatever lies before is left to `check`.
    """
    with database.read_as_stored() as session:
        after, previous, seal = _recent_start(session, key)
    count, flaw = ledger.verify(after, previous)
    if flaw is None and key is not None:
        with database.read_as_stored() as session:
            flaw = _recent_seal_flaw(session, key, after, seal)
    return Recent(after, seal.number if seal else None, count, flaw)


def _recent_start(session: Session, key: KeyFile | None) -> tuple[int, str, Seal | None]:
    last = events.head(session)[0]
    removed = key.removed if key else None
    first, previous = (removed.through, removed.head) if removed else (0, GENESIS)
    if last - first <= MIN_RECENT:
        return first, previous, None
    seal = rows.newest_up_to(session, last - MIN_RECENT) if key else None
    if seal is not None and seal.seq >= max(first, last - MAX_RECENT):
        return seal.seq, seal.head, seal
    if last - first <= MAX_RECENT:
        return first, previous, None
    stored = events.hash_of(session)(last - MAX_RECENT)
    return (last - MAX_RECENT, stored, None) if stored is not None else (first, previous, None)


def _recent_seal_flaw(session: Session, key: KeyFile, after: int, start: Seal | None) -> Flaw | None:
    """Return the first seal over the newest events that does not hold, up to the newest one of the key file."""
    hash_at = hash_of(session, key)
    flaw = ledger_seals.check_from(start, rows.walk_after(session, after), hash_at)
    newest = key.newest
    if flaw is None and newest is not None and newest.seq > after and hash_at(newest.seq) != newest.head:
        flaw = Flaw(newest.seq, f"the events up to {newest.seq} are not those that were sealed last")
    return flaw
