"""Download a small document from a URL that a caller gives, without being led elsewhere by it or by its server.

Nothing but https (or, where it is stated, http) is spoken. The name is resolved once, all of its addresses are judged
(`domain.rules.outgoing.addresses`), and the connection goes to one of exactly these. Redirects are not followed, no
proxy of the environment is used, and one deadline holds for everything, however slowly the server sends.
"""

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from devicemgr import __version__
from devicemgr.errors import InvalidInput, SourceUnreachable
from devicemgr.outgoing.connection import Place, Received, Stream, connected, left_until, tls_context, why_not_trusted
from devicemgr.text import safe

MAX_URL_CHARS = 2000
DEADLINE_S = 20.0

_MAX_HEAD_BYTES = 64 * 1024
_PORTS = {"https": 443, "http": 80}
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")
_KEPT_IN_PATHS = "%/:=&?~+!$,;'@()*[]"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to download from; `tls_ca` are certificates (PEM) to trust instead of the system's."""

    url: str
    tls_ca: str = ""
    allow_private: bool = False
    insecure: bool = False

    @property
    def host(self) -> str:
        """Return the host, without path and query, which may hold a secret."""
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: 200 with a body, or 304 without; the headers by which it knows this version again."""

    status: int
    body: bytes
    validators: Mapping[str, str]


def checked_target(target: Target) -> Target:
    """Return a target with its URL in normal form; InvalidInput for what is never called. Resolves no name."""
    url = target.url.strip()
    if len(url) > MAX_URL_CHARS or _UNPRINTABLE.search(url):
        raise InvalidInput(f"an address has up to {MAX_URL_CHARS} characters without spaces; give it as the site does")
    # Calendars are often offered under this scheme, which means the same file by https.
    url = re.sub(r"^webcals?://", "https://", url, flags=re.IGNORECASE)
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except ValueError as error:
        raise InvalidInput(f"the address '{safe(url, 80)}' is no URL; give one like https://…/holidays.ics") from error
    if parts.scheme not in _PORTS or not host:
        raise InvalidInput(f"the address '{safe(url, 80)}' is no URL; give one like https://…/holidays.ics")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("no password belongs into an address; give one that needs none")
    if parts.scheme == "http" and not target.insecure:
        raise InvalidInput(
            "http proves nothing of who answers: give an https address, or state that it may be insecure"
        )
    if target.tls_ca:
        tls_context(target.tls_ca)
    place = f"[{host}]" if ":" in host else host
    place += f":{port}" if port not in (None, _PORTS[parts.scheme]) else ""
    path = quote(parts.path or "/", safe=_KEPT_IN_PATHS)
    query = f"?{quote(parts.query, safe=_KEPT_IN_PATHS)}" if parts.query else ""
    return Target(f"{parts.scheme}://{place}{path}{query}", target.tls_ca, target.allow_private, target.insecure)


def download(
    target: Target, max_bytes: int, validators: Mapping[str, str] | None = None, deadline_s: float = DEADLINE_S
) -> Answer:
    """Return what the server answers; SourceUnreachable when it can't be reached, is not trusted or gives no document.

    `validators` of an earlier answer let it say that nothing has changed (304).
    """
    checked = checked_target(target)
    deadline = time.monotonic() + deadline_s
    try:
        with connected(_place(checked), deadline) as line:
            return _exchange(line, checked, max_bytes, validators or {}, deadline)
    except TimeoutError as error:
        raise SourceUnreachable(f"{checked.host} did not answer in full within {deadline_s:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise SourceUnreachable(why_not_trusted(checked.host, error)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise SourceUnreachable(f"{checked.host} can't be read: {safe(str(why), 100)}") from error


def _place(target: Target) -> Place:
    parts = urlsplit(target.url)
    port = parts.port or _PORTS[parts.scheme]
    return Place(target.host, port, parts.scheme == "https", target.tls_ca, target.allow_private)


def _exchange(
    line: socket.socket, target: Target, max_bytes: int, validators: Mapping[str, str], deadline: float
) -> Answer:
    parts = urlsplit(target.url)
    headers = {
        "Host": parts.netloc,
        "User-Agent": f"devicemgr/{__version__}",
        "Accept": "text/calendar, */*;q=0.5",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **{_CONDITIONS[name]: value for name, value in validators.items() if name in _CONDITIONS},
    }
    lines = [f"GET {parts.path}{'?' if parts.query else ''}{parts.query} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    line.settimeout(left_until(deadline))
    line.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    with io.BufferedReader(Received(line, max_bytes + _MAX_HEAD_BYTES, deadline)) as stream:
        response = http.client.HTTPResponse(Stream(stream), method="GET")  # type: ignore[arg-type]
        response.begin()
        return _answer(response, target, max_bytes, has_validators=bool(validators))


# The header of an answer, and the one of a request by which it asks for a newer version only.
_CONDITIONS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
_MAX_VALIDATOR_CHARS = 300


def _answer(response: http.client.HTTPResponse, target: Target, max_bytes: int, *, has_validators: bool) -> Answer:
    status = response.status
    validators = {
        name: value
        for name in _CONDITIONS
        if (value := response.headers.get(name, "")) and len(value) <= _MAX_VALIDATOR_CHARS and value.isprintable()
    }
    if status == http.HTTPStatus.NOT_MODIFIED and has_validators:
        return Answer(status, b"", validators)
    if 300 <= status < 400:  # 304 too: no request of ours is conditional
        raise SourceUnreachable(f"{target.host} redirects to another address, which is not followed; give that one")
    if status != http.HTTPStatus.OK:
        raise SourceUnreachable(f"{target.host} answered {status}; check the address")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise SourceUnreachable(f"{target.host} sends a compressed file, which was not requested")
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise SourceUnreachable(f"the file of {target.host} is over {max_bytes // 2**20} MB")
    if response.length:
        raise http.client.IncompleteRead(body)
    return Answer(status, body, validators)
