"""XML from a device: no DTD, no entities, namespaces ignored; depth, elements and attributes bounded."""

import re
from collections.abc import Callable
from typing import Any

from devicemgr.errors import DeviceGarbled

_MAX_DEPTH = 32
# A tree takes 110 bytes an element, 300 an attribute and some copies of its text: with these a reader stays under 20
# MiB. The profiles of a recorder with 128 channels have 40,000 tags and 1 MB.
MAX_BYTES, MAX_TAGS, MAX_ATTRIBUTES = 2_000_000, 60_000, 20_000
_DECLARED = re.compile(rb"""encoding\s*=\s*["']([^"']{0,40})""")
# Those in which the bytes of < and = mean nothing else, so that they can be counted.
_ENCODINGS = re.compile(
    rb"(utf-?(8|16|16le|16be)|(us-)?ascii|iso-8859-\d+|windows-125\d|gb2312|gbk|gb18030|big5)\Z", re.IGNORECASE
)
_NOT_XML = "the device's answer is not whole XML; restart it, or update its firmware"


def read_xml(body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the root's local name, and its children by local name: text, a dictionary, or a list where they repeat."""
    root = parse_xml(body)
    found = _children(root, 0)
    return local_name(root.tag), found if isinstance(found, dict) else {}


def is_bounded(body: bytes) -> bool:
    """Return True for a body that is not too long and, where these can be counted, not too rich in tags."""
    declared = _DECLARED.search(body[:200])
    if declared and not _ENCODINGS.match(declared[1]):
        return False
    few = body.count(b"<") <= MAX_TAGS and body.count(b"=") <= MAX_ATTRIBUTES
    return few and len(body) <= MAX_BYTES


def parse_xml(body: bytes) -> Any:
    """Parse a whole, bounded document without a DTD and return its root; raise DeviceGarbled for anything else."""
    if not is_bounded(body):
        raise DeviceGarbled(_NOT_XML)
    from lxml import etree  # noqa: PLC0415 - listing the kinds imports no vendor library

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body.strip(b"\x00 \r\n\t"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DeviceGarbled(_NOT_XML) from error
    if root is None or root.getroottree().docinfo.doctype:
        raise DeviceGarbled(_NOT_XML)
    return root


def _children(element: Any, depth: int) -> Any:
    text = (element.text or "").strip()
    return text if len(element) == 0 else by_name(element, depth, _children)


def by_name(element: Any, depth: int, content: Callable[[Any, int], Any]) -> dict[str, Any]:
    """Map the children's local names to their content, a list where they repeat; raise DeviceGarbled if too deep."""
    if depth >= _MAX_DEPTH and len(element):
        raise DeviceGarbled("the device's answer is nested too deeply; is this the right device?")
    found: dict[str, Any] = {}
    for child in element:
        name, value = local_name(child.tag), content(child, depth + 1)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def local_name(tag: object) -> str:
    """Strip the namespace from the name of an element or attribute."""
    return str(tag).rpartition("}")[2]
