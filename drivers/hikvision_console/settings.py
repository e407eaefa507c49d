"""A console's own settings that matter here: its clock, who decides, and its state."""

from dataclasses import dataclass
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
_MAX_STATES = 8
DOOR_SETTINGS = "/ISAPI/AccessControl/Door/param"
_MAX_DOORS = 8
# checkChannelType: its stream brings the questions, or its pushes, whose reply is the answer.
ASKS_BY_STREAM, ASKS_BY_PUSH = "ISAPI", "ISAPIListen"
ALONE = "the console decides by itself"


def identify(isapi: Isapi) -> tuple[DeviceInfo, int]:
    """Read the console's identity, and its number of door relays."""
    says = isapi.get(DEVICE_INFO)
    model, firmware, build, serial = (
        safe(str(says.get(name) or ""), 60)
        for name in ("model", "firmwareVersion", "firmwareReleasedDate", "serialNumber")
    )
    relays = str(says.get("relayNum") or "")
    firmware = (
        f"{firmware} {build}".strip()
    )  # "V3.2.30 build 210301": which vulnerabilities are known goes by the build
    return DeviceInfo("Hikvision", model, firmware, serial), int(relays) if relays.isascii() and relays.isdigit() else 1


def clock_of(isapi: Isapi, setting: Literal["check", "set"]) -> Clock:
    """Read the console's clock, first set to this host's if `setting` wants that and the console keeps its own time."""
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


@dataclass(frozen=True, slots=True)
class Deciding:
    """The decider in words; `complaint` is what the console did not take of it."""

    words: str
    complaint: str = ""


def set_who_decides(
    isapi: Isapi, host: bool, seconds: int, open_when_down: bool, channel: str = ASKS_BY_STREAM
) -> Deciding:
    """Have the console ask before it opens, or not. Changes only what differs, and reads it back."""
    wanted: dict[str, Any] = {"remoteCheckDoorEnabled": host}
    if host:
        wanted |= {
            "checkChannelType": channel,
            "remoteCheckTimeout": seconds,
            "offlineDevCheckOpenDoorEnabled": open_when_down,
        }
        if channel == ASKS_BY_PUSH:
            wanted["remoteCheckWithISAPIListen"] = "sync"
    try:
        held = section(isapi.get(f"{ACS_CONFIG}?format=json"), "AcsCfg")
        if not host and not held.get("remoteCheckDoorEnabled"):
            return Deciding(ALONE)
        if any(held.get(name) != value for name, value in wanted.items()):
            isapi.send("PUT", ACS_CONFIG, {"AcsCfg": held | wanted})
            held = section(isapi.get(f"{ACS_CONFIG}?format=json"), "AcsCfg")
    except Refusal as refusal:
        if not refusal.is_unsupported:
            raise
        return Deciding("the console can't ask this box: it decides by itself")
    if bool(held.get("remoteCheckDoorEnabled")) is not host:
        raise DeviceRefused("the console does not keep who decides; set remote verification on its own page")
    return Deciding(ASKS, _not_kept(held, wanted)) if host else Deciding(ALONE)


def _not_kept(held: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Return what the console holds otherwise than it was sent, with what would help; "" if it kept all."""
    # Not every firmware tells a field back; one that is missing says nothing.
    other = [name for name, value in wanted.items() if name in held and held[name] != value]
    if not other:
        return ""
    kept = ", ".join(f"{name} {safe(str(held[name]), 30)} (not {wanted[name]})" for name in other)
    if "checkChannelType" not in other:
        return f"the console keeps {kept}; set remote verification on its own page"
    help_ = (
        "set decide=console"
        if wanted["checkChannelType"] == ASKS_BY_PUSH
        else f"set remote_check=push with a push_port ({ASKS_BY_PUSH}), or decide=console"
    )
    return f"the console keeps {kept}: its questions go to the maker's own program and not here; {help_}"


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
    """Read the parts of AcsWorkStatus that carry a value; {} where the firmware lacks the page."""
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
            found[name] = [safe(str(one), 20) for one in value[:_MAX_STATES]]
    for name in ("powerSupplyStatus", "hostAntiDismantleStatus"):
        if name in status:
            found[name] = safe(str(status[name]), 40)
    return found
