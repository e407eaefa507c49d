"""The upkeep of a Hikvision console: who it is, its answers for a bug report, a picture, a restart."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from devicemgr.domain.model import DeviceInfo, JsonValue
from devicemgr.domain.ports.maintenance import Image, Reply
from devicemgr.errors import DeviceRefused
from drivers.common.console.photos import require_jpeg
from drivers.common.http.client import Request
from drivers.common.recording import document, replies_to
from drivers.hikvision_console.firmware import upgrade
from drivers.hikvision_console.isapi import Isapi, Refusal, read_answer
from drivers.hikvision_console.settings import identify

REBOOT = "/ISAPI/System/reboot"
PICTURE = "/ISAPI/Streaming/channels/101/picture"
RECORDED = (
    "/ISAPI/System/deviceInfo",
    "/ISAPI/System/time",
    "/ISAPI/System/capabilities",
    "/ISAPI/AccessControl/capabilities",
    "/ISAPI/AccessControl/UserInfo/capabilities?format=json",
    "/ISAPI/AccessControl/UserInfo/Count?format=json",
    "/ISAPI/AccessControl/AcsCfg?format=json",
    "/ISAPI/AccessControl/AcsWorkStatus?format=json",
    "/ISAPI/AccessControl/AcsEvent/capabilities?format=json",
    "/ISAPI/Intelligent/FDLib/capabilities?format=json",
    "/ISAPI/Event/notification/httpHosts",
)
_MAX_PICTURE_BYTES = 5_000_000


class HikvisionUpkeep:
    """The maintenance of HikvisionConsole (upkeep_ports)."""

    if TYPE_CHECKING:

        def _open_isapi(self) -> Isapi: ...

    def identify(self) -> DeviceInfo:
        """Read the deviceInfo page."""
        return identify(self._open_isapi())[0]

    def reboot(self) -> None:
        """PUT reboot, once."""
        self._open_isapi().send_raw(Request("PUT", REBOOT, once=True, urgent=True))

    def upgrade(self, image: Image, progress: Callable[[str, int, int], None]) -> None:
        """PUT updateFirmware, until it is written and the console restarts."""
        upgrade(self._open_isapi(), image, progress)

    def record(self) -> list[Reply]:
        """Read the pages of information, time, capabilities, counts and settings that matter here."""
        http = self._open_isapi().http

        def page(target: str) -> tuple[int | None, JsonValue]:
            answer = http.exchange(Request("GET", target))
            return answer.status, document(answer.body)

        return replies_to((f"GET {target}", partial(page, target)) for target in RECORDED)

    def snapshot(self) -> bytes:
        """Take a picture with the console's camera, where the firmware offers pictures."""
        answer = self._open_isapi().http.exchange(Request("GET", PICTURE, limit=_MAX_PICTURE_BYTES))
        if answer.status != 200:
            try:
                read_answer(answer)
            except Refusal as refusal:
                if refusal.is_unsupported:
                    raise DeviceRefused("this console's firmware gives no pictures; aim it at its own screen") from None
                raise
        return require_jpeg(answer.body)
