"""The upkeep of a Dahua terminal: who it is, its answers for a bug report, a picture, a restart."""

from functools import partial
from typing import TYPE_CHECKING

from devicemgr.domain.model import DeviceInfo, JsonValue
from devicemgr.domain.ports.maintenance import Reply
from devicemgr.text import safe
from drivers.common.console.photos import require_jpeg
from drivers.common.http.key_values import flat
from drivers.common.recording import document, replies_to
from drivers.dahua_console.cgi import number

if TYPE_CHECKING:
    from drivers.dahua_console.cgi import Cgi

RECORDED = (
    ("magicBox", "getSystemInfo", ""),
    ("magicBox", "getDeviceType", ""),
    ("magicBox", "getSoftwareVersion", ""),
    ("magicBox", "getHardwareVersion", ""),
    ("global", "getCurrentTime", ""),
    ("configManager", "getConfig", "name=AccessControl"),
    ("configManager", "getConfig", "name=AccessControlGeneral"),
    ("configManager", "getConfig", "name=Intelbras_ModeCfg"),
    ("configManager", "getConfig", "name=PictureHttpUpload"),
    ("configManager", "getConfig", "name=NTP"),
    ("accessControl", "getDoorStatus", "channel=1"),
    ("AccessUser", "startFind", ""),
)


class DahuaUpkeep:
    """The maintenance of DahuaConsole (upkeep_ports)."""

    _cgi: "Cgi"

    def identify(self) -> DeviceInfo:
        """Read system information and software version."""
        info = flat(self._cgi.text("magicBox", "getSystemInfo"))
        version = flat(self._cgi.text("magicBox", "getSoftwareVersion")).get("version", "")
        model, serial = (safe(info.get(name, ""), 60) for name in ("deviceType", "serialNumber"))
        return DeviceInfo("Dahua", model, safe(version, 60), serial)

    def reboot(self) -> None:
        """Send magicBox reboot, once."""
        self._cgi.order("magicBox", "reboot", once=True)

    def record(self) -> list[Reply]:
        """Read information, clock, settings that matter here, door, and how many people the terminal holds."""
        return replies_to(
            (f"GET {cgi} {action} {pairs}".strip(), partial(self._page, cgi, action, pairs))
            for cgi, action, pairs in RECORDED
        )

    def _page(self, cgi: str, action: str, pairs: str) -> tuple[int | None, JsonValue]:
        answer = self._cgi.whole(cgi, action, [tuple(pair.split("=")) for pair in pairs.split()])  # type: ignore[misc]
        content = document(answer.body)
        if action == "startFind" and isinstance(content, dict) and (token := number(content.get("Token"))):
            self._cgi.whole(cgi, "stopFind", [("Token", str(token))])
        return answer.status, content

    def snapshot(self) -> bytes:
        """Take a picture with the terminal's camera.

        Use it seldom, since it takes the face engine's time.
        """
        return require_jpeg(self._cgi.picture())
