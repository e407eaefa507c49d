"""Bundles of the record that were made and wait to be fetched: a browser saves what a link leads to."""

import os
import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from devicemgr.errors import NotFound
from devicemgr.text import rfc3339

MEDIA_TYPE = "application/zip"
KEPT_S = 600.0
_CHUNK_BYTES = 256 * 1024


class Bundle:
    """A bundle in a file without a name."""

    def __init__(self, actor: str, file: BinaryIO) -> None:
        self.actor = actor
        self.name = f"devicemgr-record-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip"
        self._file = file
        self.bytes = file.seek(0, os.SEEK_END)

    def headers(self) -> dict[str, str]:
        """Return what a browser needs to save it."""
        name = f'attachment; filename="{self.name}"'
        return {"Content-Length": str(self.bytes), "Cache-Control": "no-store", "Content-Disposition": name}

    def chunks(self, *, closing: bool = False) -> Iterator[bytes]:
        """Return the file's pieces; the bundle may be closed while they are read, and is at their end if `closing`."""
        found = os.dup(self._file.fileno())
        if closing:
            self.close()
        return _pieces(found)

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


class Bundles:
    """The bundle that waits: one, since each holds the whole record; another one takes its place."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[str, Bundle, threading.Timer] | None = None

    def keep(self, bundle: Bundle) -> dict[str, Any]:
        """Keep a bundle for a time; return its id, size and end."""
        key = secrets.token_urlsafe(16)
        timer = threading.Timer(KEPT_S, self._drop, (key,))
        timer.daemon = True
        with self._lock:
            self._let_go()
            self._kept = key, bundle, timer
        timer.start()
        until = rfc3339(datetime.now(UTC) + timedelta(seconds=KEPT_S))
        return {"id": key, "name": bundle.name, "bytes": bundle.bytes, "until": until}

    def of(self, key: str, actor: str) -> Bundle:
        """Return a bundle to the one who made it, or NotFound."""
        with self._lock:
            if self._kept is None or self._kept[0] != key or self._kept[1].actor != actor:
                raise NotFound("this bundle is gone; make it again", code="bundle_not_found")
            return self._kept[1]

    def _drop(self, key: str) -> None:
        with self._lock:
            if self._kept is not None and self._kept[0] == key:
                self._let_go()

    def _let_go(self) -> None:
        if self._kept is not None:
            _, bundle, timer = self._kept
            timer.cancel()
            bundle.close()
            self._kept = None


def _pieces(descriptor: int) -> Iterator[bytes]:
    at = 0
    try:
        while piece := os.pread(descriptor, _CHUNK_BYTES, at):
            at += len(piece)
            yield piece
    finally:
        os.close(descriptor)
