"""Cards as a UHPPOTE controller keeps them: a number, whole days of validity, and each of four doors."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceRefused

DOORS = (1, 2, 3, 4)
NO_CARD, DELETED = 0, 0xFFFFFFFF
# Where nothing limits a card, since the controller wants both days.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


@dataclass(frozen=True, slots=True)
class Card:
    """One card: valid from the start of the first day to the end of the last, in the controller's wall time."""

    number: int
    first: date
    last: date
    doors: frozenset[int]


def card_of(holding: Holding, zone: tzinfo | None) -> Card:
    """A holding as it can be kept: from the day on which it begins, through the day on which it ends."""
    if not holding.key.isdigit() or not NO_CARD < int(holding.key) < DELETED:
        raise DeviceRefused(f"card {holding.key} is no number that the controller can hold; assign another card")
    first = holding.valid_from.astimezone(zone).date() if holding.valid_from else FIRST_DAY
    last = (holding.valid_to - timedelta(microseconds=1)).astimezone(zone).date() if holding.valid_to else LAST_DAY
    return Card(int(holding.key), max(first, FIRST_DAY), min(last, LAST_DAY), holding.doors & set(DOORS))


def read_card(answer: Any) -> Card:
    """A get-card answer; a door counts with all times and with a time profile alike."""
    doors = frozenset(door for door in DOORS if getattr(answer, f"door_{door}"))
    return Card(answer.card_number, answer.start_date or FIRST_DAY, answer.end_date or LAST_DAY, doors)


def holding_of(card: Card, zone: tzinfo | None) -> Holding:
    """What the controller holds, as the core has it."""
    return Holding(
        str(card.number),
        doors=card.doors,
        valid_from=_midnight(card.first, zone) if card.first > FIRST_DAY else None,
        valid_to=_midnight(card.last + timedelta(days=1), zone) if card.last < LAST_DAY else None,
    )


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    start = datetime.combine(day, time())
    return (start.astimezone() if zone is None else start.replace(tzinfo=zone)).astimezone(UTC)
