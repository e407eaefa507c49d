"""Digital inputs of an ONVIF device as facts: what is pressed, what alarms, and whether there is fire."""

from devicemgr.domain.device_events import DeviceFact, FireRelease, GateAlarm, RexPressed
from drivers.common.onvif.options import WiredOptions
from drivers.common.onvif.services.notifications import Notice, state_of


class Inputs:
    """Remembers each input's state over every loss of the device; an edge is a fact, a repeated state none.

    The fire input is the exception: its state is reported again after each loss of the device or of its events.
    """

    def __init__(self, options: WiredOptions) -> None:
        self._options = options
        self._alarms = options.alarms()
        self._states: dict[str, bool] = {}
        self._fire_known = False

    def lose(self) -> list[DeviceFact]:
        """Note that events were lost, so that the fire input's state is not known until the device reports it again."""
        was_known, self._fire_known = self._fire_known, False
        return [FireRelease(None)] if was_known else []

    def facts(self, notice: Notice) -> list[DeviceFact]:
        """Return what a notification of an input means; nothing for every other, and for one without a state."""
        if not _is_input(notice):
            return []
        token = notice.first_of("InputToken", "Token", "port", "Index")
        if notice.operation == "Deleted":
            return self.lose() if token and token == self._options.fire_input else []
        state = state_of(notice.first_of("LogicalState", "State", "state"))
        if not token or state is None:
            return []
        active = state is not self._options.inputs_inverted
        before = self._states.get(token)
        self._states[token] = active
        if token == self._options.fire_input:
            was_known, self._fire_known = self._fire_known, True
            return [] if was_known and active == before else [FireRelease(active)]
        if token == self._options.rex_input:
            # A button that is found pressed after a loss was not pressed now.
            return [RexPressed(1)] if active and not before and notice.operation != "Initialized" else []
        kind = self._alarms.get(token)
        return [GateAlarm(1, kind, f"input {token}", active=active)] if kind and active != before else []


def _is_input(notice: Notice) -> bool:
    """tns1:Device/Trigger/DigitalInput, and what vendors call it below tns1:Device."""
    last = notice.topic[-1] if notice.topic else ""
    return last in ("DigitalInput", "LogicalState") or (last == "Port" and "IO" in notice.topic)
