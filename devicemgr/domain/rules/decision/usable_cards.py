"""Which cards open something at a time, and until when: for devices that hold cards and decide by themselves."""

from collections.abc import Sequence
from datetime import datetime

from devicemgr.domain.model import Person
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.validity import ALWAYS


def cards_by_person(snapshot: Snapshot, times: Sequence[datetime]) -> dict[str, list[str]]:
    """Return the numbers of the cards that open at each of `times`, by their holder's id."""
    cards: dict[str, list[str]] = {}
    for number, person_id in sorted(snapshot.cards.items()):
        term = snapshot.card_terms.get(number, ALWAYS)
        if not any(term.refusal(at) for at in times):
            cards.setdefault(person_id, []).append(number)
    return cards


def end_with_cards(person: Person, numbers: Sequence[str], snapshot: Snapshot) -> datetime | None:
    """Return when a person who has only these cards there can open nothing any more; None for never.

    A device that is away at the end of a temporary card then ends it by itself.
    """
    ends = [snapshot.card_terms.get(number, ALWAYS).ends for number in numbers]
    known = [end for end in ends if end is not None]
    limits = [max(known)] if known and len(known) == len(ends) else []
    return min([*limits, *([person.valid_to] if person.valid_to else [])], default=None)
