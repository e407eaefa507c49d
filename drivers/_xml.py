"""XML from a device: no DTD, no entities, namespaces ignored, depth and size bounded."""

from typing import Any

from devicemgr.errors import DeviceGarbled

_MOST_DEPTH = 32
_NOT_XML = "the device's answer is not whole XML; restart it, or update its firmware"


def read_xml(body: bytes) -> tuple[str, dict[str, Any]]:
    """The root's local name, and its children by local name: text, a dictionary, or a list of those that repeat."""
    root = parse_xml(body)
    found = _children(root, 0)
    return _local(root.tag), found if isinstance(found, dict) else {}


def parse_xml(body: bytes) -> Any:
    """The root of a whole document without DTD; DeviceGarbled for anything else."""
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
    if depth > _MOST_DEPTH:
        raise DeviceGarbled("the device's answer is nested too deeply; is this the right device?")
    if len(element) == 0:
        return (element.text or "").strip()
    found: dict[str, Any] = {}
    for child in element:
        name, value = _local(child.tag), _children(child, depth + 1)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]
