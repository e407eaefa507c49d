"""How devices of one sort shall be set up: a declarative profile, and the settings that it comes down to."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from devicemgr.domain.model import JsonValue

# What is set first when several differ: the time, for logins depend on it; what could lock out comes last.
KINDS = (
    "ntp",
    "time_zone",
    "stream",
    "osd_text",
    "osd_clock",
    "hostname",
    "discovery",
    "user",
    "password",
    "https",
)
OFF = "off"
_HOST = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}")
# POSIX.1-2017 8.3: a name, the hours west of Greenwich, and perhaps a rule for summer time.
_ZONE = re.compile(r"(?:<[A-Za-z0-9+-]{3,16}>|[A-Za-z]{3,16})([+-]?)(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?(.{0,80})")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


def _hostname(text: str) -> str:
    if not _HOST.fullmatch(text.replace("{name}", "x")):
        raise ValueError("a host name has letters, digits and '-', such as cam-lobby; {name} is the device's own name")
    return text


def _server(text: str) -> str:
    if not (_HOST.fullmatch(text) or _ADDRESS.fullmatch(text)):
        raise ValueError("a time server is a host name or an address, such as 192.0.2.1 or ntp.example")
    return text


def _zone(text: str) -> str:
    if not text.isprintable() or not _ZONE.fullmatch(text):
        raise ValueError("a time zone is written the POSIX way: <+05>-5 is five hours east, CET-1CEST,M3.5.0,M10.5.0/3")
    return text


def _shown(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a text in the picture has printable characters; 'off' takes it away")
    return text or OFF


def _user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise ValueError("a user's name has up to 32 letters, digits, '.', '_' and '-'")
    return text


class ProfileUser(BaseModel):
    """A user that the device shall have; the password is made here and kept in the vault."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Annotated[str, AfterValidator(_user)]
    role: Literal["administrator", "operator", "user"] = "user"


class Stream(BaseModel):
    """What the camera shall send for recognition; `bitrate` in kbit/s, `gop` in pictures; what is absent stays."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    codec: Literal["h264", "h265", "jpeg"] | None = None
    width: int | None = Field(None, ge=16, le=16384)
    height: int | None = Field(None, ge=16, le=16384)
    fps: float | None = Field(None, gt=0, le=240)
    gop: int | None = Field(None, ge=1, le=10_000)
    bitrate: int | None = Field(None, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _whole_size(self) -> "Stream":
        if (self.width is None) != (self.height is None):
            raise ValueError("give width and height together")
        return self


class Osd(BaseModel):
    """What stands in the picture: a text (`{name}` is the device's name) or `off`, and whether date and time do."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    text: Annotated[str, Field(max_length=64), AfterValidator(_shown)] | None = None
    clock: bool | None = None


class Profile(BaseModel):
    """How a device shall be set up; what is absent is left as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    hostname: Annotated[str, AfterValidator(_hostname)] | None = None
    ntp: (
        Literal["dhcp"]
        | Annotated[list[Annotated[str, AfterValidator(_server)]], Field(min_length=1, max_length=4)]
        | None
    ) = None
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    discovery: bool | None = None
    https: bool = False
    users: list[ProfileUser] = Field(default=[], max_length=16)
    replace_default_password: bool = False
    stream: Stream | None = None
    osd: Osd | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> "Profile":
        names = [user.name.lower() for user in self.users]
        if len(names) != len(set(names)):
            raise ValueError("a user is named twice")
        if not self.stated():
            raise ValueError("it says nothing; name at least one setting, such as discovery = false")
        return self

    def stated(self) -> dict[str, JsonValue]:
        """As the site's file has it: what is not said is left out."""
        return self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)

    def settings(self, device: str) -> list["Setting"]:
        """Return what it means for the device of that name, in the order in which it is set."""
        stream = self.stream.model_dump(exclude_none=True) if self.stream else {}
        osd = self.osd or Osd()
        found: dict[str, JsonValue] = {
            "ntp": "dhcp" if self.ntp == "dhcp" else list(self.ntp) if self.ntp else None,
            "time_zone": self.time_zone,
            "stream": stream or None,
            "osd_text": osd.text.replace("{name}", device) if osd.text else None,
            "osd_clock": osd.clock,
            "hostname": self.hostname.replace("{name}", device.replace("_", "-")) if self.hostname else None,
            "discovery": self.discovery,
            "password": self.replace_default_password or None,
            "https": self.https or None,
        }
        users = [Setting("user", user.role, user.name) for user in self.users]
        rest = [Setting(kind, value) for kind, value in found.items() if value is not None]
        return sorted([*rest, *users], key=lambda setting: KINDS.index(setting.kind))


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing to be set: a kind of KINDS and the value wanted. `secret` is the password to be set with it.

    Values: ntp a list of servers or "dhcp"; time_zone a POSIX TZ; stream the fields of Stream; osd_text a text or
    "off"; hostname a name; user the role of user `subject`; osd_clock, discovery, password and https true or false.
    """

    kind: str
    value: JsonValue
    subject: str = ""
    secret: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """For people: the kind, with the user's name."""
        return f"{self.kind} {self.subject}".strip()

    def is_met(self, found: JsonValue) -> bool:
        """Return whether what a device has is what is wanted."""
        wanted = self.value
        match self.kind:
            case "stream" if isinstance(wanted, dict) and isinstance(found, dict):
                return all(_alike(value, found.get(name)) for name, value in wanted.items())
            case "osd_text" if isinstance(found, list):
                return wanted in found if wanted != OFF else not found
            case "hostname" | "ntp":
                return _folded(wanted) == _folded(found)
            case "time_zone":
                return _offset(str(wanted)) == _offset(str(found))
        return wanted == found


def _alike(wanted: JsonValue, found: JsonValue) -> bool:
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        return abs(wanted - found) < 0.01
    return wanted == found


def _folded(value: JsonValue) -> JsonValue:
    return [_folded(item) for item in value] if isinstance(value, list) else str(value).lower()


def _offset(zone: str) -> tuple[int, str] | str:
    """Seconds west of Greenwich and the rule for summer time: devices give zones other names."""
    found = _ZONE.fullmatch(zone.strip())
    if found is None:
        return zone.strip()
    hours, minutes, seconds = (int(part or 0) for part in found.group(2, 3, 4))
    west = hours * 3600 + minutes * 60 + seconds
    return (-west if found[1] == "-" else west), found[5]
