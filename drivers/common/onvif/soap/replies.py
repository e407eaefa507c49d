"""Answers of an ONVIF device: what is no SOAP, what asks for a login, and zeep's view of the wire."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import requests
from lxml import etree

from devicemgr.errors import DeviceGarbled
from devicemgr.text import safe
from drivers.common.http.transport import Answer
from drivers.common.onvif.soap import envelope as soap
from drivers.common.onvif.soap.namespaces import OnvifFault, is_refusal

# A fault's text, or userCheck of Hikvision's firmware (DEVICE_FACTS section 1): the account is locked.
_LOCKED = re.compile(
    r"lockStatus>\s*lock\s*<|unlockTime>\s*[1-9]\d*|[^<>]{0,60}\b(?:account|user)[^<>]{0,30}\block(?:ed)?\b[^<>]{0,40}",
    re.IGNORECASE,
)
_MAX_SEARCHED_BYTES = 8192
# Address, body and headers; returns the element in the answer's Body.
Exchange = Callable[[str, bytes, Mapping[str, str]], Any]


class NotAuthorized(Exception):
    """The device wants credentials, or other ones.

    `by_status` says that HTTP asks (401, or a bare 403), `by_fault` that a SOAP fault does; a device may do both.
    `lock` is what it says of a locked account, "" if it says nothing of one.
    """

    def __init__(self, answer: Answer, *, by_fault: bool) -> None:
        super().__init__("not authorized")
        self.answer, self.by_fault = answer, by_fault
        self.by_status = answer.status in (401, 403)
        found = _LOCKED.search(answer.body[:_MAX_SEARCHED_BYTES].decode("utf-8", "replace"))
        self.lock = safe(" ".join(re.sub(r"<[^>]*>", " ", found[0]).split()), 80) if found else ""


def read_answer(answer: Answer, operation: str) -> Any:
    """Return the element in the answer's Body; NotAuthorized, OnvifFault, or DeviceGarbled for what is no SOAP."""
    status, body = answer.status, answer.body
    is_fault = b"Fault" in body
    if status == 401 or (status == 403 and b"Envelope" not in body):
        raise NotAuthorized(answer, by_fault=is_fault)
    if status >= 400 and not is_fault:
        raise DeviceGarbled(
            f"the device answers {status} to {operation}; check the address and that ONVIF is switched on in it"
        )
    try:
        return soap.answer(body, operation)
    except OnvifFault as fault:
        if is_refusal(fault.codes, fault.reason):
            raise NotAuthorized(answer, by_fault=True) from None
        raise


class ZeepWire:
    """The transport as zeep sees it: only whole answers reach zeep, in the form that it expects."""

    exchange: Exchange
    """Set before each call."""

    def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> requests.Response:
        """Send one envelope; return its answer, mended."""
        body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        element = self.exchange(address, body, headers)
        response = requests.Response()
        response.status_code = 200
        response.headers["Content-Type"] = "application/soap+xml; charset=utf-8"
        response._content = soap.whole(element)
        return response


class Signer:
    """zeep's wsse plug-in for one call."""

    def __init__(self, token: Any) -> None:
        self._token = token

    def apply(self, envelope: Any, headers: Any) -> Any:
        """Return the envelope with the token, where there is one."""
        return (envelope, headers) if self._token is None else self._token.apply(envelope, headers)

    def verify(self, envelope: Any) -> None:
        """Do nothing: devices do not sign their answers."""
