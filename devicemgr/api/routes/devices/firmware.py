"""/devices/{name}/firmware: a firmware file is taken in, sent to the device, and its version read back."""

import hashlib
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from devicemgr.api.body_limit import FIRMWARE_BYTES
from devicemgr.api.context import Caller, Context, Ctx, Who
from devicemgr.api.routes.devices.maintenance import IDENTIFY_SECONDS, note, require
from devicemgr.api.routes.devices.models import FirmwareUpgrade
from devicemgr.devices.sync_run import Run
from devicemgr.domain.ports.device import Device
from devicemgr.domain.ports.maintenance import Identifying, Image, Upgradable
from devicemgr.errors import (
    DeviceBusy,
    DeviceError,
    DevicemgrError,
    DeviceRefused,
    DeviceUnreachable,
    Hint,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    SystemFault,
)
from devicemgr.text import safe

router = APIRouter(tags=["devices"])
log = logging.getLogger(__name__)

FIRMWARE = "admin.device_firmware"
UPGRADE_SECONDS, RETURN_SECONDS, STAYED_SECONDS, LOOK_SECONDS = 2700.0, 900.0, 60.0, 1.0
_PREFIX, _OLD_SECONDS = ".firmware-", 86_400.0


@router.put("/devices/{name}/firmware", status_code=202, response_model=FirmwareUpgrade)
async def send_firmware(name: str, sha256: str, request: Request, context: Ctx, caller: Who) -> dict[str, Any]:
    """Send the file in the body, with its SHA-256 in hex; GET the same path until `phase` is `done` or `failed`."""
    await run_in_threadpool(require, context, name, Upgradable, "takes no firmware")
    desk: Desk = request.app.state.firmware
    desk.take(name)
    try:
        image, digest = await _received(request.stream(), context.site.home.path)
        if digest != sha256.lower():
            image.path.unlink()
            raise InvalidInput("the file did not arrive as it was sent; try again")
        upgrade = Upgrade(context, caller, name, image, digest)
    except BaseException:
        desk.leave(name)
        raise
    return desk.start(upgrade).as_json()


@router.get("/devices/{name}/firmware", response_model=FirmwareUpgrade)
def firmware_progress(name: str, request: Request, _: Who) -> dict[str, Any]:
    """How far it is, or how the last one ended; the error's own problem document when it failed."""
    desk: Desk = request.app.state.firmware
    upgrade = desk.last(name)
    if upgrade is None:
        raise NotFound(
            f"{name} was not sent any firmware since the daemon began", hint=Hint("send_firmware", name=name)
        )
    if upgrade.run.error is not None:
        raise upgrade.run.error
    return upgrade.as_json()


async def _received(stream: AsyncIterator[bytes], folder: Path) -> tuple[Image, str]:
    """Return the body in a file of its own, and its SHA-256."""
    _clear(folder)
    digest, size = hashlib.sha256(), 0
    with NamedTemporaryFile(dir=folder, prefix=_PREFIX, delete=False) as file:
        path = Path(file.name)
        try:
            async for data in stream:
                size += len(data)
                if size > FIRMWARE_BYTES:
                    raise InvalidInput(f"the file is larger than {FIRMWARE_BYTES >> 20} MB; is it firmware?")
                digest.update(data)
                await run_in_threadpool(file.write, data)
            if not size:
                raise InvalidInput("the file is empty; download it again from the maker")
        except BaseException:
            path.unlink()
            raise
    return Image(path, size), digest.hexdigest()


def _clear(folder: Path) -> None:
    """Delete what a daemon left behind that was killed."""
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _OLD_SECONDS:
                left.unlink()


@dataclass
class Upgrade:
    """One file on its way to one device."""

    context: Context
    caller: Caller
    name: str
    image: Image
    sha256: str
    run: Run = field(default_factory=Run)
    before: str = ""
    after: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what a program that waits is shown."""
        state = self.run.as_json()
        shown = {key: state[key] for key in ("phase", "done", "of", "error")}
        return shown | {
            "name": self.name,
            "bytes": self.image.size,
            "sha256": self.sha256,
            "before": self.before,
            "after": self.after,
        }

    def go(self) -> None:
        """From asking for the version to reading it back; the file is gone afterwards."""
        error: DevicemgrError | None = None
        outcome = "failed"
        try:
            self.before = self._version()
            self._note({"phase": "begun", "bytes": self.image.size, "sha256": self.sha256, "firmware": self.before})
            self._send()
            self.after = self._returned()
            self._reopen()
            outcome = "installed" if self.after != self.before else "unchanged"
        except DevicemgrError as failure:
            error, outcome = failure, "unknown" if isinstance(failure, OutcomeUnknown) else "failed"
        except Exception as failure:
            log.exception("firmware for %s failed", self.name)
            error = SystemFault(f"the program failed: {failure!r}")
        try:
            self.image.path.unlink(missing_ok=True)
            ended = {"phase": "ended", "outcome": outcome, "sha256": self.sha256}
            self._note(
                ended
                | ({"firmware": self.after} if self.after else {})
                | ({"cause": safe(str(error))} if error else {})
            )
        except DevicemgrError as failure:
            error = error or failure
        finally:
            self.run.end(error)

    def _send(self) -> None:
        def send(device: Device) -> None:
            assert isinstance(device, Upgradable)
            device.upgrade(self.image, self._progress)

        self._progress("sending", 0, self.image.size)
        try:
            self.context.runtime.call_device(self.name, send, UPGRADE_SECONDS)
        except OutcomeUnknown:
            log.warning("%s did not confirm its firmware; looking whether it restarts", self.name)

    def _progress(self, what: str, done: int, of: int) -> None:
        self.run.phase, self.run.done, self.run.of = what, done, of

    def _returned(self) -> str:
        """Return the version when it has been away and answers, or tells another one, or has stayed for a minute."""
        began, away = time.monotonic(), False
        while True:
            passed = time.monotonic() - began
            self._progress("restarting", int(passed), 0)
            try:
                version = self._version()
            except DeviceRefused:
                raise
            except DeviceError:
                away = True
            else:
                if away or version != self.before or passed > STAYED_SECONDS:
                    return version
            if passed > RETURN_SECONDS or self.context.runtime.stopping:
                raise DeviceUnreachable(
                    f"{self.name} is not back after {passed:.0f} s; do not cut its power yet, and look at its screen"
                )
            time.sleep(LOOK_SECONDS)

    def _reopen(self) -> None:
        """Connect it again even if it was back before its absence was noticed: it runs other firmware now."""

        def let_go(_: Device) -> None:
            raise DeviceUnreachable("it has been given other firmware, and is connected again")

        with suppress(DeviceError):
            self.context.runtime.call_device(self.name, let_go, IDENTIFY_SECONDS)

    def _version(self) -> str:
        def ask(device: Device) -> str:
            assert isinstance(device, Identifying)
            return device.identify().firmware

        return safe(self.context.runtime.call_device(self.name, ask, IDENTIFY_SECONDS), 80)

    def _note(self, detail: dict[str, Any]) -> None:
        note(self.context, self.caller, FIRMWARE, {"device": self.name} | detail)


class Desk:
    """The upgrades under way, one a device."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        self._last: dict[str, Upgrade] = {}

    def take(self, name: str) -> None:
        """DeviceBusy while another file is on its way to the device."""
        with self._lock:
            if name in self._taken:
                raise DeviceBusy(f"{name} is being sent firmware already; wait until that has ended")
            self._taken.add(name)

    def leave(self, name: str) -> None:
        """End the run."""
        with self._lock:
            self._taken.discard(name)

    def start(self, upgrade: Upgrade) -> Upgrade:
        """On a thread of its own, so that a caller who waits sees how far it is."""

        def go() -> None:
            try:
                upgrade.go()
            finally:
                self.leave(upgrade.name)

        self._last[upgrade.name] = upgrade
        threading.Thread(target=go, name=f"firmware-{upgrade.name}").start()
        return upgrade

    def last(self, name: str) -> Upgrade | None:
        """Return the present or last one."""
        return self._last.get(name)
