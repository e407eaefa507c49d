"""An ONVIF device over zeep: shared schemas, authentication that never locks an account, addresses kept to one host.

Access rules: ONVIF Core Specification §5.9 (UsernameToken digest, HTTP Digest); WS-UsernameToken Profile 1.1 §3.1.
"""

import importlib.util
import re
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from lxml import etree
from zeep import Client, Settings
from zeep.exceptions import Error as ZeepError
from zeep.exceptions import Fault
from zeep.transports import Transport
from zeep.wsdl import Document
from zeep.wsse.username import UsernameToken

from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, InvalidInput, SystemFault
from drivers._onvif_transport import PLAIN_ONLY, OnvifTransport
from drivers._video_url import WRONG_PASSWORD

DEVICE_NS = "http://www.onvif.org/ver10/device/wsdl"
MEDIA_NS = "http://www.onvif.org/ver10/media/wsdl"
_WSDL = {DEVICE_NS: ("devicemgmt.wsdl", "DeviceBinding"), MEDIA_NS: ("media.wsdl", "MediaBinding")}
_SETTINGS = Settings(strict=False, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True, forbid_external=True)
WANTS_USER = "the camera wants a user and password; set them with `devicemgr device edit NAME --username USER`"
_HOLD_SECONDS = 900.0  # a locked account opens again after 5 to 30 minutes
_ZONE_STEP = 900
_documents: dict[str, Document] = {}
_documents_lock = threading.Lock()


class _PackagedFiles(Transport):
    """Loads schemas from the packaged folder and nowhere else."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def load(self, url: str) -> bytes:
        """The bytes of a packaged schema; SystemFault for any other address."""
        path = Path(url).resolve()
        if not path.is_relative_to(self._folder):
            raise SystemFault("an ONVIF schema refers to a file outside its package; reinstall onvif-zeep")
        return path.read_bytes()


def document(namespace: str) -> Document:
    """The parsed WSDL of a service, shared by all cameras (0.2 s and 20 MB once)."""
    with _documents_lock:
        if namespace not in _documents:
            folder = _wsdl_folder()
            path = str(folder / _WSDL[namespace][0])
            _documents[namespace] = Document(path, _PackagedFiles(folder), settings=_SETTINGS)  # type: ignore[arg-type]
        return _documents[namespace]


def _wsdl_folder() -> Path:
    """onvif-zeep's folder, found without importing it: importing calls logging.basicConfig."""
    spec = importlib.util.find_spec("onvif")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).resolve().parent
        for folder in (package.parent / "wsdl", package / "wsdl"):
            if (folder / "devicemgmt.wsdl").is_file():
                return folder
    raise SystemFault("the ONVIF schemas are missing; install the package onvif-zeep")


class OnvifDevice:
    """One device's services, for one thread; every method raises DeviceError with a line for the technician."""

    def __init__(
        self, address: str, username: str | None, password: str | None, deadline: float = 5.0, tls_ca: str = ""
    ) -> None:
        self._url = device_url(address)
        self._username, self._password = username, password
        self.transport = OnvifTransport(username, password, deadline, tls_ca)
        self._clients: dict[str, Client] = {}
        self._addresses = {DEVICE_NS: self._url}
        self._offset = 0.0
        self._refused_at: float | None = None
        self.skew_seconds: float | None = None

    def read_clock(self) -> float:
        """The device's clock minus ours, in seconds; asked without credentials first, as the standard wants."""
        asked = datetime.now(UTC)
        try:
            answer = self._invoke(DEVICE_NS, "GetSystemDateAndTime", {}, token=False)
        except _NotAuthorized:
            answer = self.call(DEVICE_NS, "GetSystemDateAndTime")
        self.skew_seconds = _skew(answer, asked + (datetime.now(UTC) - asked) / 2)
        self._offset = self.skew_seconds or 0.0
        return self._offset

    def find_services(self) -> None:
        """Learn the addresses of the services, by GetServices or, on older devices, GetCapabilities."""
        self._addresses = {DEVICE_NS: self._url}
        try:
            for service in self.call(DEVICE_NS, "GetServices", IncludeCapability=False) or []:
                if service.Namespace in _WSDL and service.XAddr:
                    self._addresses.setdefault(service.Namespace, self.own_address(service.XAddr))
        except (DeviceRefused, DeviceGarbled) as error:
            if str(error) in (WRONG_PASSWORD, WANTS_USER, PLAIN_ONLY):
                raise
        if MEDIA_NS not in self._addresses:
            media = getattr(self.call(DEVICE_NS, "GetCapabilities", Category="All"), "Media", None)
            if media is None or not media.XAddr:
                raise DeviceGarbled("the device offers no video by ONVIF; is it a camera?")
            self._addresses[MEDIA_NS] = self.own_address(media.XAddr)

    def call(self, namespace: str, operation: str, **arguments: Any) -> Any:
        """One authenticated call; at most two tries with a password, then none for 15 minutes."""
        self._require_not_held()
        try:
            return self._invoke(namespace, operation, arguments, token=not self.transport.use_digest)
        except _NotAuthorized as refusal:
            if self._username is None:
                raise DeviceRefused(WANTS_USER) from refusal
            if not self._other_way(refusal):
                raise self._hold() from refusal
        try:
            return self._invoke(namespace, operation, arguments, token=not self.transport.use_digest)
        except _NotAuthorized as refusal:
            raise self._hold() from refusal

    def fetch(self, url: str, max_tries: int = 2) -> bytes:
        """The body of a plain GET on the device (a snapshot), by HTTP Digest when asked for."""
        self._require_not_held()
        for _ in range(max_tries):
            response = self.transport.exchange("GET", self.own_address(url), None, {})
            if response.status_code == 200:
                return bytes(response.content)
            if response.status_code != 401:
                raise DeviceRefused(f"the camera answers {response.status_code} instead of a picture")
            if self.transport.use_digest or not self.transport.offer_digest(response):
                break
        raise self._hold()

    def own_address(self, url: str) -> str:
        """An announced HTTP address with the configured scheme, host and port: devices announce wrong ones."""
        announced, own = urlsplit(url), urlsplit(self._url)
        return urlunsplit((own.scheme, own.netloc, announced.path or "/", announced.query, ""))

    def own_stream(self, url: str) -> str:
        """An announced RTSP address with the configured host, its own port, and no credentials."""
        try:
            announced, own = urlsplit(url), urlsplit(self._url)
        except ValueError as error:
            raise DeviceGarbled("the camera announces a stream address that is none") from error
        if announced.scheme.lower() not in ("rtsp", "rtsps"):
            raise DeviceGarbled("the camera announces no RTSP stream; enable RTSP in its settings")
        port = re.search(r":(\d{1,5})(?::\d+)?$", announced.netloc)  # doubled ports occur
        host = f"[{own.hostname}]" if ":" in str(own.hostname) else str(own.hostname)
        netloc = host + (f":{port.group(1)}" if port else "")
        return urlunsplit((announced.scheme.lower(), netloc, announced.path, announced.query, ""))

    def close(self) -> None:
        """Let go of the connections."""
        self.transport.close()

    def _invoke(self, namespace: str, operation: str, arguments: Mapping[str, Any], token: bool) -> Any:
        client = self._client(namespace)
        client.wsse = _Token(self._username, self._password, self._offset) if token and self._username else None
        name = f"{{{namespace}}}{_WSDL[namespace][1]}"
        method = getattr(client.create_service(name, self._addresses[namespace]), operation)
        try:
            return method(**arguments)
        except DeviceError:
            raise
        except Fault as fault:
            if _is_refusal(fault):
                raise _NotAuthorized(None) from fault
            raise DeviceRefused(f"the camera refuses {operation}: {plain(fault.message)}") from fault
        except (ZeepError, etree.LxmlError, AttributeError, TypeError, ValueError, LookupError) as error:
            raise DeviceGarbled(f"the camera's answer to {operation} is not ONVIF; check the address") from _brief(
                error
            )

    def _client(self, namespace: str) -> Client:
        if namespace not in self._clients:
            transport = _Raising401(self.transport)
            self._clients[namespace] = Client(document(namespace), transport=transport, settings=_SETTINGS)
        return self._clients[namespace]

    def _other_way(self, refusal: "_NotAuthorized") -> bool:
        """Prepare the second and last try: HTTP Digest if offered, else another reading of the device's clock."""
        if refusal.response is not None:
            if self.transport.use_digest:
                return False
            if self.transport.offer_digest(refusal.response):
                return True
            if "basic" in refusal.response.headers.get("WWW-Authenticate", "").lower():
                raise DeviceRefused(PLAIN_ONLY) from refusal
        # Some devices report their local time as UTC: take whole quarters of an hour as a time zone.
        other = self._offset - round(self._offset / _ZONE_STEP) * _ZONE_STEP
        changed, self._offset = abs(other - self._offset) > 1, other
        return changed

    def _hold(self) -> DeviceRefused:
        self._refused_at = time.monotonic()
        self.transport.use_digest = False
        return DeviceRefused(WRONG_PASSWORD)

    def _require_not_held(self) -> None:
        if self._refused_at is not None and time.monotonic() - self._refused_at < _HOLD_SECONDS:
            raise DeviceRefused(WRONG_PASSWORD)


class _NotAuthorized(Exception):
    """The device wants credentials, or other ones."""

    def __init__(self, response: Any) -> None:
        super().__init__("not authorized")
        self.response = response


class _Raising401:
    """The transport as zeep sees it: a 401 is an exception, whatever its body."""

    def __init__(self, inner: OnvifTransport) -> None:
        self._inner = inner

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> Any:
        response = self._inner.post_xml(address, envelope, headers)
        if response.status_code == 401:
            raise _NotAuthorized(response)
        return response


class _Token:
    """A UsernameToken digest made for one call, dated by the device's clock."""

    def __init__(self, username: str | None, password: str | None, offset: float) -> None:
        created = datetime.now(UTC) + timedelta(seconds=offset)
        self._token = UsernameToken(username, password or "", use_digest=True, created=created, zulu_timestamp=True)

    def apply(self, envelope: Any, headers: Any) -> Any:
        return self._token.apply(envelope, headers)

    def verify(self, envelope: Any) -> None:
        """Devices do not sign their answers."""


def device_url(address: str) -> str:
    """The device service's URL of `http(s)://host[:port][/path]`; InvalidInput for anything else."""
    parts = urlsplit(address)
    try:
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = None
    if not valid:
        raise InvalidInput("the address of an ONVIF camera is http://HOST[:PORT] or https://HOST[:PORT]")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or "/onvif/device_service", "", ""))


def plain(text: object, limit: int = 64) -> str:
    """A device's text in one printable line."""
    return "".join(c if c.isprintable() else " " for c in str(text or ""))[:limit].strip()


def _is_refusal(fault: Fault) -> bool:
    codes = " ".join([str(fault.code), *(str(code) for code in fault.subcodes or ())]).lower()
    words = codes + " " + str(fault.message).lower()
    return any(word in words for word in ("notauthorized", "failedauthentication", "not authorized", "unauthorized"))


def _brief(error: Exception) -> Exception:
    """A cause for the log: zeep's error text holds the whole answer."""
    return RuntimeError(f"{type(error).__name__}: {plain(error, 200)}")


def _skew(answer: Any, now: datetime) -> float | None:
    """Seconds the device is ahead; None when its clock cannot be read."""
    try:
        moment = answer.UTCDateTime or answer.LocalDateTime
        day, clock = moment.Date, moment.Time
        theirs = datetime(day.Year, day.Month, day.Day, clock.Hour, clock.Minute, min(clock.Second, 59), tzinfo=UTC)
    except (AttributeError, TypeError, ValueError):
        return None
    return (theirs - now).total_seconds()
