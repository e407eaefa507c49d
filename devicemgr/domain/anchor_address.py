"""Addresses of anchors: `file:/PATH`, `syslog:` or a URL, parsed by the library that opens it. No I/O."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import httpx

_MAX_LENGTH = 1000

_ADVICE = "an anchor is file:/PATH, syslog: or https://HOST/…"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place to send seals to: `path` of a file, `url`, or neither for the system's log."""

    path: Path | None = None
    url: str | None = None


def parse(text: str) -> Anchor:
    """Return the anchor that a setting names; ValueError, with advice, for anything else."""
    if not text.isprintable() or len(text) > _MAX_LENGTH:
        raise ValueError(f"{_ADVICE}, in printable characters")
    scheme, _, rest = text.partition(":")
    if text == "syslog:":
        return Anchor()
    if scheme == "file":
        return Anchor(path=_path(rest))
    return Anchor(url=_checked_url(text))


def _path(rest: str) -> Path:
    host, slash, path = rest[2:].partition("/") if rest.startswith("//") else ("", "/", rest.removeprefix("/"))
    if host or not slash or not rest.startswith("/") or not path.strip("/") or rest.endswith("/"):
        raise ValueError("an anchor's file is written file:/PATH, the whole path of a file on this box")
    return Path("/" + path.lstrip("/"))


def _checked_url(text: str) -> str:
    try:
        url = httpx.URL(text)  # as it will be opened: two parsers may find two hosts in one text
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError(_ADVICE) from error
    if (
        "\\" in text
        or " " in text
        or url.scheme not in ("http", "https")
        or not url.host
        or not 0 < (url.port or 443) < 65536
    ):
        raise ValueError(_ADVICE)
    if url.userinfo:
        raise ValueError("no user name or password belongs into an anchor's address")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ValueError("an anchor on another computer is reached by https; http is for 127.0.0.1 and [::1]")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
