"""The things an entrance is made of: people and rights, places, devices. Frozen, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum

from devicemgr.domain.zones import Waiver

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


class Direction(StrEnum):
    """Through which side of a portal one passes."""

    ENTRY = "entry"
    EXIT = "exit"


class PortalMode(StrEnum):
    """What a portal does between requests; `free` lets all pass, `locked` no one."""

    NORMAL = "normal"
    LOCKED = "locked"
    FREE = "free"


class FailMode(StrEnum):
    """What the lock does without power: `secure` stays shut, `safe` opens."""

    SECURE = "secure"
    SAFE = "safe"


class Factor(StrEnum):
    """A proof of who a person is. A badge number is an identity and no proof."""

    FACE = "face"
    CARD = "card"
    PIN = "pin"
    FINGER = "finger"
    QR = "qr"


class Requirement(StrEnum):
    """The factors that one must present at a portal: all of those named.

    `any` takes a face or a card. rules/factors.py holds what suffices. The order of the words does not matter where
    one is read: `pin+card` is `card+pin`.
    """

    ANY = "any"
    CARD = "card"
    FACE = "face"
    FINGER = "finger"
    QR = "qr"
    PIN = "pin"
    CARD_FACE = "card+face"
    CARD_FINGER = "card+finger"
    CARD_PIN = "card+pin"
    FACE_FINGER = "face+finger"
    FACE_PIN = "face+pin"
    FINGER_PIN = "finger+pin"
    CARD_FACE_FINGER = "card+face+finger"
    CARD_FACE_PIN = "card+face+pin"
    CARD_FINGER_PIN = "card+finger+pin"
    FACE_FINGER_PIN = "face+finger+pin"

    @classmethod
    def _missing_(cls, value: object) -> "Requirement | None":
        words = sorted(str(value).split("+"))
        return next((found for found in cls if sorted(found.value.split("+")) == words), None)


class Liveness(StrEnum):
    """Whether a face must prove that it is alive: not checked, reported with each decision, or a turn of the head."""

    OFF = "off"
    PASSIVE = "passive"
    CHALLENGE = "challenge"


class ConsoleLiveness(StrEnum):
    """What becomes of a console's face that comes without liveness, at a portal whose `liveness` is not off.

    `require` refuses it; `trust` takes the console's own match as proof that the face is alive.
    """

    REQUIRE = "require"
    TRUST = "trust"


class Signal(StrEnum):
    """What lamps and buzzers say to who stands there; `ask` wants a second factor."""

    GRANTED = "granted"
    DENIED = "denied"
    ASK = "ask"


class Capability(StrEnum):
    """What a device can be used for."""

    CAMERA = "camera"
    GATE = "gate"
    READER = "reader"
    CONSOLE = "console"


class PersonKind(StrEnum):
    """Why a person is here."""

    STAFF = "staff"
    CONTRACTOR = "contractor"
    VISITOR = "visitor"


@dataclass(frozen=True, slots=True)
class Grant:
    """A level that a person holds from `valid_from` to before `valid_to`, or for a number of `uses`.

    None is no limit. `rules/grants.py` says when it counts.
    """

    level: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    uses: int | None = None
    uses_left: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A cardholder; `id` is a random UUID that the ledger uses instead of name and badge.

    `levels` are those held for good, also by the department, and `grants` those for a time or a number of uses. The
    `host_id` of a visitor leads to the person who answers for them; who needs an `escort` passes with one.
    """

    id: str
    badge: str
    name: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    suspended: bool = False
    face_consent: bool = False
    levels: frozenset[str] = frozenset()
    kind: PersonKind = PersonKind.STAFF
    host_id: str | None = None
    escort: bool = False
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """A weekly window in wall time; weekdays 0=Monday…6=Sunday; `end` ≤ `start` runs over midnight."""

    weekdays: frozenset[int]
    start: time
    end: time


class DayKind(StrEnum):
    """What a day of a calendar is: closed, with shorter hours, or a day of the weekend that is worked."""

    HOLIDAY = "holiday"
    SHORT = "short-day"
    WORKING = "working"


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day of a calendar; `hours` are those of a short day, of which an end at 0:00 is midnight."""

    date: date
    kind: DayKind
    hours: tuple[time, time] | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Weekly windows in one IANA time zone; on `holidays` (local dates) nothing is open.

    On the dates of `short_days` nothing is open outside their hours. Of `working`, a Saturday or Sunday on which no
    window begins has the windows of a Friday.
    """

    name: str
    timezone: str
    windows: tuple[TimeWindow, ...]
    holidays: frozenset[date] = frozenset()
    working: frozenset[date] = frozenset()
    short_days: Mapping[date, tuple[time, time]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessLevel:
    """Which portals, each under a schedule name or None for always; `waives` are checks that its holders are spared."""

    name: str
    portals: Mapping[str, str | None]
    waives: frozenset[Waiver] = frozenset()
    escorts: bool = False
    escort_up_to: int = 5


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """The side of a portal where one presents a face or a card; `channel` counts a device's readers from 1."""

    portal: str
    direction: Direction
    device: str
    channel: int = 1


@dataclass(frozen=True, slots=True)
class Portal:
    """A door or turnstile that opens; `channel` counts from 1 on its gate device.

    `frames` good pictures must agree on a person before a face counts. Portals of one `lane_group`, if not empty, are
    lanes side by side, such as the turnstiles of one hall. `outside` and `inside` are the zones that it joins, both or
    neither: a passage of entry leads from the first to the second. At an `egress` no rule of zones refuses an exit.
    With `people` above 1 that many different people must present within `people_within` seconds of the first, one of
    them of a level of `confirm_by` if there are any; for an exit only with `people_exit`.
    One that `collects_cards` keeps the card of a visitor who leaves by it.
    While the schedule `free` is open the portal is free, with `free_after` not before one of these levels has passed.
    """

    name: str
    gate: str
    channel: int = 1
    access_points: tuple[AccessPoint, ...] = ()
    fail: FailMode = FailMode.SECURE
    release_seconds: float = 5.0
    mode: PortalMode = PortalMode.NORMAL
    require: Requirement = Requirement.ANY
    liveness: Liveness = Liveness.OFF
    frames: int = 2
    lane_group: str = ""
    console_liveness: ConsoleLiveness = ConsoleLiveness.REQUIRE
    outside: str | None = None
    inside: str | None = None
    egress: bool = False
    people: int = 1
    people_within: float = 10.0
    people_exit: bool = False
    confirm_by: frozenset[str] = frozenset()
    collects_cards: bool = False
    free: str | None = None
    free_after: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """How to reach a device; the password is in clear here and only here, never in repr."""

    id: str
    name: str
    driver: str
    address: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a device says of itself on opening; empty where it does not say."""

    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""


@dataclass(frozen=True, slots=True)
class VideoSource:
    """A stream that PyAV opens; credentials apart from the URL, so that the URL can be shown."""

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, JsonValue] = field(default_factory=dict)


class Role(StrEnum):
    """What an operator's work is; one may have several."""

    GUARD = "guard"
    TECHNICIAN = "technician"
    ADMIN = "admin"
    AUDITOR = "auditor"
    DURESS = "duress"  # sees duress signals, beside what the other roles see


ALL_ROLES = frozenset(Role)
