"""Block a card, such as a lost one, so that it opens nothing and stays its holder's; end the block."""

from collections.abc import Sequence

from devicemgr.errors import Hint, InvalidInput, NotFound
from devicemgr.people.cards.notations import held_number
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.people import credentials
from devicemgr.store.tables import CredentialRow
from devicemgr.text import safe

LOST = "lost"
MAX_REASON_CHARS = 200


def block(work: UnitOfWork, written: str, reason: str, form: str | None = None) -> str:
    """Block a card under all its notations; return its stored number.

    The reason is kept with the card, not in the record: it may name a person. NotFound if no one holds the card.
    """
    reason = " ".join(reason.split())
    if not reason or len(reason) > MAX_REASON_CHARS or safe(reason, MAX_REASON_CHARS) != reason:
        raise InvalidInput(f"the reason has to be 1 to {MAX_REASON_CHARS} plain characters; shorten or retype it")
    number = held_number(work.session, written, form)
    _record(work, "admin.card_blocked", credentials.block_card(work.session, number, reason), blocked=True)
    return number


def unblock(work: UnitOfWork, written: str, form: str | None = None) -> str:
    """End the block of a card; return its stored number. NotFound if no one holds the card, or it is not blocked."""
    number = held_number(work.session, written, form)
    changed = credentials.unblock_card(work.session, number)
    if not changed:
        raise NotFound(f"card {number} is not blocked", hint=Hint("list_all_cards"))
    record_unblocked(work, changed)
    return number


def record_unblocked(work: UnitOfWork, changed: Sequence[CredentialRow]) -> None:
    """Record that cards open again what their holders may."""
    _record(work, "admin.card_unblocked", changed, blocked=False)


def _record(work: UnitOfWork, kind: str, changed: Sequence[CredentialRow], *, blocked: bool) -> None:
    for person_id in dict.fromkeys(credential.person_id for credential in changed):
        count = sum(credential.person_id == person_id for credential in changed)
        usable, none = {"usable_cards": count}, {"usable_cards": 0}
        before, after = (usable, none) if blocked else (none, usable)
        work.record(kind, {"cards": count}, person_id=person_id, before=before, after=after)
