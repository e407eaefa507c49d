"""Bodies of HTTP answers as devices send them, made plain: gzip that was not requested, multipart/related. Bounded."""

import re
import zlib

from devicemgr.errors import DeviceGarbled

MAX_BODY_BYTES = 5_000_000
TOO_LARGE = "the device's answer is larger than 5 MB; is this an ONVIF device?"
_GZIP = b"\x1f\x8b"
_MAX_PARTS = 16
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_PARAMETER = re.compile(r';\s*(boundary|start)\s*=\s*(?:"([^"]{1,200})"|([^\s;]{1,200}))', re.IGNORECASE)


def plain_body(body: bytes, encoding: str, content_type: str) -> bytes:
    """Return what was meant: inflated, and of several parts the one that is the answer; DeviceGarbled if it is none.

    Seen in the field: a Pelco camera that always compresses (python-onvif-zeep-async, pull request 135), a label of
    gzip on a plain body, and multipart/related with one part (SOAP 1.2 with MTOM).
    """
    return _root_part(_inflated(body, encoding.strip().lower()), content_type)


def _inflated(body: bytes, encoding: str) -> bytes:
    if body.startswith(_GZIP):
        return _unpacked(body, 31)
    if encoding == "deflate" and body:
        # RFC 9110 means zlib's format, and many send the bare one.
        return _unpacked(body, 15 if body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0 else -15)
    if encoding in ("", "identity", "gzip", "x-gzip"):
        return body
    raise DeviceGarbled("the device compresses its answers in a way that was not requested; update its firmware")


def _unpacked(body: bytes, form: int) -> bytes:
    inflater = zlib.decompressobj(form)
    try:
        plain = inflater.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise DeviceGarbled("the device's compressed answer is damaged; update its firmware") from error
    if len(plain) > MAX_BODY_BYTES:
        raise DeviceGarbled(TOO_LARGE)
    if not inflater.eof:
        raise DeviceGarbled("the device's compressed answer is not whole; check its network")
    return plain


def _root_part(body: bytes, content_type: str) -> bytes:
    if not (content_type.lower().startswith("multipart/") or body.lstrip().startswith(b"--")):
        return body
    found = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(content_type)}
    boundary = found.get("boundary", "").encode() or body.lstrip().split(b"\n", 1)[0].strip()[2:]
    if not boundary:
        return body
    parts = [_part(part) for part in body.split(b"--" + boundary, _MAX_PARTS)[1:] if part[:2] != b"--"]
    start = found.get("start", "").encode()
    return next((content for head, content in parts if start and start in head), parts[0][1] if parts else body)


def _part(part: bytes) -> tuple[bytes, bytes]:
    if part.startswith((b"\r\n\r\n", b"\n\n")):
        return b"", part.strip()
    ends = _BLANK_LINE.search(part)
    return (part[: ends.start()], part[ends.end() :].strip()) if ends else (b"", part.strip())
