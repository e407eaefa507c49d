"""Anchors: places outside the home that are sent each seal, and remember it when database and keys do not.

An anchor is `file:/PATH`, `syslog:` or a URL. The site's settings name them, so nothing here trusts what they say: a
URL is parsed by the library that opens it, and a file is written only outside the home, and only if it is new, empty
or ends in a seal.
"""

import contextlib
import json
import logging
import os
import stat
import syslog
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from devicemgr.domain.anchor_address import parse
from devicemgr.domain.ledger_seals import Seal
from devicemgr.errors import InvalidInput, StorageFailed

log = logging.getLogger(__name__)

_REQUEST_TIMEOUT_S = 5.0

_MAX_LINE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Remembered:
    """A seal as an anchor's file holds it, and the public root of the chain of seals that it belongs to."""

    root: str
    seal: Seal


def require_outside(anchors: tuple[str, ...], home: Path) -> None:
    """Raise InvalidInput for an anchor within the home: putting that back to an older state would take both along."""
    for text in anchors:
        path = parse(text).path
        if path is not None and _is_within(Path(os.path.realpath(path)), home):
            raise InvalidInput(f"the anchor {text} lies in the home folder; name a file in another place")


def _is_within(path: Path, home: Path) -> bool:
    return path.is_relative_to(os.path.realpath(home))


def send(text: str, root: str, seal: Seal, home: Path) -> None:
    """Send a seal to one anchor; a failure is logged, and the next seal is tried again."""
    line = json.dumps(seal.as_json() | {"root": root}, separators=(",", ":"))
    try:
        anchor = parse(text)
        if anchor.path is not None:
            _append(anchor.path, line, home)
        elif anchor.url is not None:
            httpx.post(anchor.url, content=line, timeout=_REQUEST_TIMEOUT_S, trust_env=False).raise_for_status()
        else:
            syslog.syslog(syslog.LOG_NOTICE | syslog.LOG_AUTHPRIV, f"devicemgr seal {line}")
    except StorageFailed as error:
        log.error("Failed to write the seal to its anchor: %s", error)
    except (OSError, httpx.HTTPError, ValueError) as error:
        log.error("Failed to send the seal to %s: %s", text.partition(":")[0], type(error).__name__)


def _append(path: Path, line: str, home: Path) -> None:
    with _opened_outside(path, home) as descriptor:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise StorageFailed(f"{path} is no plain file; name another file as the anchor")
        end = os.pread(descriptor, _MAX_LINE_BYTES, max(0, found.st_size - _MAX_LINE_BYTES))
        whole, newline, torn = end.rpartition(b"\n")
        if end and (not newline or _read_line(whole.rpartition(b"\n")[2]) is None):
            raise StorageFailed(f"{path} holds something else than seals; name a new file as the anchor")
        # A line that a power cut has torn stays alone on its line.
        os.write(descriptor, (b"\n" if torn else b"") + line.encode() + b"\n")
        os.fsync(descriptor)


@contextlib.contextmanager
def _opened_outside(path: Path, home: Path) -> Iterator[int]:
    """Open the file, made when absent, by way of its folder, so that no link leads into the home in between."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _is_within(Path(os.readlink(f"/proc/self/fd/{folder}")), home):
            raise StorageFailed(f"{path} lies in the home folder; name a file in another place as the anchor")
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path.name, flags, 0o644, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read(path: Path) -> Iterator[Remembered]:
    """Yield what an anchor's file remembers, in order; StorageFailed when it is gone or ends in something else.

    Lines that are no seals are left out: a power cut may have torn one.
    """
    found = None
    try:
        with path.open("rb") as file:
            for line in file:
                found = _read_line(line)
                if found is not None:
                    yield found
    except OSError as error:
        raise StorageFailed(f"cannot read the anchor {path} ({error.strerror}); put its file back") from error
    if found is None:
        raise StorageFailed(f"{path} holds no seal at its end; put back the file that `anchors` of the site names")


def newest(path: Path) -> Remembered:
    """Return the last seal of an anchor's file, without reading all of it; StorageFailed where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * _MAX_LINE_BYTES))
            lines = file.read().splitlines()
    except OSError as error:
        raise StorageFailed(f"cannot read the anchor {path} ({error.strerror}); put its file back") from error
    found = next((one for one in map(_read_line, reversed(lines)) if one is not None), None)
    if found is None:
        raise StorageFailed(f"{path} holds no seal at its end; put back the file that `anchors` of the site names")
    return found


def _read_line(line: bytes) -> Remembered | None:
    try:
        fields = json.loads(line)
        root = fields.pop("root")
        seal = Seal(**fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    texts = (root, seal.head, seal.time, seal.next_key, seal.signature)
    known = all(isinstance(text, str) for text in texts) and type(seal.number) is type(seal.seq) is int
    return Remembered(root, seal) if known else None
