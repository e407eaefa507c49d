"""Cards that two people hold under two notations: version 0.1.0 let them be assigned, and an old home may have some."""

import threading
import weakref
from dataclasses import dataclass

from devicemgr.domain.rules.cards.frames import shared_cards
from devicemgr.errors import Hint, StorageFailed
from devicemgr.store.database import Database, Session, revision
from devicemgr.store.people import credentials, people


@dataclass(frozen=True, slots=True)
class SharedCard:
    """One card under two stored numbers, and the badges of the two people who hold it."""

    number: str
    badge: str
    other_number: str
    other_badge: str

    @property
    def cause(self) -> str:
        """What is wrong, and what to do, in one line."""
        return (
            f"card {self.number} of {self.badge} and card {self.other_number} of {self.other_badge} can be one card; "
            "removing it from one removes it from both, then assign it to its holder"
        )

    @property
    def hint(self) -> Hint:
        """The first step."""
        return Hint("remove_shared_card", badge=self.badge, number=self.number)


_lock = threading.Lock()
_latest: tuple["weakref.ref[Database]", int, list[SharedCard]] | None = None


def find(database: Database) -> list[SharedCard]:
    """Return all shared cards; an empty list while the database can't be read. Cached until the site changes."""
    global _latest  # noqa: PLW0603 - a cache: status is read often, and 10,000 cards take a tenth of a second
    try:
        with database.read() as session:
            version = revision(session)
            with _lock:
                if _latest is not None and _latest[0]() is database and _latest[1] == version:
                    return _latest[2]
            found = _read(session)
    except StorageFailed:
        return []
    with _lock:
        _latest = (weakref.ref(database), version, found)
    return found


def _read(session: Session) -> list[SharedCard]:
    cards = {number: person for person, number in credentials.by_kind(session, credentials.CARD)}
    pairs = shared_cards(cards)
    badges = {cards[number]: people.badge_of(session, cards[number]) or "" for pair in pairs for number in pair}
    return [SharedCard(one, badges[cards[one]], other, badges[cards[other]]) for one, other in pairs]
