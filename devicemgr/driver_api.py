"""Everything that a driver of another package imports from devicemgr; docs/driver-guide.md shows how.

Compatibility: `API_VERSION` is MAJOR.MINOR. Within one MAJOR no name in `__all__` is removed, no required field,
parameter or method is added to it and none changes its meaning, so a driver written for 1.0 works with every 1.x.
A higher MINOR adds names, and optional fields with a default. A name that will go is announced in CHANGELOG.md one
release before MAJOR rises. Every other module of devicemgr and of drivers may change in any release.
"""

from devicemgr.domain.device_events import (
    CardRead,
    DeviceDecided,
    DeviceFact,
    DeviceReported,
    DoorContact,
    FireRelease,
    GateAlarm,
    KeysPressed,
    PassageCompleted,
    PassageStarted,
    Presented,
    PushRefused,
    RexPressed,
)
from devicemgr.domain.device_profile import (
    Setting,
)
from devicemgr.domain.ledger_events import (
    Kind,
)
from devicemgr.domain.model import (
    Capability,
    DeviceConfig,
    DeviceInfo,
    Direction,
    Factor,
    JsonValue,
    PortalMode,
    Signal,
    VideoSource,
)
from devicemgr.domain.ports.device import (
    Cancelable,
    CardLimits,
    Channeled,
    Complaining,
    Delivery,
    Device,
    Gate,
    Holder,
    Holding,
    Indicator,
    Pairable,
    Provisionable,
    ReleaseTimes,
    Replaying,
    Scheduling,
    SelfTimed,
    SettingsDesk,
    Spans,
    Traceable,
    Verifier,
)
from devicemgr.domain.ports.driver import (
    Driver,
    Found,
)
from devicemgr.domain.ports.maintenance import (
    Identifying,
    Image as FirmwareImage,
    Pictured,
    Rebootable,
    Recordable,
    Reply,
    Upgradable,
)
from devicemgr.domain.ports.options import (
    DeviceOptions,
    read_options,
)
from devicemgr.domain.ports.video import (
    Camera,
)
from devicemgr.errors import (
    DeviceBusy,
    DeviceError,
    DeviceGarbled,
    DeviceLacks,
    DeviceRefused,
    DeviceUnreachable,
    DeviceUnready,
    HeldInPart,
    InvalidInput,
    NotVerifiable,
    NotYet,
    OutcomeUnknown,
)
from devicemgr.text import (
    safe,
)

API_VERSION = "1.0"

__all__ = [
    "API_VERSION",
    "Camera",
    "Cancelable",
    "Capability",
    "CardLimits",
    "CardRead",
    "Channeled",
    "Complaining",
    "Delivery",
    "Device",
    "DeviceBusy",
    "DeviceConfig",
    "DeviceDecided",
    "DeviceError",
    "DeviceFact",
    "DeviceGarbled",
    "DeviceInfo",
    "DeviceLacks",
    "DeviceOptions",
    "DeviceRefused",
    "DeviceReported",
    "DeviceUnreachable",
    "DeviceUnready",
    "Direction",
    "DoorContact",
    "Driver",
    "Factor",
    "FireRelease",
    "FirmwareImage",
    "Found",
    "Gate",
    "GateAlarm",
    "HeldInPart",
    "Holder",
    "Holding",
    "Identifying",
    "Indicator",
    "InvalidInput",
    "JsonValue",
    "KeysPressed",
    "Kind",
    "NotVerifiable",
    "NotYet",
    "OutcomeUnknown",
    "Pairable",
    "PassageCompleted",
    "PassageStarted",
    "Pictured",
    "PortalMode",
    "Presented",
    "Provisionable",
    "PushRefused",
    "Rebootable",
    "Recordable",
    "ReleaseTimes",
    "Replaying",
    "Reply",
    "RexPressed",
    "Scheduling",
    "SelfTimed",
    "Setting",
    "SettingsDesk",
    "Signal",
    "Spans",
    "Traceable",
    "Upgradable",
    "Verifier",
    "VideoSource",
    "read_options",
    "safe",
]
