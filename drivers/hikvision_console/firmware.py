"""Firmware by ISAPI: PUT updateFirmware, upgradeStatus until it is written, and a restart where one is needed."""

import time
from collections.abc import Callable
from typing import Any

from devicemgr.domain.ports.maintenance import Image
from devicemgr.errors import DeviceBusy, DeviceError, DeviceGarbled, DeviceRefused, DeviceUnreachable, OutcomeUnknown
from drivers.common.http.client import Request
from drivers.common.http.upload import Upload, seconds_for
from drivers.hikvision_console.isapi import Isapi, Refusal, read_answer

UPDATE, STATUS, REBOOT = "/ISAPI/System/updateFirmware", "/ISAPI/System/upgradeStatus", "/ISAPI/System/reboot"
REBOOT_REQUIRED = "7"
LOOK_S, WRITING_S = 2.0, 600.0
# Some say for a moment that they are not upgrading before they begin.
_IDLE_LOOKS = 3


def upgrade(isapi: Isapi, image: Image, progress: Callable[[str, int, int], None]) -> None:
    """Upload firmware and wait for it (upkeep_ports.Upgradable)."""
    with image.path.open("rb") as file:
        body = Upload(file, image.size, progress)
        request = Request(
            "PUT", UPDATE, content_type="application/octet-stream", once=True, seconds=seconds_for(image), upload=body
        )
        answer = isapi.http.exchange(request)
    wants_reboot = _wants_reboot(answer)
    if _written(isapi, progress) or wants_reboot:
        try:
            isapi.send_raw(Request("PUT", REBOOT, once=True, urgent=True))
        except (OutcomeUnknown, DeviceUnreachable):
            return  # it was quicker


def _wants_reboot(answer: Any) -> bool:
    """Return True if the firmware was accepted and needs a restart; raise Refusal if it was not accepted."""
    try:
        read_answer(answer)
    except Refusal as refusal:
        if answer.status == 200 and (refusal.code == "rebootrequired" or b">7<" in answer.body.replace(b" ", b"")):
            return True
        if refusal.is_unsupported:
            raise DeviceRefused("this console takes no firmware from here; use its own page") from None
        raise
    return False


def _written(isapi: Isapi, progress: Callable[[str, int, int], None]) -> bool:
    """Wait until it is written: True when it then waits for a restart, False when it is restarting or does not tell."""
    until, idle = time.monotonic() + WRITING_S, 0
    while time.monotonic() < until:
        try:
            status = isapi.get(STATUS)
        except (DeviceUnreachable, DeviceGarbled, DeviceBusy):
            return False  # it restarts by itself
        except DeviceError:
            return False  # this firmware does not tell
        percent = str(status.get("percent") or "0")
        done = int(percent) if percent.isascii() and percent.isdigit() and len(percent) <= 3 else 0
        progress("writing", min(done, 100), 100)
        idle = 0 if str(status.get("upgrading")).lower() == "true" else idle + 1
        if done >= 100 or idle >= _IDLE_LOOKS:
            return True
        time.sleep(LOOK_S)
    raise DeviceRefused("the console has not written its firmware within 10 minutes; look at its screen")
