"""Setting an ONVIF device up (ports.SettingsDesk): time, names, discovery, users, HTTPS; ONVIF Core 8.2 to 8.4.

Video and the texts in the picture are in _onvif_encoder.py and _onvif_osd.py.
"""

import contextlib
import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from devicemgr.clock.ntp import is_doubted
from devicemgr.domain.device_profile import Setting
from devicemgr.domain.model import JsonValue
from devicemgr.errors import DeviceGarbled, DeviceLacks, DeviceRefused, Hint, InvalidInput
from drivers.common.onvif.services.media import Profile, choose, profiles, stepping_down
from drivers.common.onvif.services.osd import Osds
from drivers.common.onvif.services.video_encoder import Encoder, find_encoder
from drivers.common.onvif.session import OPEN_S
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import DEVICE, MEDIA, MEDIA2, OnvifFault, plain

T = TypeVar("T")
_ROLES = {"Administrator": "administrator", "Operator": "operator", "User": "user"}
_LEVELS = {role: level for level, role in _ROLES.items()}
_MAX_ENTRIES = 64


class OnvifSettings:
    """One device, connected to be set up. `chosen` is the media profile, by token or name, whose video is meant."""

    def __init__(self, device: OnvifDevice, chosen: str | None) -> None:
        self._device, self._chosen = device, chosen
        self._users_answered = False
        self._media: Profile | None = None
        with device.transport.budget(OPEN_S, is_patient=True):
            device.login.require_not_held()
            device.read_clock()
            device.find_services()
            with contextlib.suppress(OnvifFault):  # some refuse that call alone
                device.call(DEVICE, "GetDeviceInformation")
            self._prove()

    def _prove(self) -> None:
        """Prove user and password: some devices identify to everyone, and list users to administrators alone."""
        try:
            self._users()
            self._users_answered = True
        except OnvifFault as fault:
            if not fault.lacks:
                raise
        except DeviceGarbled:
            return

    def read(self, setting: Setting) -> JsonValue:
        """Read one setting of the device (ports.SettingsDesk)."""
        read: dict[str, Callable[[Setting], JsonValue]] = {
            "ntp": self._read_ntp,
            "time_zone": self._read_zone,
            "hostname": self._read_hostname,
            "discovery": self._read_discovery,
            "user": self._read_user,
            "password": self._read_password,
            "https": self._read_https,
            "stream": lambda _: self._encoder().values(),
            "osd_text": lambda _: [*self._osds().texts()],
            "osd_clock": lambda _: self._osds().has_clock(),
        }
        return _plainly(setting, lambda: read[setting.kind](setting))

    def check(self, setting: Setting) -> None:
        """Raise DeviceLacks or DeviceRefused for a video setting that the device can't take (ports.SettingsDesk)."""
        if setting.kind == "stream" and isinstance(setting.value, dict):
            wanted = setting.value
            _plainly(setting, lambda: self._encoder().check(wanted))

    def write(self, setting: Setting) -> None:
        """Write one setting to the device (ports.SettingsDesk)."""
        write: dict[str, Callable[[Setting], None]] = {
            "ntp": self._write_ntp,
            "time_zone": self._write_zone,
            "hostname": self._write_hostname,
            "discovery": self._write_discovery,
            "user": self._write_user,
            "password": self._write_password,
            "https": self._write_https,
            "stream": self._write_stream,
            "osd_text": lambda s: self._osds().set_text(str(s.value)),
            "osd_clock": lambda s: self._osds().set_clock(on=bool(s.value)),
        }
        _plainly(setting, lambda: write[setting.kind](setting))

    # Time. Devices want the whole of it each time.

    def _read_ntp(self, _: Setting) -> JsonValue:
        response = self._device.call(DEVICE, "GetNTP")
        if str(self._clock().DateTimeType) != "NTP":
            return "not used"
        if response.FromDHCP:
            return "dhcp"
        return [_host(entry) for entry in (response.NTPManual or [])[:_MAX_ENTRIES]]

    def _write_ntp(self, setting: Setting) -> None:
        servers = setting.value if isinstance(setting.value, list) else []
        self._device.call(
            DEVICE, "SetNTP", FromDHCP=setting.value == "dhcp", NTPManual=[_network_host(str(name)) for name in servers]
        )
        clock = self._clock()
        if str(clock.DateTimeType) != "NTP":
            self._set_clock(clock, "NTP", _zone(clock))

    def _read_zone(self, _: Setting) -> JsonValue:
        return _zone(self._clock())

    def _write_zone(self, setting: Setting) -> None:
        clock = self._clock()
        self._set_clock(clock, str(clock.DateTimeType), str(setting.value))

    def _clock(self) -> Any:
        return self._device.call(DEVICE, "GetSystemDateAndTime")

    def _set_clock(self, clock: Any, source: str, zone: str) -> None:
        """Set the whole clock: one that is set by hand must be given its time with everything else."""
        if source == "Manual" and is_doubted():
            raise DeviceRefused("not set by this computer's clock, which is in doubt", hint=Hint("accept_clock"))
        now = datetime.now(UTC)
        moment = {
            "Time": {"Hour": now.hour, "Minute": now.minute, "Second": now.second},
            "Date": {"Year": now.year, "Month": now.month, "Day": now.day},
        }
        summer = "," in zone if zone != _zone(clock) else bool(clock.DaylightSavings)
        wanted: dict[str, Any] = {"DateTimeType": source, "DaylightSavings": summer}
        wanted |= {"TimeZone": {"TZ": zone}} if zone else {}
        wanted |= {"UTCDateTime": moment} if source == "Manual" else {}
        self._device.call(DEVICE, "SetSystemDateAndTime", **wanted)
        self._device.read_clock()  # it may have jumped, and passwords are dated by it

    # Names and discovery.

    def _read_hostname(self, _: Setting) -> JsonValue:
        return plain(self._device.call(DEVICE, "GetHostname").Name, 253)

    def _write_hostname(self, setting: Setting) -> None:
        if self._device.call(DEVICE, "GetHostname").FromDHCP:
            try:
                self._device.call(DEVICE, "SetHostnameFromDHCP", FromDHCP=False)
            except OnvifFault as fault:
                if not fault.lacks:
                    raise
        self._device.call(DEVICE, "SetHostname", Name=str(setting.value))

    def _read_discovery(self, _: Setting) -> JsonValue:
        return str(self._device.call(DEVICE, "GetDiscoveryMode")) == "Discoverable"

    def _write_discovery(self, setting: Setting) -> None:
        mode = "Discoverable" if setting.value else "NonDiscoverable"
        self._device.call(DEVICE, "SetDiscoveryMode", DiscoveryMode=mode)

    # Users.

    def _users(self) -> dict[str, str]:
        """Map the names of users to their levels."""
        response = self._device.call(DEVICE, "GetUsers") or []
        return {str(user.Username): str(user.UserLevel) for user in response[:_MAX_ENTRIES]}

    def _read_user(self, setting: Setting) -> JsonValue:
        level = self._users().get(setting.subject)
        return None if level is None else _ROLES.get(level, plain(level))

    def _write_user(self, setting: Setting) -> None:
        operation = "SetUser" if setting.subject in self._users() else "CreateUsers"
        self._set_user(operation, setting.subject, setting, _LEVELS[str(setting.value)])

    def _read_password(self, _: Setting) -> JsonValue:
        if self._device.login.username is None:
            raise DeviceLacks("the device is reached without a user here, so there is no password to replace")
        if not self._users_answered:
            raise DeviceLacks("the device does not tell its users, so their passwords are set on its own page")
        return None

    def _write_password(self, setting: Setting) -> None:
        own = self._device.login.username or ""
        self._set_user("SetUser", own, setting, self._users().get(own, "Administrator"))

    def _set_user(self, operation: str, name: str, setting: Setting, level: str) -> None:
        if setting.secret is None:
            raise InvalidInput(f"there is no password for user {plain(name)}")
        user = {"Username": name, "Password": setting.secret, "UserLevel": level}
        self._device.call(DEVICE, operation, User=[user])

    # HTTPS.

    def _protocols(self) -> list[dict[str, Any]]:
        response = self._device.call(DEVICE, "GetNetworkProtocols") or []
        return [
            {"Name": str(entry.Name), "Enabled": bool(entry.Enabled), "Port": [*(entry.Port or [])]}
            for entry in response[:_MAX_ENTRIES]
        ]

    def _read_https(self, _: Setting) -> JsonValue:
        found = [entry["Enabled"] for entry in self._protocols() if entry["Name"].upper() == "HTTPS"]
        if not found:
            raise DeviceLacks("the device has no HTTPS")
        return bool(found[0])

    def _write_https(self, _: Setting) -> None:
        wanted = [
            entry | ({"Enabled": True} if entry["Name"].upper() == "HTTPS" else {}) for entry in self._protocols()
        ]
        self._device.call(DEVICE, "SetNetworkProtocols", NetworkProtocols=wanted)

    # Video.

    def _profile(self) -> Profile:
        if self._media is None:
            self._media = self._find_profile()
        return self._media

    def _find_profile(self) -> Profile:
        if self._chosen is None or not (self._device.offers(MEDIA2) or self._device.has(MEDIA)):
            raise DeviceLacks("the device has no video")
        profile = choose(profiles(self._device), self._chosen)
        if profile is not None and (self._chosen or profile.has_video):
            return profile
        raise DeviceLacks("the device has no such media profile with video; a test of the device lists its profiles")

    def _encoder(self) -> Encoder:
        return stepping_down(
            self._device,
            self._profile(),
            self._chosen or "",
            lambda profile: find_encoder(self._device, profile.service, profile.encoder),
        )

    def _write_stream(self, setting: Setting) -> None:
        assert isinstance(setting.value, dict)
        self._encoder().write(setting.value)

    def _osds(self) -> Osds:
        profile = self._profile()
        return stepping_down(self._device, profile, self._chosen or "", lambda one: Osds(self._device, one))


def _plainly(setting: Setting, act: Callable[[], T]) -> T:
    """Run an action, translating a fault that means "I have no such thing" to DeviceLacks."""
    try:
        return act()
    except OnvifFault as fault:
        if fault.lacks:
            raise DeviceLacks(f"the device does not offer this ({setting.kind})") from fault
        raise
    except DeviceRefused:
        raise
    except (AttributeError, TypeError) as error:  # an empty answer: zeep gives None for what is not there
        raise DeviceGarbled(f"the device's answer about {setting.kind} is not whole; update its firmware") from error


def _zone(clock: Any) -> str:
    return plain(getattr(getattr(clock, "TimeZone", None), "TZ", ""), 100)


def _host(entry: Any) -> str:
    return next(
        (
            plain(found, 253)
            for name in ("DNSname", "IPv4Address", "IPv6Address")
            if (found := getattr(entry, name, None))
        ),
        "",
    )


def _network_host(name: str) -> dict[str, str]:
    try:
        version = ipaddress.ip_address(name).version
    except ValueError:
        return {"Type": "DNS", "DNSname": name}
    return {"Type": f"IPv{version}", f"IPv{version}Address": name}
