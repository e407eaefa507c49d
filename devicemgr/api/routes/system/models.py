"""What the routes of the program and its record answer."""

from typing import Any

from pydantic import Field

from devicemgr.api.conventions.models import HintBody, ResponseBody, Time


class Version(ResponseBody):
    """The program's version."""

    version: str = Field(examples=["0.2.0"])


class DaemonStatus(ResponseBody):
    """The daemon; `stuck_threads` hang in drivers and were replaced."""

    running: bool
    ready: bool
    version: str
    uptime_s: float
    stuck_threads: int


class DeviceStatus(ResponseBody):
    """A device's state; `revoked` people are those whom it still holds and should not.

    `threat_pending` until a device that decides by itself holds those whom the threats in force allow, and no others.
    """

    name: str
    kind: str
    state: str = Field(examples=["online"])
    cause: str | None
    hint: HintBody | None = Field(None, description="What to do about the cause.")
    since: Time
    revoked: int
    threat_pending: bool


class ThreatStatus(ResponseBody):
    """A threat in force."""

    name: str = Field(examples=["lockdown"])
    order: int
    scope: list[str] = Field(examples=[["site"]])
    since: Time
    reason: str
    by: str | None = Field(examples=["operator:dana"])


class PortalStatus(ResponseBody):
    """The mode that a guard has set, the one in force and why, and what is known of its door."""

    name: str
    mode: str = Field(examples=["normal"])
    state: str
    door: str | None
    effective_mode: str = Field(examples=["free"])
    because: str = Field(examples=["schedule"], description="fire, guard, threat, schedule or default.")
    rule: str | None = Field(examples=["office-hours"], description="The name of the threat or schedule.")


class GalleryStatus(ResponseBody):
    """The faces that can be recognized."""

    people: int
    templates: int
    model: str
    threshold: float | None


class LedgerStatus(ResponseBody):
    """The last event's number, and when the record was sealed."""

    seq: int
    sealed_at: Time | None


class OutletStatus(ResponseBody):
    """How far events have left by an outlet, and what is wrong."""

    name: str = Field(examples=["hr"])
    kind: str = Field(examples=["webhook"])
    state: str = Field(examples=["failing"], description="ok, failing, stopped or paused.")
    cause: str | None = Field(description="Why the last try failed.")
    failing_since: Time | None
    lag_events: int = Field(description="How many events of the record have not left.")
    lag_s: float = Field(description="Seconds since the first of these was recorded; 0 for none.")


class AlarmPerson(ResponseBody):
    """Someone whom an alarm concerns."""

    badge: str = Field(examples=["1042"])
    name: str | None = Field(None, examples=["Aigul Serikova"], description="For guards and admins, else absent.")


class Alarm(ResponseBody):
    """Something that needs a person's attention; further fields depend on its kind."""

    kind: str = Field(examples=["device_offline"])
    cause: str | None
    device: str | None = None
    portal: str | None = None
    zone: str | None = Field(None, description="The zone of a muster; absent for the whole site.")
    calendar: str | None = None
    source: str | None = Field(None, description="The source of people that it is about.")
    threat: str | None = None
    outlet: str | None = None
    people: list[AlarmPerson] | None = None
    since: Time | None = None
    hint: HintBody | None = Field(None, description="What to do about it.")


class Status(ResponseBody):
    """The daemon, devices, portals, threats in force, gallery, ledger, outlets and alarms."""

    daemon: DaemonStatus
    devices: list[DeviceStatus]
    portals: list[PortalStatus]
    threats: list[ThreatStatus]
    gallery: GalleryStatus
    ledger: LedgerStatus
    outlets: list[OutletStatus]
    alarms: list[Alarm]


class DoctorCheck(ResponseBody):
    """One check, and what to do if it failed."""

    check: str
    ok: bool
    detail: str
    fix: str | None
    hint: HintBody | None


class Examination(ResponseBody):
    """All checks of the box, the home and the devices."""

    ok: bool
    checks: list[DoctorCheck]


class BoxFacts(ResponseBody):
    """The box at a glance."""

    disk_free_bytes: int = Field(description="On the disk that holds the home folder.")
    disk_total_bytes: int
    backup_made: Time | None = Field(description="Null where none was made yet.")
    clock_behind_s: float = Field(description="How far the clock is behind the time that was reached.")
    clock_ahead_s: float = Field(description="How far it has jumped ahead of that time.")
    clock_synchronized: bool | None = Field(description="Whether a time server holds it; null where that is not seen.")


class SealedPosition(ResponseBody):
    """Up to where the record is sealed."""

    seq: int
    at: Time
    seals: int


class Restoration(ResponseBody):
    """A restored backup: what was recorded between `made` and `at` is missing."""

    at: Time
    made: Any
    events: Any
    seal: Any
    backup: Any


class AuditResult(ResponseBody):
    """Whether the record holds, and the first event that does not."""

    ok: bool
    events: int
    first_bad_seq: int | None
    why: str | None
    sealed: SealedPosition | None
    root: str | None = Field(description="The public key with which the seals begin.")
    restored: list[Restoration]
    removed: dict[str, Any] | None = Field(description="What retention has removed from the start of the record.")


class AuditSeal(ResponseBody):
    """A seal: event `seq` was the last one, and its hash `head`, at `time`; keys and signature in hex."""

    number: int
    seq: int
    head: str
    time: Time
    next_key: str
    signature: str


class AuditAnchor(ResponseBody):
    """A place outside the home that is sent each seal."""

    address: str = Field(examples=["file:/media/anchor/seals"])
    kind: str = Field(examples=["file"], description="file, url or syslog; unknown for an address that makes no sense.")
    seal: int | None = Field(description="The number of the newest seal that it remembers; only files are read back.")
    time: str | None
    agrees: bool | None = Field(description="Whether the database holds the same seal; null where that is not seen.")
    cause: str | None


class AuditSeals(ResponseBody):
    """The newest seals over the record, and the anchors."""

    root: str | None = Field(description="The public key with which the seals begin.")
    events: int = Field(description="The last event.")
    sealed: int | None = Field(description="The last event that is sealed.")
    removed_through: int | None = Field(description="Retention has removed the events up to this one.")
    seals: list[AuditSeal] = Field(description="The newest first.")
    anchors: list[AuditAnchor]


class AuditBundle(ResponseBody):
    """A bundle of the record that waits to be fetched by the one who made it."""

    id: str
    name: str = Field(examples=["devicemgr-record-20261130-101500.zip"])
    bytes: int
    until: Time
    events: int
    root: str | None


class KeyRotation(ResponseBody):
    """How much was sealed under the new key."""

    people: int
    devices: int
    device_users: int
    outlets: int
    files: int
    wiped: bool
    key: str
    credential: bool
