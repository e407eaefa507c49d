"""A UHPPOTE controller without cards, whose readers are read and whose doors are opened from here."""

from devicemgr.domain.device_events import CardRead, DeviceDecided, DeviceFact, GateAlarm
from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import DeviceInfo
from devicemgr.domain.rules.cards.formats import names_of_controller_number
from drivers.uhppote_controller.controller import UhppoteGate
from drivers.uhppote_controller.events import DIRECTIONS, ControllerEvent

# Its clock counts whole seconds.
CURRENT_S = 2.0


class UhppoteHost(UhppoteGate):
    """Decides nothing: a card that it refused just now is a card before the reader, and is decided here."""

    def open(self) -> DeviceInfo:
        """Open the controller; report cards in its memory, which it would open for by itself."""
        info = super().open()
        if cards := int(self._ask("get_cards").cards):
            self._waiting.append(
                GateAlarm(1, Kind.DEVICE_DEGRADED, f"it holds {cards} cards and opens for them by itself; remove them")
            )
        return info

    def _facts(self, event: ControllerEvent) -> list[DeviceFact]:
        if not event.is_swipe or event.lets_in:
            return super()._facts(event)
        names = names_of_controller_number(event.card)
        if names and self._is_current(event):
            return [CardRead(event.door, names)]
        direction = DIRECTIONS.get(event.direction)
        late = str(Reason.STALE_EVIDENCE)
        return [DeviceDecided(event.door, False, event.index, event.at, direction, names, why=late)]

    def _is_current(self, event: ControllerEvent) -> bool:
        """Return True if the event is live: one refused while disconnected, or a while ago by its clock, is not."""
        age = (self._now - event.at).total_seconds() if self._now is not None else None
        return event.index >= self._live_from and age is not None and -1.0 <= age <= CURRENT_S
