"""/devices/{name}/identify, /reboot and /snapshot: what a technician asks of one device."""

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response

from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.routes.devices.models import DeviceIdentity, DeviceReboot, DeviceSnapshot
from devicemgr.domain.ports.device import Device, Holder, Pairable, Provisionable, Readdressable, Traceable
from devicemgr.domain.ports.maintenance import Identifying, Pictured, Rebootable, Recordable, Upgradable
from devicemgr.errors import DeviceError, InvalidInput, KeyMissing, NotFound, OutcomeUnknown
from devicemgr.store.site import devices as device_store
from devicemgr.text import safe

router = APIRouter(tags=["devices"])
IDENTIFY_SECONDS, REBOOT_SECONDS, SNAPSHOT_SECONDS = 15.0, 20.0, 30.0
REBOOTED, PICTURED = "admin.device_rebooted", "admin.device_snapshot_taken"


_ABILITIES: Mapping[str, type] = {
    "identify": Identifying,
    "reboot": Rebootable,
    "firmware": Upgradable,
    "snapshot": Pictured,
    "trace": Traceable,
    "record": Recordable,
    "provision": Provisionable,
    "sync": Holder,
    "pair": Pairable,
    "readdress": Readdressable,
}


def abilities(context: Context, name: str) -> list[str]:
    """Return what a device of this configuration offers, as words of the API; nothing is connected."""
    try:
        with context.site.database.read() as session:
            config = device_store.device_config(device_store.device(session, name), context.site.vault)
        device = context.site.parts.catalog.get(config.driver).build(config)
    except (NotFound, InvalidInput, KeyMissing):
        return []  # its state says that the driver, an option or the key is wrong
    return [word for word, able in _ABILITIES.items() if isinstance(device, able)]


def require(context: Context, name: str, able: type, what: str) -> str:
    """Return the device's kind; InvalidInput when devices of this kind are not `able`. Nothing is connected."""
    with context.site.database.read() as session:
        config = device_store.device_config(device_store.device(session, name), context.site.vault)
    if not isinstance(context.site.parts.catalog.get(config.driver).build(config), able):
        raise InvalidInput(f"a device of kind {config.driver} {what} from here; do it at the device or on its own page")
    return config.driver


def note(context: Context, caller: Caller, kind: str, detail: dict[str, Any]) -> None:
    """One administrative fact, on disk when this returns."""
    with context.site.database.write() as session:
        context.record(session, kind, caller, detail)


@router.post("/devices/{name}/identify", response_model=DeviceIdentity)
def identify_device(name: str, context: Ctx, _: Who) -> dict[str, Any]:
    """Read now who the device says it is."""
    require(context, name, Identifying, "does not say who it is")

    def ask(device: Device) -> dict[str, str]:
        assert isinstance(device, Identifying)
        return asdict(device.identify())

    return {"name": name} | context.runtime.call_device(name, ask, IDENTIFY_SECONDS)


@router.post("/devices/{name}/reboot", response_model=DeviceReboot)
def reboot_device(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Restart the device; `outcome` is confirmed, or unknown where it hung up instead of answering."""
    require(context, name, Rebootable, "cannot be rebooted")

    def tell(device: Device) -> None:
        assert isinstance(device, Rebootable)
        device.reboot()

    note(context, caller, REBOOTED, {"device": name, "phase": "begun"})
    outcome, cause = "failed", "it broke off"
    try:
        context.runtime.call_device(name, tell, REBOOT_SECONDS)
        outcome, cause = "confirmed", ""
    except OutcomeUnknown as error:
        outcome, cause = "unknown", str(error)
    except DeviceError as error:
        cause = str(error)
        raise
    finally:
        ended = {"device": name, "phase": "ended", "outcome": outcome}
        note(context, caller, REBOOTED, ended | ({"cause": safe(cause)} if cause else {}))
    return {"name": name, "outcome": outcome, "cause": cause or None}


@router.post("/devices/{name}/snapshot", response_model=DeviceSnapshot)
def snapshot_device(name: str, context: Ctx, caller: Who, answer: Response) -> dict[str, Any]:
    """One JPEG in base64, kept nowhere; that it was taken, and by whom, is recorded before it leaves."""
    require(context, name, Pictured, "gives no pictures")

    def look(device: Device) -> bytes:
        assert isinstance(device, Pictured)
        return device.snapshot()

    picture = context.runtime.call_device(name, look, SNAPSHOT_SECONDS)
    note(context, caller, PICTURED, {"device": name})
    answer.headers["Cache-Control"] = "no-store"
    return {"name": name, "type": "image/jpeg", "bytes": len(picture), "picture": base64.b64encode(picture).decode()}
