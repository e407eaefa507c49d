"""The two event streams of a simulated terminal, byte for byte."""

import json
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BOUNDARY = "myboundary"
MAX_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class News:
    """Something that streams tell: code, Start, Stop or Pulse, 0-based index, and data; pictures are JPEGs."""

    code: str
    action: str
    index: int
    data: Mapping[str, Any]
    pictures: Sequence[bytes] = ()


class Streams:
    """Hands news to everybody who listens; one that does not keep up is dropped."""

    def __init__(self) -> None:
        self._queues: list[queue.Queue[News | None]] = []
        self._lock = threading.Lock()

    def join(self) -> "queue.Queue[News | None]":
        """Subscribe to the events from now on; None in the queue marks the end."""
        fresh: queue.Queue[News | None] = queue.Queue(MAX_WAITING)
        with self._lock:
            self._queues.append(fresh)
        return fresh

    def leave(self, held: "queue.Queue[News | None]") -> None:
        """No more news."""
        with self._lock:
            if held in self._queues:
                self._queues.remove(held)

    def tell(self, news: News | None) -> None:
        """To everybody who listens; None ends all streams."""
        with self._lock:
            for held in self._queues:
                held.put_nowait(news)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._queues)


def text_part(body: bytes, *, mixed: bool = False) -> bytes:
    """Build a part of eventManager's stream; `mixed` ends some lines in LF and some in CRLF."""
    lf = b"\n" if mixed else b"\r\n"
    head = b"--" + BOUNDARY.encode() + lf + b"Content-Type: text/plain\r\n"
    return head + b"Content-Length:" + str(len(body)).encode() + lf + b"\r\n" + body + b"\r\n" + lf


HEARTBEAT = text_part(b"Heartbeat")


def event_body(news: News) -> bytes:
    """Write `Code=…;action=…;index=…;data={…}` with the JSON over several lines."""
    data = json.dumps(news.data, ensure_ascii=False, indent=3)
    return f"Code={news.code};action={news.action};index={news.index};data={data}\n".encode()


def snap_parts(news: News) -> bytes:
    """Build a part of flat lines, then one image part with all JPEGs end to end."""
    fields = {"Code": news.code, "Action": news.action, "Index": news.index} | dict(news.data)
    lines = [f"Events[0].{key}={value}" for key, value in fields.items()]
    offset = 0
    for place, picture in enumerate(news.pictures):
        lines += [
            f"Events[0].ImageInfo[{place}].Offset={offset}",
            f"Events[0].ImageInfo[{place}].Length={len(picture)}",
        ]
        offset += len(picture)
    parts = text_part("\r\n".join(lines).encode() + b"\r\n")
    if news.pictures:
        pictures = b"".join(news.pictures)
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(pictures)}\r\n\r\n"
        parts += head.encode() + pictures + b"\r\n\r\n"
    return parts
