"""What the routes of devices answer."""

from typing import Any, Literal

from pydantic import Field

from devicemgr.api.conventions.models import HintBody, Removed, ResponseBody, Time

Progress = Literal["running", "done", "failed"]


class DriverOption(ResponseBody):
    """An option of a driver kind."""

    name: str
    description: str
    default: Any = Field(description="Of the option's own type.")
    required: bool
    choices: list[Any] | None = None


class DriverKind(ResponseBody):
    """A driver kind that is installed."""

    kind: str = Field(examples=["modbus_gate"])
    title: str
    capabilities: list[str] = Field(examples=[["gate"]])
    options: list[DriverOption]


class Device(ResponseBody):
    """A device and its state; a password is never shown."""

    name: str = Field(examples=["gate-1"])
    driver: str = Field(examples=["modbus_gate"])
    address: str = Field(examples=["tcp://192.0.2.10:502"])
    username: str | None
    has_password: bool
    options: dict[str, Any] = Field(examples=[{"unit": 1}])
    profile: str | None
    state: str | None = Field(examples=["online"], description="online, degraded, offline, quarantined or unknown.")
    cause: str | None
    hint: HintBody | None = Field(None, description="What to do about the cause.")
    since: Time | None


class ProvisioningProgress(ResponseBody):
    """How far a device was set up by a profile."""

    profile: str
    phase: Progress
    step: str | None
    at: Time


class HoldingFailure(ResponseBody):
    """A key that a device refused, or could not be rid of."""

    key: str
    badge: str | None
    state: str
    error: str
    at: Time


class Holdings(ResponseBody):
    """What a device holds of people and cards, counted by state."""

    held: int
    incomplete: int
    pending: int
    failed: int
    to_remove: int
    unknown: int | None = Field(description="Keys that are not of this site; null while not read.")
    failures: list[HoldingFailure]
    notes: list[str]


class DeviceDetails(Device):
    """A device, how far it was set up, what it holds, and what it does when it decides alone."""

    can: list[str] = Field(
        description="What devices of its kind offer: identify, reboot, firmware, snapshot, trace, provision, sync, "
        "pair, readdress, record.",
        examples=[["identify", "reboot", "snapshot", "provision"]],
    )
    decides_alone: bool = Field(description="Whether it lets people in by itself, always or while this box is away.")
    keeps: list[str] = Field(
        description="Rules in use at its portals that it keeps then.", examples=[["schedules", "lockdown"]]
    )
    cannot_keep: list[str] = Field(
        description="Rules in use at its portals that it can't keep: a violation is recorded when its memory is read.",
        examples=[["anti_passback", "occupancy"]],
    )
    provisioned: ProvisioningProgress | None
    holds: Holdings


class DeviceRemoved(Removed):
    """A device that was removed, and how many people it still holds."""

    left_people: int


class DeviceCheck(ResponseBody):
    """What a device answered to everything that can be read."""

    name: str
    driver: str
    ok: bool
    found: dict[str, Any]


class DiscoveredDevice(ResponseBody):
    """Something that answered; its kind, address and options are those of a device to add."""

    kind: str
    address: str
    options: dict[str, str]
    known: str | None = Field(description="The name of the device that has this address already.")
    hint: HintBody | None


class Discovery(ResponseBody):
    """What was found, and what could not be looked for."""

    found: list[DiscoveredDevice]
    notes: list[str]


class ShownCertificate(ResponseBody):
    """The certificate that an address shows, for which no one has vouched yet."""

    address: str = Field(examples=["https://192.0.2.64"])
    fingerprint: str = Field(examples=["sha256:" + ":".join(["AB"] * 32)])
    subject: str = Field(examples=["CN=DS-K1T671M"])
    issuer: str = Field(examples=["CN=DS-K1T671M"])
    valid_from: Time
    valid_to: Time
    trusted: bool = Field(description="A CA that this host knows signed it for this name: no pin is needed.")


class ProfileState(ResponseBody):
    """A profile by which devices are set up."""

    name: str = Field(examples=["gate-cameras"])
    settings: dict[str, Any] = Field(examples=[{"discovery": False}])
    devices: list[str] = Field(examples=[["cam-lobby"]])


class DeviceIdentity(ResponseBody):
    """What a device says that it is; empty where it does not say."""

    name: str
    manufacturer: str
    model: str
    firmware: str
    serial: str


class Vulnerability(ResponseBody):
    """A published vulnerability of the device's firmware; not `sure` where the device does not say its version."""

    cve: str = Field(examples=["CVE-2021-36260"])
    sure: bool
    what: str
    source: str


class DeviceInventory(DeviceIdentity):
    """A device's identity and the known vulnerabilities of its firmware."""

    kind: str
    read_at: Time
    vulnerable: list[Vulnerability]


class DeviceReboot(ResponseBody):
    """Whether the device confirmed that it restarts."""

    name: str
    outcome: Literal["confirmed", "unknown"]
    cause: str | None


class DeviceSnapshot(ResponseBody):
    """One picture, in base64."""

    name: str
    type: str = Field(examples=["image/jpeg"])
    bytes: int
    picture: str = Field(json_schema_extra={"contentEncoding": "base64"})


class FirmwareUpgrade(ResponseBody):
    """How far a firmware file is on its way to a device."""

    phase: str = Field(examples=["sending"], description="waiting, sending, restarting, done or failed.")
    done: int
    of: int
    error: str | None
    name: str
    bytes: int
    sha256: str
    before: str
    after: str | None


class DevicePaired(ResponseBody):
    """A reader that has a key of its own."""

    name: str
    paired: bool


class DeviceReaddressed(ResponseBody):
    """Where a reader is on its line now."""

    name: str
    address: str
    unit: int


class ProvisioningStep(ResponseBody):
    """One setting of a profile, with its value before and after."""

    step: str
    wanted: Any
    was: Any
    now: Any
    outcome: str = Field(description="same, differs, changed, unsupported, refused, failed, unknown or not_tried.")
    why: str


class ProvisioningResult(ResponseBody):
    """What became of a device's settings, or would become of them."""

    device: str
    profile: str
    ok: bool
    differs: bool
    error: str | None
    exit_code: int
    steps: list[ProvisioningStep]


class DeviceRecording(ResponseBody):
    """A device's replies without names, serial numbers and addresses: `replies`, or the `trace` of its line."""

    record: int = Field(description="The version of this format.")
    devicemgr: str
    kind: str
    device: dict[str, Any] | None = None
    replies: list[dict[str, Any]] | None = None
    trace: list[dict[str, Any]] | None = None


class Holding(ResponseBody):
    """What a device holds, or should hold, under one key."""

    name: str
    cards: list[str]
    doors: list[int]
    hours: dict[str, str]
    valid_from: Time | None
    valid_to: Time | None
    face: bool


class HoldingChange(ResponseBody):
    """A change that would synchronize a device."""

    do: Literal["add", "change", "remove"]
    key: str
    holds: Holding | None
    should_hold: Holding | None


class UnfitHolding(ResponseBody):
    """A key that the device can not hold, or not wholly."""

    key: str
    why: str


class SyncPlan(ResponseBody):
    """How what a device holds differs from what it should hold."""

    device: str
    differs: bool
    same: int
    changes: list[HoldingChange]
    unknown: list[str]
    unfit: list[UnfitHolding]


class SyncRun(ResponseBody):
    """How far a device is synchronized."""

    phase: str = Field(examples=["done"])
    done: int
    of: int
    failed: int
    unknown: int
    error: str | None


class TraceEntry(ResponseBody):
    """Bytes that went over a line; `way` is rx or tx."""

    time: Time
    at: float = Field(description="A second of the daemon's monotonic clock, for `after`.")
    way: str
    bytes: str = Field(examples=["53 01 08 00"])


class LineTrace(ResponseBody):
    """The latest bytes on a device's line."""

    name: str
    address: str
    live: bool
    trace: list[TraceEntry]
