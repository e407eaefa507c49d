"""Digital inputs of an ONVIF device as facts: what is pressed, what alarms, and whether there is fire."""

from devicemgr.events import DeviceFact, FireRelease, GateAlarm, RexPressed
from drivers._onvif_notices import Notice, truth
from drivers._onvif_options import WiredOptions


class Inputs:
    """Remembers each input's state over every loss of the device; an edge is a fact, a repeated state none."""

    def __init__(self, options: WiredOptions) -> None:
        self._options = options
        self._alarms = options.alarms()
        self._states: dict[str, bool] = {}

    def facts(self, notice: Notice) -> list[DeviceFact]:
        """What a notification of an input means; nothing for every other."""
        if not _is_input(notice):
            return []
        token = notice.first_of("InputToken", "Token", "port", "Index")
        active = truth(notice.first_of("LogicalState", "State", "state")) is not self._options.inputs_inverted
        if not token or notice.operation == "Deleted" or active == self._states.get(token, False):
            return []
        self._states[token] = active
        if token == self._options.fire_input:
            return [FireRelease(active)]
        return self._risen(token, notice.operation) if active else []

    def _risen(self, token: str, operation: str) -> list[DeviceFact]:
        # A button that is found pressed after a loss was not pressed now.
        if token == self._options.rex_input and operation != "Initialized":
            return [RexPressed(1)]
        kind = self._alarms.get(token)
        return [GateAlarm(1, kind, f"input {token}")] if kind else []


def _is_input(notice: Notice) -> bool:
    """tns1:Device/Trigger/DigitalInput, and what vendors call it below tns1:Device."""
    last = notice.topic[-1] if notice.topic else ""
    return last in ("DigitalInput", "LogicalState") or (last == "Port" and "IO" in notice.topic)
