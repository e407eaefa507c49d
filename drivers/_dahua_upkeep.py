"""The upkeep of a Dahua terminal: who it is, a picture, a restart."""

from typing import TYPE_CHECKING

from devicemgr.model import DeviceInfo
from devicemgr.text import safe
from drivers._dahua_cgi import flat
from drivers._photo import require_jpeg

if TYPE_CHECKING:
    from drivers._dahua_cgi import Cgi


class DahuaUpkeep:
    """What DahuaConsole does for its technician (upkeep_ports)."""

    _cgi: "Cgi"

    def identify(self) -> DeviceInfo:
        """Its system information and software version."""
        told = flat(self._cgi.text("magicBox", "getSystemInfo"))
        version = flat(self._cgi.text("magicBox", "getSoftwareVersion")).get("version", "")
        model, serial = (safe(told.get(name, ""), 60) for name in ("deviceType", "serialNumber"))
        return DeviceInfo("Dahua", model, safe(version, 60), serial)

    def reboot(self) -> None:
        """magicBox reboot, once."""
        self._cgi.order("magicBox", "reboot", once=True)

    def snapshot(self) -> bytes:
        """What its camera sees; seldom, for it takes the face engine's time."""
        return require_jpeg(self._cgi.picture())
