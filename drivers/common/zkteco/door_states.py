"""Contacts and alarms of doors in reports of a state (rtstate): a terminal's, and a controller's in the newer form."""

from devicemgr.domain.device_events import DeviceFact, DoorContact, GateAlarm
from drivers.common.zkteco.codes import ALARM_BITS
from drivers.common.zkteco.records import Record

MAX_DOORS = 8


class DoorStates:
    """Contacts and alarms of the doors as the terminal reports them now and then (rtstate); only changes are facts."""

    def __init__(self, doors: int) -> None:
        self._doors = min(doors, MAX_DOORS)
        self._contacts: dict[int, bool | None] = {}
        self._alarms: dict[tuple[int, int], bool] = {}

    def forget(self) -> None:
        """Take the next report as the first one."""
        self._contacts.clear()
        self._alarms.clear()

    def read(self, record: Record, doors: int | None = None) -> list[DeviceFact]:
        """Return what has changed; `doors`, where it was not known before, is how many there are."""
        sensors, alarms = _bytes_of(record.get("sensor", "")), _bytes_of(record.get("alarm", ""))
        facts: list[DeviceFact] = []
        for door in range(1, min(self._doors, doors or self._doors) + 1):
            facts += self._alarms_of(door, alarms[door - 1]) if len(alarms) >= door else []
            place = (door - 1) // 4
            if len(sensors) > place:
                facts += self._contact_of(door, sensors[place] >> (door - 1) % 4 * 2 & 3)
        return facts

    def _contact_of(self, door: int, bits: int) -> list[DeviceFact]:
        is_open = {1: False, 2: True}.get(bits)
        if self._contacts.get(door) is is_open:
            return []
        self._contacts[door] = is_open
        return [DoorContact(door, is_open)]

    def _alarms_of(self, door: int, bits: int) -> list[DeviceFact]:
        facts: list[DeviceFact] = []
        for place, (kind, name, words) in enumerate(ALARM_BITS):
            active = bool(bits >> place & 1)
            if self._alarms.get((door, place)) is not active:
                self._alarms[door, place] = active
                facts.append(GateAlarm(door, kind, words if active else f"over: {words}", active=active, input=name))
        return facts


def _bytes_of(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits[:32])
    except ValueError:
        return b""
