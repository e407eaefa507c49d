"""A console's own settings that matter here: its clock, who decides, and its state."""

from datetime import UTC, datetime
from typing import Any, Literal

from devicemgr.clock.ntp import is_doubted
from devicemgr.domain.model import DeviceInfo, JsonValue
from devicemgr.errors import DeviceRefused
from devicemgr.text import safe
from drivers.hikvision_console.clock import Clock, read_clock, write_zone
from drivers.hikvision_console.events.codes import ASKS
from drivers.hikvision_console.isapi import DEVICE_INFO, Isapi, Refusal, section

TIME = "/ISAPI/System/time"
ACS_CONFIG = "/ISAPI/AccessControl/AcsCfg"
WORK_STATUS = "/ISAPI/AccessControl/AcsWorkStatus?format=json"
_SET_ABOVE_S = 2.0
_MOST_STATES = 8
DOOR_SETTINGS = "/ISAPI/AccessControl/Door/param"
_MAX_DOORS = 8


def identify(isapi: Isapi) -> tuple[DeviceInfo, int]:
    """What the console says of itself, and how many door relays it has."""
    says = isapi.get(DEVICE_INFO)
    model, firmware, build, serial = (
        safe(str(says.get(name) or ""), 60)
        for name in ("model", "firmwareVersion", "firmwareReleasedDate", "serialNumber")
    )
    relays = str(says.get("relayNum") or "")
    firmware = f"{firmware} {build}".strip()  # "V3.2.30 build 210301": which holes are known goes by the build
    return DeviceInfo("Hikvision", model, firmware, serial), int(relays) if relays.isascii() and relays.isdigit() else 1


def clock_of(isapi: Isapi, setting: Literal["check", "set"]) -> Clock:
    """The console's clock as it is now; set to this box's first where that is wanted and it keeps its own time."""
    says = isapi.get(TIME)
    clock = read_clock(says, datetime.now(UTC))
    if (
        setting == "check"
        or is_doubted()
        or abs(clock.skew) <= _SET_ABOVE_S
        or str(says.get("timeMode")).upper() == "NTP"
    ):
        return clock
    now = datetime.now(clock.zone)
    offset = now.utcoffset()
    assert offset is not None
    fields = {"timeMode": "manual", "localTime": clock.stamp(now), "timeZone": write_zone(offset)}
    isapi.put_xml(TIME, "Time", fields)
    return read_clock(isapi.get(TIME), datetime.now(UTC))


def set_who_decides(isapi: Isapi, host: bool, seconds: int, open_when_down: bool) -> str:
    """Have the console ask before it opens, or not; in words what it does. Changes only what differs."""
    wanted: dict[str, Any] = {"remoteCheckDoorEnabled": host}
    if host:
        wanted |= {
            "checkChannelType": "ISAPI",
            "remoteCheckTimeout": seconds,
            "offlineDevCheckOpenDoorEnabled": open_when_down,
        }
    try:
        held = section(isapi.get(f"{ACS_CONFIG}?format=json"), "AcsCfg")
        if not host and not held.get("remoteCheckDoorEnabled"):
            return "the console decides by itself"
        if any(held.get(name) != value for name, value in wanted.items()):
            isapi.send("PUT", ACS_CONFIG, {"AcsCfg": held | wanted})
            held = section(isapi.get(f"{ACS_CONFIG}?format=json"), "AcsCfg")
    except Refusal as refusal:
        if not refusal.is_unsupported:
            raise
        return "the console can't ask this box: it decides by itself"
    if bool(held.get("remoteCheckDoorEnabled")) is not host:
        raise DeviceRefused("the console does not keep who decides; set remote verification on its own page")
    return ASKS if host else "the console decides by itself"


def door_seconds(isapi: Isapi, doors: int) -> dict[int, float]:
    """Return for how many seconds each door stays open after a release, as far as the console says."""
    found: dict[int, float] = {}
    for door in range(1, min(doors, _MAX_DOORS) + 1):
        try:
            seconds = str(isapi.get(f"{DOOR_SETTINGS}/{door}").get("openDuration") or "")
        except Refusal:
            break
        if seconds.isascii() and seconds.isdigit() and len(seconds) <= 4:
            found[door] = float(seconds)
    return found


def work_status(isapi: Isapi) -> dict[str, JsonValue]:
    """The parts of AcsWorkStatus that say something; {} where the firmware does not tell."""
    try:
        says = isapi.get(WORK_STATUS)
    except Refusal:
        return {}
    status = section(says, "AcsWorkStatus") or says
    lists = ("doorLockStatus", "doorStatus", "magneticStatus", "cardReaderOnlineStatus")
    found: dict[str, JsonValue] = {}
    for name in lists:
        value = status.get(name)
        if isinstance(value, list):
            found[name] = [safe(str(one), 20) for one in value[:_MOST_STATES]]
    for name in ("powerSupplyStatus", "hostAntiDismantleStatus"):
        if name in status:
            found[name] = safe(str(status[name]), 40)
    return found
