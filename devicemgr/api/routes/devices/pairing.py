"""Bring a reader into service: a key of its own, and its address and speed on a line."""

import secrets
import time
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.routes.devices.models import DevicePaired, DeviceReaddressed
from devicemgr.domain.ports.device import Pairable, Readdressable
from devicemgr.errors import DeviceBusy, DeviceError, InvalidInput, OutcomeUnknown
from devicemgr.site import devices as service
from devicemgr.store.site import devices as device_store

router = APIRouter(tags=["devices"])

KEY_BYTES = 16
LONGEST_SECONDS = 300
# The daemon's end must not have to wait for a window.
SLICE_SECONDS = 5.0
PAIRED = "admin.device_paired"


class PairingWindow(BaseModel):
    """How long the reader may take."""

    model_config = ConfigDict(extra="forbid")
    seconds: int = Field(60, ge=1, le=LONGEST_SECONDS)


@router.post("/devices/{name}/pair", response_model=DevicePaired)
def pair_device(name: str, body: PairingWindow, context: Ctx, caller: Who) -> dict[str, Any]:
    """Give a reader in install mode a key of its own; both keys are kept until one is proven."""
    pairing = _Pairing(context, caller, name)
    pairing.begin(body.seconds)
    outcome, cause = "unknown", "it broke off"
    try:
        pairing.wait(body.seconds)
        outcome, cause = "paired", ""
    except DeviceError as error:
        outcome, cause = "unknown" if isinstance(error, OutcomeUnknown) else "failed", str(error)
        raise
    finally:
        pairing.end(outcome, cause)
    return {"name": name, "paired": True}


class LineSettings(BaseModel):
    """The address and speed that a reader gets; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    unit: int | None = Field(None, ge=0, le=126)
    baudrate: int | None = Field(None, ge=9600, le=921600)


@router.post("/devices/{name}/readdress", response_model=DeviceReaddressed)
def readdress_device(name: str, body: LineSettings, context: Ctx, caller: Who) -> dict[str, Any]:
    """Give a reader another address or speed on its line, prove it there, and store where it is."""
    if body.unit is None and body.baudrate is None:
        raise InvalidInput("name a unit, a baudrate, or both")
    with context.site.database.read() as session:
        config = device_store.device_config(device_store.device(session, name), context.site.vault)
    # The running device lets go of its address while it is moved, so that this needs a device of its own.
    device = context.site.parts.catalog.get(config.driver).build(config)
    if not isinstance(device, Readdressable):
        raise InvalidInput(f"devices of kind {config.driver} have no address that is set over the line")
    unit = int(str(config.options.get("unit", 0))) if body.unit is None else body.unit
    address, options = device.readdress(unit, body.baudrate)
    with context.change(caller) as work:
        service.edit_device(work, name, service.DeviceEdit(address=address, options=options))
    return {"name": name, "address": address, "unit": unit}


class _Pairing:
    """One window: the new key is sealed beside the old one before it is sent, and the old one goes last."""

    def __init__(self, context: Context, caller: Caller, name: str) -> None:
        self._context = context
        self._caller = caller
        self._name = name
        with context.site.database.read() as session:
            config = device_store.device_config(device_store.device(session, name), context.site.vault)
        self._before = config.password
        kept = config.password.split(",") if config.password else []
        self._unproven = len(kept) > 1
        self._new = kept[0] if self._unproven else secrets.token_hex(KEY_BYTES)
        self._both = ",".join([self._new, *kept[-1:]])
        # The running device may be offline for want of this very key, so pairing has a device of its own.
        device = context.site.parts.catalog.get(config.driver).build(replace(config, password=self._both))
        if not isinstance(device, Pairable):
            raise InvalidInput(
                f"devices of kind {config.driver} are not paired; only readers with a key of their own are"
            )
        self._device = device

    def begin(self, seconds: int) -> None:
        """Seal the new key and write down that the window is open."""
        self._store(self._both, {"phase": "begun", "seconds": seconds})

    def wait(self, seconds: float) -> None:
        """Until the reader has proven the key; else the last reason, or OutcomeUnknown once it was sent."""
        until = time.monotonic() + seconds
        sent: OutcomeUnknown | None = None
        while True:
            left = until - time.monotonic()
            try:
                self._device.pair(bytes.fromhex(self._new), min(SLICE_SECONDS, max(left, 0.0)))
                return
            except OutcomeUnknown as error:
                last: DeviceError = error
                sent = error
            except DeviceError as error:
                last = error
            if time.monotonic() >= until or self._context.runtime.stopping or isinstance(last, DeviceBusy):
                raise sent or last
            time.sleep(min(0.2, max(until - time.monotonic(), 0.0)))

    def end(self, outcome: str, cause: str) -> None:
        """Keep what is proven, and write down how it ended."""
        kept = {"paired": self._new, "unknown": self._both}.get(outcome, self._both if self._unproven else self._before)
        self._store(kept, {"phase": "ended", "outcome": outcome} | ({"cause": cause} if cause else {}))
        self._context.runtime.site_changed()

    def _store(self, password: str | None, detail: dict[str, Any]) -> None:
        with self._context.site.database.write() as session:
            device_store.set_password(device_store.device(session, self._name), self._context.site.vault, password)
            self._context.record(session, PAIRED, self._caller, {"device": self._name} | detail)
