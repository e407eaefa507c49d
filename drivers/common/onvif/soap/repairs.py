"""Harmless flaws of a device's XML, mended before it is read again. What is dangerous is left as it is, and refused.

Seen in the field: a newline before the declaration and NULs after the end; GB2312 bytes declared as UTF-8 (Home
Assistant issue 89620); prefixes that are declared nowhere (wsa and wsnt, home-assistant.io issue 40942); a bare & in
an address.
"""

import codecs
import re

from lxml import etree

from drivers.common.onvif.soap.namespaces import (
    ACCESS,
    ADDRESSING,
    DEVICE,
    DEVICE_IO,
    DOORS,
    EVENTS,
    IMAGING,
    MEDIA,
    MEDIA2,
    NOTIFICATION,
    PTZ,
)

_ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
# ONVIF Core, "Namespaces", and what devices use for SOAP's own.
_USUAL = {
    **dict.fromkeys(("s", "env", "soap", "SOAP-ENV", "soapenv", "soap-env"), _ENVELOPE),
    **dict.fromkeys(("wsa", "wsa5"), ADDRESSING),
    "wsnt": NOTIFICATION,
    "tt": "http://www.onvif.org/ver10/schema",
    "ter": "http://www.onvif.org/ver10/error",
    "tns1": "http://www.onvif.org/ver10/topics",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "tds": DEVICE,
    "trt": MEDIA,
    "tr2": MEDIA2,
    "tev": EVENTS,
    "tptz": PTZ,
    "timg": IMAGING,
    "tmd": DEVICE_IO,
    "tdc": DOORS,
    "tac": ACCESS,
}
MAX_NOTIFICATIONS = 500
_MAX_PREFIXES = 64
_AROUND = "\ufeff\x00 \t\r\n"
_DECLARED = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})""")
_DECLARATION = re.compile(r"<\?xml[^>]{0,200}\?>")
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});)")
_REFERENCE = re.compile(r"&#(x[0-9A-Fa-f]{1,6}|\d{1,7});")
# Possessive: a name or an attribute is never tried again in another length.
_ROOT = re.compile(r"<([A-Za-z_][\w.:-]{0,200}+)((?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)>")
_END = re.compile(r"</(?:[\w.-]{1,100}:)?Envelope\s*>")
_OF_ELEMENTS = re.compile(r"</?([A-Za-z_][\w.-]{0,100}+):")
_OF_ATTRIBUTES = re.compile(r"\s([A-Za-z_][\w.-]{0,100}+):[\w.-]{1,100}+\s{0,10}+=")
_IN_ROOT = re.compile(r"\sxmlns:([\w.-]{1,100}+)\s{0,10}+=")


def repaired(body: bytes) -> str | None:
    """Return the document without its harmless flaws; None for one with a DTD, or in two-byte characters."""
    if b"\x00" in body[:4] or b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        return None
    text = body.decode(_encoding(body), "replace").strip(_AROUND)
    text = _DECLARATION.sub("", text, count=1).lstrip(_AROUND)
    # What follows the end is cut off where it is no markup.
    if (ends := list(_END.finditer(text))) and "<" not in text[ends[-1].end() :]:
        text = text[: ends[-1].end()]
    text = _ILLEGAL.sub(" ", text)
    text = _REFERENCE.sub(_legal, _BARE_AMPERSAND.sub("&amp;", text))
    return _with_prefixes(text)


def without_unreadable(text: str, parser: etree.XMLParser) -> tuple[str, int]:
    """Return the document without the notifications that are not well-formed, and how many these were."""
    root = _ROOT.search(text)
    if root is None:
        return text, 0
    kept, lost, at = [], 0, 0
    for start, end in _notifications(text):
        piece = f"{root[0]}{text[start:end]}</{root[1]}>"
        try:
            etree.fromstring(piece.encode(), parser)
        except etree.XMLSyntaxError:
            kept.append(text[at:start])
            at, lost = end, lost + 1
    return "".join([*kept, text[at:]]), lost


def _notifications(text: str) -> list[tuple[int, int]]:
    """Return where each notification begins and ends."""
    found: list[tuple[int, int]] = []
    at = 0
    while len(found) < MAX_NOTIFICATIONS and (name := text.find("NotificationMessage", at)) >= 0:
        start, stop = text.rfind("<", at, name), text.find("NotificationMessage", name + 1)
        end = text.find(">", stop) + 1 if stop >= 0 else 0
        if start < 0 or end <= 0:
            break
        found.append((start, end))
        at = end
    return found


def _encoding(body: bytes) -> str:
    declared = _DECLARED.search(body[:200])
    name = declared[1].decode().lower() if declared else "utf-8"
    try:
        codecs.lookup(name)
    except LookupError:
        return "utf-8"
    return "gb18030" if name in ("gb2312", "gbk") else name


def _legal(found: re.Match[str]) -> str:
    number = int(found[1][1:], 16) if found[1].startswith("x") else int(found[1])
    return found[0] if number <= 0x10FFFF and not _ILLEGAL.match(chr(number)) else "\ufffd"


def _with_prefixes(text: str) -> str:
    """Declare on the root what is used and not declared there; a declaration further in still counts first."""
    root = _ROOT.search(text)
    if root is None:
        return text
    used = dict.fromkeys([*_OF_ELEMENTS.findall(text), *_OF_ATTRIBUTES.findall(text)])
    missing = [name for name in used if name not in {"xml", "xmlns", *_IN_ROOT.findall(root[2])}][:_MAX_PREFIXES]
    added = "".join(f' xmlns:{name}="{_USUAL.get(name, f"urn:undeclared:{name}")}"' for name in missing)
    place = root.start(2)
    return text[:place] + added + text[place:]
