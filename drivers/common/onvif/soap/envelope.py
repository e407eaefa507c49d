"""SOAP 1.2 read and written without schemas: for services that have none here, and for what must be cheap."""

import logging
import uuid
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from devicemgr.errors import DeviceGarbled
from drivers.common.http.xml import is_bounded
from drivers.common.onvif.soap.namespaces import ADDRESSING, OnvifFault, plain
from drivers.common.onvif.soap.repairs import repaired, without_unreadable

_log = logging.getLogger(__name__)
_ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
_MAX_CODES = 6


def envelope(namespace: str, operation: str, inner: str, headers: str = "") -> Any:
    """Build `<operation>` in its namespace around `inner` (XML that may use the prefixes n, tt, wsnt and wsa)."""
    return etree.fromstring(
        f'<s:Envelope xmlns:s="{_ENVELOPE}" xmlns:n="{namespace}" xmlns:tt="http://www.onvif.org/ver10/schema" '
        f'xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:wsa="{ADDRESSING}"><s:Header>{headers}</s:Header>'
        f"<s:Body><n:{operation}>{inner}</n:{operation}></s:Body></s:Envelope>",
        etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False),
    )


def addressing(action: str, to: str, parameters: tuple[str, ...] = ()) -> str:
    """WS-Addressing headers; `parameters` are reference parameters, echoed as the endpoint reference had them."""
    return (
        f"<wsa:Action>{escape(action)}</wsa:Action><wsa:To>{escape(to)}</wsa:To>"
        f"<wsa:MessageID>urn:uuid:{uuid.uuid4()}</wsa:MessageID><wsa:ReplyTo><wsa:Address>"
        "http://www.w3.org/2005/08/addressing/anonymous</wsa:Address></wsa:ReplyTo>" + "".join(parameters)
    )


def answer(body: bytes, operation: str) -> Any:
    """Return the element in the Body of an answer; OnvifFault for a fault, DeviceGarbled for anything else."""
    root = parsed(body, operation)
    found = root if local(root) == "Body" else first(root, "Body")
    if local(root) != "Envelope" or found is None or not len(found):
        raise garbled(operation)
    if local(found[0]) == "Fault":
        raise fault(found[0], operation)
    return found[0]


def parsed(body: bytes, operation: str) -> Any:
    """Return the root of a whole, bounded document without DTD, harmless flaws mended; DeviceGarbled for others."""
    if not is_bounded(body):
        raise garbled(operation)
    try:
        root = _read(body)
    except etree.XMLSyntaxError as error:
        root = _read_repaired(body, operation, plain(error, 100))
    except (etree.LxmlError, ValueError, LookupError) as error:
        raise garbled(operation) from RuntimeError(type(error).__name__)
    if root is None or root.getroottree().docinfo.doctype:
        raise garbled(operation)
    return root


def _read_repaired(body: bytes, operation: str, why: str) -> Any:
    """Read a document that is not well-formed; of a pull, without the notifications that can't be read."""
    text = repaired(body)
    if text is None:
        raise garbled(operation) from RuntimeError(why)
    try:
        return _read_text(text)
    except (etree.LxmlError, ValueError, LookupError, DeviceGarbled) as error:
        text, lost = without_unreadable(text, _parser())
        if not lost:
            raise garbled(operation) from RuntimeError(plain(error, 100))
    _log.warning("Failed to read %d of the notifications that a device sent: %s", lost, why)
    try:
        return _read_text(text)
    except (etree.LxmlError, ValueError, LookupError, DeviceGarbled) as error:
        raise garbled(operation) from RuntimeError(plain(error, 100))


def _read_text(text: str) -> Any:
    body = text.encode()
    if not is_bounded(body):
        raise DeviceGarbled("too large")
    return _read(body)


def _read(body: bytes) -> Any:
    return etree.fromstring(body, _parser())


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def fault(element: Any, operation: str) -> OnvifFault:
    """Return a Fault element as an exception, of SOAP 1.2 or 1.1."""
    names = ("Value", "faultcode")
    codes = [str(node.text or "") for name in names for node in all_of(element, name)][:_MAX_CODES]
    reason = text(element, "Text") or text(element, "faultstring")
    short = tuple(plain(code.rpartition(":")[2]) for code in codes)
    said = plain(reason, 120)
    return OnvifFault(f"the device refuses {operation}: {said or ' '.join(short)}", short, said)


def whole(element: Any) -> bytes:
    """Return an envelope of SOAP 1.2 around an answer's element, whatever came around it."""
    root = etree.Element(f"{{{_ENVELOPE}}}Envelope", nsmap={"s": _ENVELOPE})
    etree.SubElement(root, f"{{{_ENVELOPE}}}Body").append(element)
    written: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def garbled(operation: str) -> DeviceGarbled:
    """Return an answer that is not ONVIF."""
    return DeviceGarbled(f"the device's answer to {operation} is not ONVIF; check the address")


def local(element: Any) -> str:
    """Return an element's name without its namespace; "" for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def first(element: Any, name: str) -> Any:
    """Return the first element of that local name below, or None."""
    return next(element.iter("{*}" + name), None)


def all_of(element: Any, name: str) -> list[Any]:
    """List every element of that local name below `element`."""
    return list(element.iter("{*}" + name))


def text(element: Any, name: str) -> str:
    """Return the stripped text of the first element of that name, "" when there is none."""
    found = first(element, name)
    return "" if found is None else str(found.text or "").strip()


def number(element: Any, name: str) -> int | None:
    """Return the number in the first element of that name, None when there is none."""
    try:
        return int(float(text(element, name)))
    except (ValueError, OverflowError):
        return None
