"""A UHPPOTE controller that decides by the cards that it holds."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Literal

from devicemgr.domain.model import DeviceInfo
from devicemgr.domain.ports.device import Holding, Spans
from devicemgr.errors import DeviceRefused, HeldInPart
from drivers.uhppote_controller.controller import UhppoteGate
from drivers.uhppote_controller.held.cards import DELETED, DOORS, NO_CARD, Card, card_of, holding_of, read_card
from drivers.uhppote_controller.held.profiles import Profiles
from drivers.uhppote_controller.options import Options
from drivers.uhppote_controller.protocol import Endpoint

_CARDS_A_PAGE = 10
_DOORS_BEYOND = "the controller has doors 1 to 4; check the gates of the portals"
_MAX_INDEXES = 200_000


class UhppoteController(UhppoteGate):
    """Decides by the cards that it holds; keys are card numbers as it reads them."""

    holds: Literal["cards"] = "cards"
    batch = 5
    decides_alone = True

    def __init__(self, name: str, endpoint: Endpoint, options: Options) -> None:
        super().__init__(name, endpoint, options)
        self._profiles = Profiles(self._ask, self._wall_zone)

    def open(self) -> DeviceInfo:
        """Open the controller; its time profiles are read again."""
        self._profiles.forget()
        return super().open()

    def keep_hours(self, hours: Mapping[str, Spans], *, look: bool = False) -> dict[str, DeviceRefused]:
        """Hold the week to come of each as time profiles, read back; return which failed, and why."""
        return self._profiles.keep(hours, look=look)

    def _wall_zone(self) -> tzinfo:
        return self._zone or datetime.now().astimezone().tzinfo or UTC

    def capacity(self) -> int:
        """Return the configured number of cards, since the controller does not give one."""
        return self._options.capacity

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        """Read one page of cards by index, and where the next page begins."""
        found: list[Holding] = []
        start = int(after) if after else 0
        count = int(self._ask("get_cards").cards) if start == 0 else None
        if count == 0:
            return [], None
        for index in range(start + 1, start + 1 + _CARDS_A_PAGE):
            answer = self._ask("get_card_by_index", index)
            if answer.card_number == NO_CARD or index >= _MAX_INDEXES:
                return found, None
            if answer.card_number != DELETED:
                found.append(holding_of(read_card(answer), self._zone, self._profiles.name))
        return found, str(start + _CARDS_A_PAGE)

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:  # noqa: ARG002
        """Write cards and read each back; return the refusals by key."""
        refused = {}
        for holding in holdings:
            try:
                beyond = holding.doors - set(DOORS)
                if beyond and beyond == holding.doors:
                    raise DeviceRefused(_DOORS_BEYOND)
                self._put(card_of(holding, self._zone, self._profiles.number))
                if beyond:
                    raise HeldInPart(_DOORS_BEYOND)
            except DeviceRefused as error:
                refused[holding.key] = error
        return refused

    def _put(self, card: Card) -> None:
        doors = [card.right(door) for door in DOORS]
        answer = self._ask("put_card", card.number, card.first, card.last, *doors, 0)
        if not answer.stored:
            raise DeviceRefused(f"{self._name} did not store card {card.number}; is its memory full?")
        found = self._get(card.number)
        if found != card:
            kept = f": it keeps {'; '.join(found.extras)}" if found and found.extras else ""
            raise DeviceRefused(f"{self._name} reads back card {card.number} differently{kept}; check its firmware")

    def _get(self, number: int) -> Card | None:
        answer = self._ask("get_card", number, fits=lambda found: found.card_number in (number, NO_CARD))
        return read_card(answer) if answer.card_number == number else None

    def remove(self, keys: Sequence[str]) -> None:
        """Delete cards, and read back that each is gone."""
        for key in keys:
            if key.isdigit() and NO_CARD < int(key) < DELETED:
                self._ask("delete_card", int(key))
                if self._get(int(key)) is not None:
                    raise DeviceRefused(f"{self._name} still holds card {key}; try again, or restart it")
