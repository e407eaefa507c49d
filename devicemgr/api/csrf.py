"""What a browser could be misused for, refused over TCP: foreign hosts and origins, missing CSRF tokens."""

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.types import Message, Scope, Send

from devicemgr.errors import Hint, Misdirected, NotAllowed
from devicemgr.security.sessions import csrf_of

DOOR = "devicemgr.door"
MAX_COOKIE_SECONDS = 400 * 86_400.0
"""Browsers keep no cookie for longer (RFC 6265bis)."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}
_ONE_YEAR = (b"strict-transport-security", b"max-age=31536000")


@dataclass(frozen=True, slots=True)
class Door:
    """A TCP listener: the names that requests may give it, lower case, and whether it speaks TLS."""

    hosts: frozenset[str]
    tls: bool

    @property
    def cookie(self) -> str:
        """The session cookie's name; __Host- binds it to this very host (RFC 6265bis)."""
        return "__Host-devicemgr" if self.tls else "devicemgr"

    def set_cookie(self, secret: str, seconds: float | None = None) -> str:
        """Return the header that keeps the session in a browser, or with an empty secret ends it.

        With `seconds` the browser keeps it for so long, over its own restarts too.
        """
        kept = f"; Max-Age={int(min(seconds, MAX_COOKIE_SECONDS))}" if seconds is not None else ""
        ending = kept if secret else "; Max-Age=0"
        return f"{self.cookie}={secret}; Path=/; HttpOnly; SameSite=Strict{'; Secure' if self.tls else ''}{ending}"


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the request's headers by lower-case name; one that comes twice is joined, and so fits nothing."""
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        found[name] = f"{found[name]}, {value.decode('latin-1')}" if name in found else value.decode("latin-1")
    return found


def check_host(door: Door, scope: Scope, headers: Mapping[str, str]) -> None:
    """Misdirected for a host that is not ours (DNS rebinding)."""
    if not _is_ours(door, scope, headers.get("host", "")):
        raise Misdirected("this name is not the daemon's", hint=Hint("allow_host"))


def check_origin(door: Door, scope: Scope, headers: Mapping[str, str]) -> None:
    """Misdirected for a host that is not ours (DNS rebinding), NotAllowed for a page of another site."""
    check_host(door, scope, headers)
    host = headers.get("host", "")
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"{'https' if door.tls else 'http'}://{host.lower()}":
        raise NotAllowed("the request comes from a page of another site")
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise NotAllowed("the request comes from a page of another site")


def _is_ours(door: Door, scope: Scope, host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in door.hosts or f"*.{name.partition('.')[2]}" in door.hosts:
        return True
    here = scope["server"][0] if scope.get("server") else ""
    try:  # the very address that was connected to is no name that anybody else could have pointed here
        return ipaddress.ip_address(name) == ipaddress.ip_address(here)
    except ValueError:
        return False


def session_cookie(door: Door, headers: Mapping[str, str]) -> str | None:
    """Return the session's secret id, if the browser sent one."""
    try:
        found = SimpleCookie(headers.get("cookie", "")[:4096]).get(door.cookie)
    except CookieError:
        return None
    return found.value if found else None


def bearer(headers: Mapping[str, str]) -> str | None:
    """Return the API token, if one was sent; another scheme counts as a wrong one."""
    given = headers.get("authorization")
    if given is None:
        return None
    scheme, _, token = given.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def check_csrf(method: str, secret: str, headers: Mapping[str, str]) -> None:
    """NotAllowed for a change without the session's own token."""
    sent = headers.get("x-csrf-token", "").encode()
    if method not in SAFE_METHODS and not hmac.compare_digest(sent, csrf_of(secret).encode()):
        raise NotAllowed("the X-CSRF-Token is missing or not this session's; GET /api/v1/session tells it")


def with_headers(send: Send, door: Door | None) -> Send:
    """`send` that adds the security headers to each answer."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            more = [(name, value) for name, value in _HEADERS.items() if name not in present]
            message["headers"] = [*message["headers"], *more, *([_ONE_YEAR] if door and door.tls else [])]
        await send(message)

    return sending
