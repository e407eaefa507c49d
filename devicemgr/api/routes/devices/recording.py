"""/devices/{name}/record: a device's replies, scrubbed, for a bug report."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter

from devicemgr import __version__
from devicemgr.api.context import Context, Ctx, Who
from devicemgr.api.routes.devices.maintenance import note
from devicemgr.api.routes.devices.models import DeviceRecording
from devicemgr.domain.model import DeviceConfig, DeviceInfo
from devicemgr.domain.ports.device import Device, Traceable
from devicemgr.domain.ports.maintenance import Identifying, Recordable, Reply
from devicemgr.errors import Hint, InvalidInput
from devicemgr.scrubber import Scrubber
from devicemgr.store.site import devices as device_store

router = APIRouter(tags=["devices"])
RECORDED = "admin.device_recorded"
RECORD_SECONDS = 60.0


@router.post("/devices/{name}/record", response_model=DeviceRecording)
def record_device(name: str, context: Ctx, caller: Who) -> dict[str, Any]:
    """Return what the device answers to the usual questions, or the latest bytes on its line.

    Nothing in it names anybody.
    """
    with context.site.database.read() as session:
        config = device_store.device_config(device_store.device(session, name), context.site.vault)
    device = context.site.parts.catalog.get(config.driver).build(config)
    if isinstance(device, Recordable):
        content = _replies(context, config)
    elif isinstance(device, Traceable):
        content = {"trace": _trace(context, name)}
    else:
        raise InvalidInput(f"a device of kind {config.driver} cannot be recorded", hint=Hint("read_device", name=name))
    note(context, caller, RECORDED, {"device": name})
    return {"record": 1, "devicemgr": __version__, "kind": config.driver} | content


def _replies(context: Context, config: DeviceConfig) -> dict[str, Any]:
    def ask(device: Device) -> tuple[DeviceInfo, list[Reply]]:
        assert isinstance(device, Recordable)
        return device.identify() if isinstance(device, Identifying) else DeviceInfo(), device.record()

    info, replies = context.runtime.call_device(config.name, ask, RECORD_SECONDS)
    scrubber = Scrubber([*_secrets(config), info.serial])
    return {
        "device": scrubber.scrub_reply({**asdict(info)}),
        "replies": [
            {"asked": reply.request, "status": reply.status, "reply": scrubber.scrub_reply(reply.content)}
            for reply in replies
        ],
    }


def _secrets(config: DeviceConfig) -> list[str]:
    """Return what is known here of this very device, and may stand nowhere."""
    try:
        host = urlsplit(config.address if "://" in config.address else f"//{config.address}").hostname
    except ValueError:
        host = None
    words = [config.name, config.username, host, config.address, *(config.password or "").split(",")]
    return [word for word in words if word]


def _trace(context: Context, name: str) -> list[dict[str, Any]]:
    """Seconds since the first, way and hex; the driver has blanked keys, cards, PINs and serial numbers."""
    entries = context.runtime.trace_device(name)
    return [{"at": round(at - entries[0][0], 3), "way": way, "bytes": data.hex(" ")} for at, way, data in entries]
