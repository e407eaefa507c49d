"""ONVIF's WSDL files, parsed once a process: every camera shares one Document a service (0.1 s and 20 MB each)."""

import importlib.util
import logging
import threading
from pathlib import Path

from zeep import Settings
from zeep.transports import Transport
from zeep.wsdl import Document

from devicemgr.errors import SystemFault
from drivers.common.onvif.soap.namespaces import ACCESS, DEVICE, DEVICE_IO, DOORS, IMAGING, MEDIA, PTZ

SETTINGS = Settings(strict=False, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True, forbid_external=True)
# Media 2 is not in the package, and its topics of events lose their text: those two are read without schemas.
_WSDL = {
    DEVICE: ("devicemgmt.wsdl", "DeviceBinding"),
    MEDIA: ("media.wsdl", "MediaBinding"),
    PTZ: ("ptz.wsdl", "PTZBinding"),
    IMAGING: ("imaging.wsdl", "ImagingBinding"),
    DEVICE_IO: ("deviceio.wsdl", "DeviceIOBinding"),
    DOORS: ("doorcontrol.wsdl", "DoorControlBinding"),
    ACCESS: ("accesscontrol.wsdl", "PACSBinding"),
}
# zeep logs a traceback for each value that it can't convert. What is wrong with an answer is said by the call itself.
logging.getLogger("zeep.xsd").setLevel(logging.CRITICAL)
_documents: dict[str, Document] = {}
_lock = threading.Lock()


class _PackagedFiles(Transport):
    """Loads schemas from the packaged folder and nowhere else."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def load(self, url: str) -> bytes:
        """Return the bytes of a packaged schema; SystemFault for any other address."""
        path = Path(url).resolve()
        if not path.is_relative_to(self._folder):
            raise SystemFault("an ONVIF schema refers to a file outside its package; reinstall onvif-zeep")
        return path.read_bytes()


def document(namespace: str) -> Document:
    """Return the parsed WSDL of a service."""
    with _lock:
        if namespace not in _documents:
            folder = _folder()
            path = str(folder / _WSDL[namespace][0])
            _documents[namespace] = Document(path, _PackagedFiles(folder), settings=SETTINGS)  # type: ignore[arg-type]
        return _documents[namespace]


def binding(namespace: str) -> str:
    """Return the qualified name of a service's SOAP binding."""
    return f"{{{namespace}}}{_WSDL[namespace][1]}"


def _folder() -> Path:
    """Find onvif-zeep's folder without importing it: importing calls logging.basicConfig."""
    spec = importlib.util.find_spec("onvif")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).resolve().parent
        for folder in (package.parent / "wsdl", package / "wsdl"):
            if (folder / "devicemgmt.wsdl").is_file():
                return folder
    raise SystemFault("the ONVIF schemas are missing; install the package onvif-zeep")
