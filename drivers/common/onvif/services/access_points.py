"""Access points of an ONVIF controller (Profile C, access control): cards as requests, its decisions as such."""

from collections import OrderedDict
from datetime import UTC, datetime

from devicemgr.domain.device_events import CardRead, DeviceDecided, DeviceFact, DeviceReported, GateAlarm
from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import JsonValue
from devicemgr.domain.rules.cards.formats import names_of, names_of_number, parse_number, whole_number
from devicemgr.errors import DeviceRefused, InvalidInput
from drivers.common.onvif.services.door_control import pages
from drivers.common.onvif.services.notifications import Notice
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import ACCESS, plain

# Denied/Credential's reason (ONVIF Access Control 5.1, DenyReason) -> ours.
_REASONS = {
    "CredentialNotEnabled": Reason.SUSPENDED,
    "CredentialNotActive": Reason.NOT_YET_VALID,
    "CredentialExpired": Reason.EXPIRED,
    "InvalidPIN": Reason.WRONG_PIN,
    "NotPermittedAtThisTime": Reason.OUTSIDE_SCHEDULE,
    "Unauthorized": Reason.NO_ACCESS_LEVEL,
}
_DECISIONS = ("AccessGranted", "Denied")
# Bytes of the facility code before the number (ONVIF Credential, format types).
_FACILITY_BYTES = {"WIEGAND26": 1, "WIEGAND37_FACILITY": 2, "FACILITY16_CARD32": 2, "FACILITY32_CARD32": 4}
# Far more than a controller asks within the seconds in which a request is fresh.
_MAX_REMEMBERED = 4096


class Readers:
    """Channels are the access points in the controller's order, or those that the option names, in its order."""

    def __init__(self, device: OnvifDevice, wanted: list[str]) -> None:
        self._device, self._wanted = device, wanted
        self._points: dict[str, tuple[str, str]] = {}
        self._channels: dict[str, int] = {}
        self._seen: OrderedDict[tuple[int, tuple[str, ...]], None] = OrderedDict()

    def open(self) -> None:
        """Read the list; DeviceRefused when a point that the option names is not there."""
        found = pages(self._device, ACCESS, "GetAccessPointInfoList", "AccessPointInfo")
        self._points = {str(node.token): (str(node.Name or ""), str(node.Entity or "")) for node in found}
        if missing := set(self._wanted) - set(self._points):
            there = ", ".join(map(plain, self._points)) or "none"
            raise DeviceRefused(f"the controller has no access point '{plain(sorted(missing)[0])}'; it has: {there}")
        order = self._wanted or list(self._points)
        self._channels = {token: channel for channel, token in enumerate(order, 1)}

    def as_json(self) -> list[JsonValue]:
        """List the access points for `device test`."""
        return [
            {
                "channel": channel,
                "token": plain(token),
                "name": plain(self._points[token][0]),
                "door": plain(self._points[token][1]),
            }
            for token, channel in self._channels.items()
        ]

    def facts(self, notice: Notice, stale: bool) -> list[DeviceFact]:
        """Read a card that the controller asks about, or does not know; report what it decided itself."""
        if notice.topic[:1] != ("AccessControl",) or len(notice.topic) < 2:
            return []
        channel = self._channels.get(notice.first_of("AccessPointToken"))
        if channel is None:
            return []
        verb, rest = notice.topic[1], notice.topic[2:]
        if verb == "Duress":
            return [GateAlarm(channel, Kind.DURESS_SIGNALLED, "duress at an access point")]
        names = card_names(notice)
        if names and (verb == "Request" or (verb == "Denied" and "NotFound" in "".join(rest))):
            # Without both times it is not known whether it is of now.
            late = stale or notice.age is None or self._is_repeated(notice, names)
            return [_too_late(channel, notice, names) if late else CardRead(channel, names)]
        return self._recorded(channel, notice, names, stale=stale)

    @staticmethod
    def _recorded(channel: int, notice: Notice, names: tuple[str, ...], *, stale: bool) -> list[DeviceFact]:
        """Return what the controller decided, and what it says beside; only the use of a grant is dropped."""
        verb, rest = notice.topic[1], notice.topic[2:]
        at = notice.at or datetime.now(UTC)
        if verb == "AccessTaken":
            return []  # what was granted before, and is recorded, was used
        if verb not in _DECISIONS and not names:
            # A grant that was not used (AccessNotTaken), a request without a card, or what no table has.
            return [DeviceReported(channel, Kind.DEVICE_REPORTED, notice.serial, at, plain("/".join(notice.topic[1:])))]
        granted = verb == "AccessGranted"
        why = "" if granted else _reason(notice.first_of("Reason"), rest if verb in _DECISIONS else notice.topic[1:])
        return [
            DeviceDecided(
                channel,
                granted,
                notice.serial,
                at,
                names=names,
                why=why,
                evidence={"card": True} if names else None,
                live=granted and not stale,
            )
        ]

    def _is_repeated(self, notice: Notice, names: tuple[str, ...]) -> bool:
        """Return True for a request that was handed on before: of the same time, access point and card."""
        key = (notice.serial, names)
        known = key in self._seen
        self._seen[key] = None
        while len(self._seen) > _MAX_REMEMBERED:
            self._seen.popitem(last=False)
        return known


def _too_late(channel: int, notice: Notice, names: tuple[str, ...]) -> DeviceDecided:
    at = notice.at or datetime.now(UTC)
    return DeviceDecided(channel, False, notice.serial, at, names=names, why=Reason.STALE_EVIDENCE.value)


def _reason(text: str, topic: tuple[str, ...]) -> str:
    if text in _REASONS:
        return _REASONS[text].value
    return Reason.UNKNOWN_CREDENTIAL.value if "NotFound" in "".join(topic) else plain(text or "/".join(topic))


def card_names(notice: Notice) -> tuple[str, ...]:
    """Return every notation of the card in a notification; () if it holds none."""
    if value := notice.first_of("IdentifierValue"):
        return _identifier(value, notice.first_of("FormatType").upper())
    written = notice.first_of("Card", "CardNumber")
    try:
        stored = parse_number(written) if written else ""
    except InvalidInput:
        return ()
    if not stored:
        return ()
    return tuple(dict.fromkeys([stored, *names_of_number(whole_number(stored) or 0)]))


def _identifier(value: str, form: str) -> tuple[str, ...]:
    """Return an identifier in hexBinary by its format."""
    try:
        data = bytes.fromhex(value)
    except ValueError:
        return ()
    if not 0 < len(data) <= 16:
        return ()
    number = int.from_bytes(data, "big")
    width = _FACILITY_BYTES.get(form, 0)
    if form == "WIEGAND26" and len(data) == 4:
        return names_of(26, (number << 6).to_bytes(5, "big")[-4:]) or names_of(26, data)
    if 0 < width < len(data):
        facility, rest = int.from_bytes(data[:width], "big"), int.from_bytes(data[width:], "big")
        return (f"{facility}:{rest}", str(number))
    return names_of_number(number)
