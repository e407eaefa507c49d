"""Firmware by ONVIF: StartFirmwareUpgrade, then the file by HTTP POST to where the device wants it (ONVIF Core)."""

import re
import time
from collections.abc import Callable

from devicemgr.domain.ports.maintenance import Image
from devicemgr.errors import DeviceGarbled, DeviceRefused, OutcomeUnknown
from drivers.common.http.transport import AnswerLost
from drivers.common.http.upload import Upload, seconds_for
from drivers.common.onvif.soap import envelope
from drivers.common.onvif.soap.client import OnvifDevice
from drivers.common.onvif.soap.namespaces import DEVICE, OnvifFault

MAX_DELAY_S = 120.0
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?\Z")
_REFUSED = {
    413: "the device says that the file is too large; is it for this model?",
    415: "the device says that this is no firmware for it; compare model and hardware version",
}


def upgrade(device: OnvifDevice, image: Image, progress: Callable[[str, int, int], None]) -> None:
    """Upload firmware and start it (upkeep_ports.Upgradable)."""
    try:
        response = device.ask(DEVICE, "StartFirmwareUpgrade")
    except OnvifFault as fault:
        if fault.unsupported:
            raise DeviceRefused("this device takes no firmware by ONVIF; use its own page") from None
        raise
    address = envelope.text(response, "UploadUri")
    if not address:
        raise envelope.garbled("StartFirmwareUpgrade")
    delay = seconds_of(envelope.text(response, "UploadDelay"))
    if delay > MAX_DELAY_S:
        raise DeviceRefused(f"the device wants the file only after {delay:.0f} s; update it on its own page")
    time.sleep(delay)
    with image.path.open("rb") as file:
        try:
            status = device.upload(address, Upload(file, image.size, progress), seconds_for(image))
        except AnswerLost as error:
            raise OutcomeUnknown(
                "the file was on its way and no answer came: the device may be installing it; do not cut its power"
            ) from error
        except DeviceGarbled as error:
            raise OutcomeUnknown(
                f"the file was sent and the answer is unreadable ({error}): the device may be installing it; do not "
                "cut its power"
            ) from error
    if not 200 <= status < 300:
        raise DeviceRefused(_REFUSED.get(status, f"the device answers {status} to the file; see its log"))


def seconds_of(duration: str) -> float:
    """Return an xs:duration of days and less in seconds; 0 for what is none."""
    found = _DURATION.match(duration)
    if not found:
        return 0.0
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
