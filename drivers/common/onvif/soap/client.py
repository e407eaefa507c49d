"""An ONVIF device's services: typed calls over zeep, others without schemas; one host, bounded answers, few tries.

`call` goes through the shared schemas, `ask` writes and reads the SOAP itself; both log in the same way.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from lxml import etree
from zeep import Client
from zeep.exceptions import Error as ZeepError, Fault

from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, OutcomeUnknown
from drivers.common.onvif.soap import envelope as soap
from drivers.common.onvif.soap.addresses import Place
from drivers.common.onvif.soap.login import Login, apply_token
from drivers.common.onvif.soap.namespaces import (
    CAPABILITY,
    DEVICE,
    DOORS,
    MEDIA,
    MEDIA2,
    WANTS_USER,
    OnvifFault,
    is_refusal,
    plain,
)
from drivers.common.onvif.soap.transport import PLAIN_ONLY, AnswerLost, OnvifTransport
from drivers.common.onvif.soap.wsdl import SETTINGS, binding, document

if TYPE_CHECKING:
    from drivers.common.http.upload import Upload

T = TypeVar("T")
_MOST_SERVICES = 64


class OnvifDevice:
    """One device's services, for one thread; every method raises DeviceError with a line for the technician.

    `call(..., once=True)` is for what moves a gate: it leaves once, and OutcomeUnknown says that its answer was lost.
    """

    def __init__(
        self, place: Place, login: Login, deadline: float = 5.0, tls_ca: str = "", *, allow_basic: bool = False
    ) -> None:
        self.place, self.login = place, login
        self.transport = OnvifTransport(login.username, login.password, deadline, tls_ca)
        # Of its own: a device may want HTTP Digest for pictures and tokens for calls.
        self._pictures = OnvifTransport(login.username, login.password, deadline, tls_ca)
        self._settings = (deadline, tls_ca, allow_basic)
        self._clients: dict[str, Client] = {}
        self._services: dict[str, Any] = {}
        self.addresses = {DEVICE: place.url}

    def twin(self) -> "OnvifDevice":
        """Another connection to the same device with the same login, for another thread."""
        deadline, tls_ca, allow_basic = self._settings
        other = OnvifDevice(self.place, self.login, deadline, tls_ca, allow_basic=allow_basic)
        other.addresses = dict(self.addresses)
        return other

    def offers(self, namespace: str) -> bool:
        """Whether the device has announced the service."""
        return namespace in self.addresses

    def read_clock(self) -> float | None:
        """The device's clock minus ours in seconds, None when it can't be read; requested without a password first."""
        sent = datetime.now(UTC)
        try:
            response = self._post(DEVICE, "GetSystemDateAndTime", "", token=False)
        except _NotAuthorized:
            response = self.ask(DEVICE, "GetSystemDateAndTime")
        except OnvifFault:
            response = None
        skew = None if response is None else _skew(response, sent + (datetime.now(UTC) - sent) / 2)
        self.login.learn_clock(skew)
        return skew

    def find_services(self) -> None:
        """Learn the addresses of the services by GetServices, then what only GetCapabilities names."""
        found = {DEVICE: self.place.url}
        try:
            response = self.ask(DEVICE, "GetServices", "<n:IncludeCapability>false</n:IncludeCapability>")
        except (OnvifFault, DeviceGarbled):
            response = None
        if response is not None:
            for service in soap.all_of(response, "Service")[:_MOST_SERVICES]:
                if address := soap.text(service, "XAddr"):
                    found.setdefault(soap.text(service, "Namespace"), self.place.http(address))
        if not {MEDIA, MEDIA2, DOORS} & set(found):
            found = self._capabilities() | found
        self.addresses = found
        self._services.clear()

    def _capabilities(self) -> dict[str, str]:
        response = self.ask(DEVICE, "GetCapabilities", "<n:Category>All</n:Category>")
        parts = {namespace: soap.first(response, name) for name, namespace in CAPABILITY.items()}
        addresses = {namespace: soap.text(part, "XAddr") for namespace, part in parts.items() if part is not None}
        return {namespace: self.place.http(address) for namespace, address in addresses.items() if address}

    def call(self, namespace: str, operation: str, *, once: bool = False, **arguments: Any) -> Any:
        """One call through the schemas; its answer as zeep reads it."""
        return self._logged_in(operation, lambda: self._invoke(namespace, operation, arguments), once=once)

    def ask(
        self,
        namespace: str,
        operation: str,
        inner: str = "",
        *,
        url: str = "",
        headers: str = "",
        deadline: float | None = None,
    ) -> Any:
        """One call without schemas; the element in the answer's Body. `url`, where it is no service's, is forced."""

        def attempt() -> Any:
            return self._post(namespace, operation, inner, token=True, url=url, headers=headers, deadline=deadline)

        return self._logged_in(operation, attempt, once=False)

    def fetch(self, url: str) -> bytes:
        """The body of a plain GET on the device (a snapshot): by HTTP Digest, or by Basic where that may be."""
        self.login.require_not_held()
        address = self.place.http(url)
        headers: dict[str, str] = {}
        for _ in range(2):
            response = self._pictures.exchange("GET", address, None, headers)
            if response.status_code == 200:
                self.login.worked("GetSnapshot")
                return bytes(response.content)
            if response.status_code != 401:
                raise DeviceRefused(f"the device answers {response.status_code} instead of a picture")
            if self.login.username is None:
                raise DeviceRefused(WANTS_USER)
            if headers or not self._pictures.offer_digest(response):
                headers = self._basic(response, address, tried=bool(headers))
        raise self.login.refused("GetSnapshot")

    def upload(self, url: str, body: "Upload", seconds: float) -> int:
        """POST a file to where the device wants it; the answer's status. AnswerLost when it may have arrived."""
        self.login.require_not_held()
        address = self.place.http(url)
        # The way to log in is found out first: a whole file is not sent in vain.
        look = self._pictures.exchange("GET", address, None, {})
        if look.status_code == 401:
            if self.login.username is None:
                raise DeviceRefused(WANTS_USER)
            if not self._pictures.offer_digest(look):
                raise DeviceRefused(PLAIN_ONLY)
        kind = {"Content-Type": "application/octet-stream"}
        response = self._pictures.exchange("POST", address, body, kind, seconds)
        if response.status_code == 401:
            raise self.login.refused("the upload")
        return int(response.status_code)

    def close(self) -> None:
        """Let go of the connections."""
        self.transport.close()
        self._pictures.close()

    def _basic(self, response: Any, address: str, *, tried: bool) -> dict[str, str]:
        if tried or "basic" not in response.headers.get("WWW-Authenticate", "").lower():
            return {}
        if not (self._settings[2] or address.startswith("https://")):
            raise DeviceRefused(PLAIN_ONLY)
        return {"Authorization": self._pictures.basic()}

    def _logged_in(self, operation: str, attempt: Callable[[], T], *, once: bool) -> T:
        """At most two attempts, the second in another way; what moves a gate has one."""
        self.login.require_not_held()
        for last in (once, True):
            try:
                answer = attempt()
            except _NotAuthorized as refusal:
                if self.login.username is None:
                    raise DeviceRefused(WANTS_USER) from None
                if last or not self._other_way(refusal):
                    raise self.login.refused(operation) from None
            except (AnswerLost, DeviceGarbled) as error:
                if once:
                    raise OutcomeUnknown(f"{operation} may have been carried out: {error}") from error
                raise
            else:
                self.login.worked(operation)
                return answer
        raise AssertionError("two attempts end in an answer or an error")

    def _other_way(self, refusal: "_NotAuthorized") -> bool:
        """Prepare the second and last try: HTTP Digest if offered, else the device's clock read again."""
        if refusal.response is not None:
            if self.transport.use_digest:
                return False
            if self.transport.offer_digest(refusal.response):
                return True
            if "basic" in refusal.response.headers.get("WWW-Authenticate", "").lower():
                raise DeviceRefused(PLAIN_ONLY)
        elif self.transport.use_digest:
            self.login.token_with_digest = not self.login.token_with_digest
            return True
        try:
            response = self._post(DEVICE, "GetSystemDateAndTime", "", token=False)
        except (_NotAuthorized, DeviceError):
            return self.login.try_other_zone()
        return self.login.learn_clock(_skew(response, datetime.now(UTC))) or self.login.try_other_zone()

    def _token(self) -> Any:
        return self.login.token() if self.login.token_with_digest or not self.transport.use_digest else None

    def _post(
        self,
        namespace: str,
        operation: str,
        inner: str,
        *,
        token: bool,
        url: str = "",
        headers: str = "",
        deadline: float | None = None,
    ) -> Any:
        sent = soap.envelope(namespace, operation, inner, headers)
        sent = apply_token(self._token() if token else None, sent, {})
        address = url or self._address(namespace)
        body = etree.tostring(sent, xml_declaration=True, encoding="utf-8")
        action = soap.first(sent, "Action") if headers else None
        name = f"{namespace}/{operation}" if action is None else str(action.text)
        kind = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{name}"'}
        response = self.transport.exchange("POST", address, body, kind, deadline)
        _require_soap(response, operation)
        try:
            return soap.answer(response.content, operation)
        except OnvifFault as fault:
            if is_refusal(fault.codes, fault.reason):
                raise _NotAuthorized(None) from None
            raise

    def _address(self, namespace: str) -> str:
        address = self.addresses.get(namespace)
        if address is None:
            raise OnvifFault("the device does not offer this service", ("ActionNotSupported",))
        return address

    def _invoke(self, namespace: str, operation: str, arguments: Mapping[str, Any]) -> Any:
        address = self._address(namespace)
        client = self._client(namespace)
        if namespace not in self._services:
            self._services[namespace] = client.create_service(binding(namespace), address)
        client.wsse = _Signer(self._token())
        try:
            return getattr(self._services[namespace], operation)(**arguments)
        except (DeviceError, _NotAuthorized):
            raise
        except Fault as fault:
            codes = tuple(plain(str(code).rpartition(":")[2]) for code in (fault.code, *(fault.subcodes or ())))
            codes = tuple(code.rpartition("}")[2] for code in codes)
            reason = plain(fault.message, 120)
            if is_refusal(codes, reason):
                raise _NotAuthorized(None) from None
            raise OnvifFault(f"the device refuses {operation}: {reason}", codes, reason) from None
        except (ZeepError, etree.LxmlError, AttributeError, TypeError, ValueError, LookupError) as error:
            # zeep's own error holds the whole answer: its kind will do.
            raise soap.garbled(operation) from RuntimeError(f"{type(error).__name__}: {plain(error, 200)}")

    def _client(self, namespace: str) -> Client:
        if namespace not in self._clients:
            wire = _Wire(self.transport)
            self._clients[namespace] = Client(document(namespace), transport=wire, settings=SETTINGS)
        return self._clients[namespace]


class _NotAuthorized(Exception):
    """The device wants credentials, or other ones; `response` is the 401 answer, None after a SOAP fault."""

    def __init__(self, response: Any) -> None:
        super().__init__("not authorized")
        self.response = response


class _Wire:
    """The transport as zeep sees it: what is no SOAP never reaches zeep."""

    def __init__(self, inner: OnvifTransport) -> None:
        self._inner = inner

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> Any:
        response = self._inner.post_xml(address, envelope, headers)
        _require_soap(response, "")
        soap.parsed(response.content, "a call")  # zeep would make do with half an answer
        return response


class _Signer:
    """zeep's wsse plug-in for one call."""

    def __init__(self, token: Any) -> None:
        self._token = token

    def apply(self, envelope: Any, headers: Any) -> Any:
        return (envelope, headers) if self._token is None else self._token.apply(envelope, headers)

    def verify(self, envelope: Any) -> None:
        """Devices do not sign their answers."""


def _require_soap(response: Any, operation: str) -> None:
    """_NotAuthorized for 401 and for a bare 403; DeviceGarbled for an error that is no SOAP fault."""
    status, body = response.status_code, response.content
    if status == 401 or (status == 403 and b"Envelope" not in body):
        raise _NotAuthorized(response)
    if status >= 400 and b"Fault" not in body:
        what = f" to {operation}" if operation else ""
        raise DeviceGarbled(f"the device answers {status}{what}; check the address and that ONVIF is switched on in it")


def _skew(answer: Any, now: datetime) -> float | None:
    """Seconds the device is ahead; None when its clock cannot be read."""
    moment = soap.first(answer, "UTCDateTime")
    if moment is None:
        moment = soap.first(answer, "LocalDateTime")
    if moment is None:
        return None
    names = ("Year", "Month", "Day", "Hour", "Minute", "Second")
    parts = [soap.number(moment, name) for name in names]
    try:
        year, month, day, hour, minute, second = (part if part is not None else -1 for part in parts)
        theirs = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return (theirs - now).total_seconds()
