"""An ONVIF device's services: typed calls over zeep, others without schemas; one host, bounded answers, few tries.

`call` goes through the shared schemas, `ask` writes and reads the SOAP itself; both log in the same way.
"""

import contextlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from lxml import etree
from zeep import Client
from zeep.exceptions import Error as ZeepError

from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused, DeviceUnreachable, OutcomeUnknown
from drivers.common.http.transport import Answer, AnswerLost
from drivers.common.onvif.soap import envelope as soap
from drivers.common.onvif.soap.addresses import Place
from drivers.common.onvif.soap.clock import skew_of
from drivers.common.onvif.soap.login import OnvifLogin, apply_token, wants_user
from drivers.common.onvif.soap.namespaces import CAPABILITY, DEVICE, DOORS, MEDIA, MEDIA2, OnvifFault, plain
from drivers.common.onvif.soap.replies import NotAuthorized, Signer, ZeepWire, read_answer
from drivers.common.onvif.soap.transport import PLAIN_ONLY, OnvifTransport, login_refusal
from drivers.common.onvif.soap.wsdl import SETTINGS, binding, document

if TYPE_CHECKING:
    from drivers.common.http.upload import Upload

T = TypeVar("T")
_MAX_SERVICES = 64


class OnvifDevice:
    """One device's services, for one thread; every method raises DeviceError with a line for the technician.

    `call(..., once=True)` is for what moves a gate: it leaves once, and OutcomeUnknown says that its answer was lost.
    """

    def __init__(
        self, place: Place, login: OnvifLogin, deadline: float = 5.0, tls_ca: str = "", *, allow_basic: bool = False
    ) -> None:
        self.place, self.login = place, login
        self.transport = OnvifTransport(login.username, login.password, deadline, tls_ca)
        # Of its own: a device may want HTTP Digest for pictures and tokens for calls.
        self._pictures = OnvifTransport(login.username, login.password, deadline, tls_ca)
        self._settings = (deadline, tls_ca, allow_basic)
        self._clients: dict[str, Client] = {}
        self._services: dict[str, Any] = {}
        self.addresses = {DEVICE: place.url}
        self._knows_capabilities = False

    def twin(self) -> "OnvifDevice":
        """Another connection to the same device with the same login, for another thread."""
        deadline, tls_ca, allow_basic = self._settings
        other = OnvifDevice(self.place, self.login, deadline, tls_ca, allow_basic=allow_basic)
        other.addresses = dict(self.addresses)
        other.transport.slowest_s = self.transport.slowest_s
        return other

    def offers(self, namespace: str) -> bool:
        """Return True if the device has announced the service."""
        return namespace in self.addresses

    def has(self, namespace: str) -> bool:
        """Return True if GetServices names the service, or else GetCapabilities does."""
        if namespace not in self.addresses and namespace in CAPABILITY.values() and not self._knows_capabilities:
            try:
                self.addresses = self._capabilities() | self.addresses
            except (OnvifFault, DeviceGarbled, AnswerLost):
                self._knows_capabilities = True
        return namespace in self.addresses

    def read_clock(self) -> float | None:
        """Return the device's clock minus ours in seconds, None if it can't be read; first without a password."""
        sent = datetime.now(UTC)
        try:
            response = self._post(DEVICE, "GetSystemDateAndTime", "", token=False)
        except NotAuthorized:
            response = self.ask(DEVICE, "GetSystemDateAndTime")
        except OnvifFault:
            response = None
        skew = None if response is None else skew_of(response, sent + (datetime.now(UTC) - sent) / 2)
        self.login.learn_clock(skew)
        return skew

    def find_services(self) -> None:
        """Learn the addresses of the services by GetServices; by GetCapabilities where it is refused, or hangs up."""
        found = {DEVICE: self.place.url}
        self._knows_capabilities = False
        try:
            response = self.ask(DEVICE, "GetServices", "<n:IncludeCapability>false</n:IncludeCapability>")
        except (OnvifFault, DeviceGarbled, AnswerLost):
            response = None
        if response is not None:
            for service in soap.all_of(response, "Service")[:_MAX_SERVICES]:
                if address := soap.text(service, "XAddr"):
                    with contextlib.suppress(DeviceGarbled):  # one address that is none loses one service
                        found.setdefault(soap.text(service, "Namespace"), self.place.http(address))
        if not {MEDIA, MEDIA2, DOORS} & set(found):
            found = self._capabilities() | found
        self.addresses = found
        self._services.clear()

    def _capabilities(self) -> dict[str, str]:
        response = self.ask(DEVICE, "GetCapabilities", "<n:Category>All</n:Category>")
        self._knows_capabilities = True
        parts = {namespace: soap.first(response, name) for name, namespace in CAPABILITY.items()}
        addresses = {namespace: soap.text(part, "XAddr") for namespace, part in parts.items() if part is not None}
        return {namespace: self.place.http(address) for namespace, address in addresses.items() if address}

    def call(self, namespace: str, operation: str, *, once: bool = False, **arguments: Any) -> Any:
        """Call an operation through the schemas and return the answer as zeep reads it."""

        def attempt() -> Any:
            return self._invoke(namespace, operation, arguments, once=once)

        return self._logged_in(operation, attempt, once=once)

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
        """Call an operation without schemas; return the element in the answer's Body. `url` replaces the service's."""

        def attempt() -> Any:
            return self._post(namespace, operation, inner, token=True, url=url, headers=headers, deadline=deadline)

        return self._logged_in(operation, attempt, once=False)

    def fetch(self, url: str) -> bytes:
        """Return the body of a plain GET on the device (a snapshot): by HTTP Digest, or by Basic where that may be."""
        self.login.require_not_held()
        address = self.place.http(url)
        other = self.place.fallback(address)
        if other and not self.place.is_proven(address):
            try:
                picture = self._picture(address)
            except (NotOffered, DeviceRefused) as error:
                if not isinstance(error, NotOffered) and str(error) != PLAIN_ONLY:
                    raise
                try:
                    picture = self._picture(other)
                except NotOffered:
                    raise error from None
                self.place.avoid(address)
                return picture
            self.place.prove(address)
            return picture
        return self._picture(address)

    def _picture(self, address: str) -> bytes:
        headers: dict[str, str] = {}
        for _ in range(2):
            try:
                answer = self._pictures.exchange("GET", address, None, headers)
            except (DeviceUnreachable, DeviceGarbled) as error:
                raise NotOffered(str(error)) from error
            if answer.status == 200:
                self.login.worked("GetSnapshot")
                return answer.body
            if answer.status != 401:
                raise NotOffered(f"the device answers {answer.status} instead of a picture")
            if self.login.username is None:
                raise wants_user()
            if headers or not self._pictures.offer_digest(answer):
                headers = self._basic(answer, address, tried=bool(headers))
        raise self.login.refused("GetSnapshot")

    def upload(self, url: str, body: "Upload", seconds: float) -> int:
        """POST a file to where the device wants it; the answer's status. AnswerLost when it may have arrived."""
        self.login.require_not_held()
        address = self.place.http(url)
        # The way to log in is found out first: a whole file is not sent in vain.
        try:
            look = self._pictures.exchange("GET", address, None, {})
        except (DeviceUnreachable, DeviceGarbled):
            address = self.place.fallback(address)
            if not address:
                raise
            look = self._pictures.exchange("GET", address, None, {})
        if look.status == 401:
            if self.login.username is None:
                raise wants_user()
            if not self._pictures.offer_digest(look):
                raise DeviceRefused(login_refusal(look) or PLAIN_ONLY)
        kind = {"Content-Type": "application/octet-stream"}
        answer = self._pictures.exchange("POST", address, body, kind, seconds)
        if answer.status == 401:
            raise self.login.refused("the upload")
        return answer.status

    def close(self) -> None:
        """Let go of the connections."""
        self.transport.close()
        self._pictures.close()

    def _basic(self, answer: Answer, address: str, *, tried: bool) -> dict[str, str]:
        if tried or "basic" not in ", ".join(answer.challenges).lower():
            if not tried and (why := login_refusal(answer)):
                raise DeviceRefused(why)
            return {}
        if not (self._settings[2] or address.startswith("https://")):
            raise DeviceRefused(PLAIN_ONLY)
        return {"Authorization": self._pictures.basic()}

    def _logged_in(self, operation: str, attempt: Callable[[], T], *, once: bool) -> T:
        """Make at most three attempts, each in another way; one only for what moves a gate."""
        self.login.require_not_held()
        for left in (0,) if once else (2, 1, 0):
            try:
                answer = attempt()
            except NotAuthorized as refusal:
                if self.login.username is None:
                    raise wants_user() from None
                if refusal.lock:
                    raise self.login.locked(refusal.lock) from None
                if not left or not self._other_way(refusal, is_first=left == 2):
                    raise self.login.refused(operation) from None
            except (AnswerLost, DeviceGarbled) as error:
                if once:
                    raise OutcomeUnknown(f"{operation} may have been carried out: {error}") from error
                raise
            else:
                self.login.worked(operation)
                return answer
        raise AssertionError("the attempts end in an answer or an error")

    def _other_way(self, refusal: NotAuthorized, *, is_first: bool) -> bool:
        """Prepare the next try: HTTP Digest if offered, a token with it if wanted, or the device's clock read again.

        A third try follows only a digest that was taken: then the fault asks for a token as well.
        """
        transport, login = self.transport, self.login
        if not transport.use_digest and transport.offer_digest(refusal.answer):
            login.token_with_digest = refusal.by_fault
            return True
        if transport.use_digest and not refusal.by_status and not login.token_with_digest:
            login.token_with_digest = True
            return True
        if refusal.by_status:
            if not transport.use_digest and (why := login_refusal(refusal.answer)):
                raise DeviceRefused(why)
            if transport.use_digest or not refusal.by_fault:
                return False
        return is_first and self._learn_clock()

    def _learn_clock(self) -> bool:
        """Read the device's clock again; whether a token is dated differently now."""
        try:
            response = self._post(DEVICE, "GetSystemDateAndTime", "", token=False)
        except (NotAuthorized, DeviceError):
            return self.login.try_other_zone()
        return self.login.learn_clock(skew_of(response, datetime.now(UTC))) or self.login.try_other_zone()

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
        body = etree.tostring(sent, xml_declaration=True, encoding="utf-8")
        action = soap.first(sent, "Action") if headers else None
        name = f"{namespace}/{operation}" if action is None else str(action.text)
        kind = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{name}"'}
        return self._exchange(operation, url or self._address(namespace), body, kind, deadline=deadline)

    def _exchange(
        self,
        operation: str,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        deadline: float | None = None,
        once: bool = False,
    ) -> Any:
        """Exchange one SOAP message; use the configured port where an announced one is dead, or is no ONVIF.

        What moves a gate goes on to the other port only when it has not left.
        """
        other = self.place.fallback(url)
        try:
            answer = read_answer(self.transport.exchange("POST", url, body, headers, deadline), operation)
        except (DeviceUnreachable, DeviceGarbled, NotAuthorized) as error:
            if not other or not self._is_elsewhere(url, error, once=once):
                raise
        else:
            if other:
                self.place.prove(url)
            return answer
        answer = read_answer(self.transport.exchange("POST", other, body, headers, deadline), operation)
        self.place.avoid(url)
        return answer

    def _is_elsewhere(self, url: str, error: Exception, *, once: bool) -> bool:
        """Return True if an error means that the device's service is not on this port."""
        if isinstance(error, DeviceUnreachable) and not isinstance(error, AnswerLost):
            return True
        if once or self.place.is_proven(url):
            return False
        if isinstance(error, NotAuthorized):
            return not error.by_fault and login_refusal(error.answer) == PLAIN_ONLY
        return True

    def _address(self, namespace: str) -> str:
        address = self.addresses.get(namespace)
        if address is None:
            raise OnvifFault("the device does not offer this service", ("ActionNotSupported",))
        return address

    def _invoke(self, namespace: str, operation: str, arguments: Mapping[str, Any], *, once: bool) -> Any:
        address = self._address(namespace)
        client = self._client(namespace)
        if namespace not in self._services:
            self._services[namespace] = client.create_service(binding(namespace), address)
        client.wsse = Signer(self._token())
        client.transport.exchange = partial(self._exchange, operation, once=once)
        try:
            return getattr(self._services[namespace], operation)(**arguments)
        except (DeviceError, NotAuthorized):
            raise
        except (ZeepError, etree.LxmlError, AttributeError, TypeError, ValueError, LookupError) as error:
            # zeep's own error holds the whole answer: its kind will do.
            raise soap.garbled(operation) from RuntimeError(f"{type(error).__name__}: {plain(error, 200)}")

    def _client(self, namespace: str) -> Client:
        if namespace not in self._clients:
            self._clients[namespace] = Client(document(namespace), transport=ZeepWire(), settings=SETTINGS)
        return self._clients[namespace]


class NotOffered(DeviceGarbled):
    """No picture at an announced address."""
