"""SOAP 1.2 as a device speaks it: requests read, answers and faults written. No I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

PREFIXES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "tt": "http://www.onvif.org/ver10/schema",
    "ter": "http://www.onvif.org/ver10/error",
    "tns1": "http://www.onvif.org/ver10/topics",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "timg": "http://www.onvif.org/ver20/imaging/wsdl",
    "tmd": "http://www.onvif.org/ver10/deviceIO/wsdl",
    "tdc": "http://www.onvif.org/ver10/doorcontrol/wsdl",
    "tac": "http://www.onvif.org/ver10/accesscontrol/wsdl",
}
_DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in PREFIXES.items())
_S = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


class SoapFault(Exception):
    """A refusal: `sender` or the device at fault, the ONVIF subcodes below (`ter:…`), and a reason."""

    def __init__(self, reason: str, *subcodes: str, sender: bool = True, status: int = 400) -> None:
        super().__init__(reason)
        self.reason, self.subcodes, self.sender, self.status = reason, subcodes, sender, status

    def body(self) -> str:
        """Return the Fault element."""
        nested = ""
        for code in reversed(self.subcodes):
            nested = f"<s:Subcode><s:Value>{code}</s:Value>{nested}</s:Subcode>"
        who = "s:Sender" if self.sender else "s:Receiver"
        return (
            f"<s:Fault><s:Code><s:Value>{who}</s:Value>{nested}</s:Code>"
            f'<s:Reason><s:Text xml:lang="en">{escape(self.reason)}</s:Text></s:Reason></s:Fault>'
        )


def not_supported() -> SoapFault:
    """ter:ActionNotSupported, as ONVIF Core 5.8.2 has it for a command that is not there."""
    return SoapFault("Optional Action Not Implemented", "ter:ActionNotSupported", sender=False, status=500)


def no_such(what: str, code: str) -> SoapFault:
    """ter:InvalidArgVal for a token that names nothing."""
    return SoapFault(f"no such {what}", "ter:InvalidArgVal", code)


@dataclass(frozen=True, slots=True)
class Request:
    """One call: `security` is the wsse:Security element or None, `headers` the WS-Addressing ones by local name."""

    namespace: str
    name: str
    element: Any
    security: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """Return the text of the first element of that local name, anywhere in the call."""
        found = first(self.element, name)
        return default if found is None or found.text is None else str(found.text).strip()

    def has(self, name: str) -> bool:
        """Return True if there is such an element."""
        return first(self.element, name) is not None

    def all(self, name: str) -> list[Any]:
        """List every element of that local name."""
        return [node for node in self.element.iter("{*}" + name)]


def first(element: Any, name: str) -> Any:
    """Return the first element of that local name below `element`, or None."""
    return next(iter(element.iter("{*}" + name)), None)


def read_request(body: bytes) -> Request:
    """Return the call in an envelope; SoapFault when it is none."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
        call = next(iter(first(root, "Body")))
    except (etree.LxmlError, StopIteration, TypeError) as error:
        raise SoapFault("not an envelope", "ter:WellFormed") from error
    header = first(root, "Header")
    fields = {} if header is None else {etree.QName(node).localname: node.text or "" for node in header}
    security = None if header is None else first(header, "Security")
    name = etree.QName(call)
    return Request(str(name.namespace), name.localname, call, security, fields)


def envelope(body: str, header: str = "") -> bytes:
    """Return a whole answer; `body` uses PREFIXES."""
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope {_DECLARED}>{head}<s:Body>{body}</s:Body></s:Envelope>'
    ).encode()


def prefix_of(namespace: str) -> str:
    """Return the prefix of a namespace that is ours."""
    return next(prefix for prefix, uri in PREFIXES.items() if uri == namespace)


def seconds(duration: str, default: float) -> float:
    """Return an xs:duration without years and months."""
    found = _S.fullmatch(duration.strip())
    if found is None or not any(found.groups()):
        return default
    days, hours, minutes, rest = (float(part or 0) for part in found.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + rest
