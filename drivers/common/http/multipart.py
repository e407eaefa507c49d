"""The endless multipart answers of face-ID consoles, read byte by byte as they come.

Seen in captures: a bare boundary as the first chunk, LF and CRLF mixed, Content-Length in bytes or missing or without
a space before it, parts without Content-Type, and a picture after its event. A picture's bytes are counted and let go
of: faces of strangers leave no trace. The boundary is learnt from the body, never from a header.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from devicemgr.errors import DeviceGarbled

MAX_PART_BYTES = 1 << 20
_MAX_HEAD_BYTES = 8192
_MAX_HEADERS = 32
_MAX_LINE_BYTES = 128
_LENGTH = re.compile(rb"[0-9]{1,9}")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_BOUNDARY = re.compile(rb"--[\x21-\x7e]{1,100}")
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"GIF8", b"RIFF")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: lower-case header names; `picture` ones come without their body."""

    headers: dict[str, str]
    body: bytes = field(repr=False)
    picture: bool = False


class MultipartReader:
    """feed() it the bytes as they come; DeviceGarbled when they are no multipart, or too long."""

    def __init__(self, max_part: int = MAX_PART_BYTES) -> None:
        self._buffer = bytearray()
        self._boundary = b""
        self._max_part = max_part
        self._in_part = False
        self._bare = False
        self._skipped = 0
        self.ended = False

    @property
    def is_amid(self) -> bool:
        """True while something has begun and is not whole: from then on the device must hurry."""
        return not self._bare and bool(bytes(self._buffer[:_MAX_LINE_BYTES]).strip(b"\r\n"))

    def feed(self, data: bytes) -> Iterator[Part]:
        """Add `data` to the buffer and yield each part that is now whole."""
        # A boundary that came at once without the end of its line: what follows may be half a minute away.
        self._bare = not self._buffer and self._is_boundary(data.strip())
        self._buffer += data
        while not self.ended:
            if not self._in_part and not self._enter():
                return
            part = self._take()
            if part is None:
                return
            yield part

    def _enter(self) -> bool:
        """Skip to behind the next boundary line; whatever else stands there is dropped, up to a limit."""
        while (line_end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:line_end]).strip()
            del self._buffer[: line_end + 1]
            if self._is_boundary(line):
                self._boundary = self._boundary or line
                self._in_part, self._skipped = True, 0
                return True
            if self._boundary and line == self._boundary + b"--":
                self.ended = True
                return False
            self._skipped += line_end + 1
        self._bound(range(self._skipped + len(self._buffer)), self._max_part if self._boundary else _MAX_HEAD_BYTES)
        return False

    def _is_boundary(self, line: bytes) -> bool:
        return line == self._boundary if self._boundary else bool(_BOUNDARY.fullmatch(line))

    def _take(self) -> Part | None:
        """Remove and return the part at the start of the buffer; None while it is incomplete."""
        start = self._head()
        if start is None:
            return None
        headers = _headers(bytes(self._buffer[:start]))
        body = self._body(headers, start)
        if body is None:
            self._bound(self._buffer, start + self._max_part + _MAX_LINE_BYTES)
            return None
        self._in_part = False
        picture = _is_picture(headers, body)
        return Part(headers, b"" if picture else body, picture)

    def _head(self) -> int | None:
        """Return where the body begins; None until that is known. A second boundary in a row is skipped."""
        while True:
            rest = bytes(self._buffer[:_MAX_LINE_BYTES]).lstrip(b"\r\n")
            if self._boundary.startswith(rest):
                if not rest:
                    del self._buffer[:-2]
                return None
            if not rest.startswith(self._boundary):
                break
            self._in_part = False
            if not self._enter():
                return None
        if self._buffer[:1].strip(b"\r\n") == b"":
            return len(self._buffer[:_MAX_LINE_BYTES]) - len(rest)  # no headers at all
        ended = _END_OF_HEAD.search(self._buffer, 0, _MAX_HEAD_BYTES)
        if ended is None:
            self._bound(self._buffer, _MAX_HEAD_BYTES - 1)
            return None
        return ended.end()

    def _body(self, headers: dict[str, str], start: int) -> bytes | None:
        """Return a part's body and move the buffer past it.

        The length decides where a boundary follows it, else the boundary does.
        """
        length = _LENGTH.fullmatch(headers.get("content-length", "").encode("ascii", "replace"))
        if length is not None:
            stop = start + int(length[0])
            self._bound(range(int(length[0])), self._max_part)
            follows = self._boundary_follows(stop)
            if follows is None:
                return None
            if follows:
                body = bytes(self._buffer[start:stop])
                del self._buffer[:stop]
                return body
        found = re.compile(rb"\r?\n" + re.escape(self._boundary) + rb"(?:--)?[ \t]*\r?\n").search(
            self._buffer, max(start - 2, 0)
        )
        if found is None:
            return None
        body = bytes(self._buffer[start : max(found.start(), start)])
        del self._buffer[: found.start()]
        return body

    def _boundary_follows(self, stop: int) -> bool | None:
        """Return True if a boundary line comes next after `stop`; None until that is known.

        The part counts as whole as soon as its bytes are there: the next boundary may be half a minute away.
        """
        if len(self._buffer) < stop:
            return None
        rest = bytes(self._buffer[stop : stop + _MAX_LINE_BYTES]).lstrip(b"\r\n")
        return rest.startswith(self._boundary) or self._boundary.startswith(rest)

    @staticmethod
    def _bound(data: "bytearray | range", limit: int) -> None:
        if len(data) > limit:
            raise DeviceGarbled("a part of the device's stream is too long, or it is no multipart; update its firmware")


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("utf-8", "replace").splitlines()
    if len(lines) > _MAX_HEADERS:
        raise DeviceGarbled("a part of the device's stream has too many headers; update its firmware")
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _is_picture(headers: dict[str, str], body: bytes) -> bool:
    """By its first bytes; by its header only where it begins like nothing else that is wanted."""
    if body.startswith(_PICTURES):
        return True
    says = headers.get("content-type", "").lower().startswith("image/") or "picture" in headers.get("content-id", "")
    return says and body.lstrip()[:1] not in {b"{", b"<", b"["}
