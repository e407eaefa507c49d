"""Make the picture of a plan safe to store and show, in a process of its own with limits of time and memory.

A hostile file can take gigabytes or seconds, or crash a decoder, which in the daemon would hold up the gates. The
child's standard input is the file; its output is one line of JSON and the clean picture.
"""

import hashlib
import json
import os
import resource
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

from devicemgr.errors import InvalidInput, TooManyTries

MAX_BYTES = 8 * 1024 * 1024

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
_MODULE = "devicemgr.site.plans.picture"
_MAX_SECONDS = 60.0
_MAX_MEMORY_BYTES = 2 * 1024**3
_NICENESS = 10
_WAIT_S = 20.0
# Each may take all of that memory. A semaphore: this is no lock that another one stands behind.
_one_at_a_time = threading.BoundedSemaphore()
_TOO_MUCH = "the picture takes too long or too much memory to read; make it smaller"


@dataclass(frozen=True, slots=True)
class Picture:
    """A clean picture; `given` is the digest (SHA-256, in hex) of the file that it was made of."""

    content: bytes
    media: str
    width: int
    height: int
    given: str

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the clean picture, in hex."""
        return digest_of(self.content)


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a file, in hex."""
    return hashlib.sha256(content).hexdigest()


def media_of(content: bytes) -> str:
    """Return the type of a picture by its first bytes; what is none of those with such bytes counts as SVG."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return "image/svg+xml"


def clean_picture(content: bytes) -> Picture:
    """Return the clean picture of a file; InvalidInput for another kind of file, or one that takes too much."""
    if not content:
        raise InvalidInput("the picture is empty; send PNG, JPEG, WebP or SVG")
    if len(content) > MAX_BYTES:
        raise InvalidInput("the picture is over 8 MB; make it smaller")
    media = media_of(content)
    try:
        ran = _in_child(content, media)
        line, _, clean = ran.stdout.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise InvalidInput(_TOO_MUCH) from error
    if "refused" in found:
        raise InvalidInput(found["refused"])
    if found["size"] != len(clean):
        raise InvalidInput(_TOO_MUCH)
    return Picture(clean, media, found["width"], found["height"], digest_of(content))


def _in_child(content: bytes, media: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-P", "-m", _MODULE, media]
    if not _one_at_a_time.acquire(timeout=_WAIT_S):
        raise TooManyTries("another picture is being read; try again in a minute")
    try:
        return subprocess.run(  # noqa: S603  our own interpreter and module
            command, input=content, capture_output=True, check=False, timeout=_MAX_SECONDS
        )
    finally:
        _one_at_a_time.release()


def main() -> None:
    """Read the file from standard input and write the clean picture, or why there is none."""
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    content, clean = sys.stdin.buffer.read(MAX_BYTES + 1), b""
    try:
        clean, width, height = clean_here(content, sys.argv[1])
        answer: dict[str, Any] = {"width": width, "height": height, "size": len(clean)}
    except InvalidInput as error:
        answer = {"refused": str(error)}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + clean)


def clean_here(content: bytes, media: str) -> tuple[bytes, int, int]:
    """Return the clean picture with its width and height; the child's work."""
    if media in _FORMATS:
        from devicemgr.site.plans.raster import reencoded  # noqa: PLC0415 - the daemon decodes no pictures

        return reencoded(content, _FORMATS[media])
    from devicemgr.site.plans.svg import reduced  # noqa: PLC0415 - nor does it parse drawings

    return reduced(content)


if __name__ == "__main__":
    main()
