"""Download a small document from a URL that a caller gives, without being led elsewhere by it or by its server.

Nothing but https (or, where it is stated, http) is spoken. The name is resolved once, all of its addresses are judged
(`domain.rules.outgoing_addresses`), and the connection goes to one of exactly these. Redirects are not followed, no
proxy of the environment is used, and one deadline holds for everything, however slowly the server sends.
"""

import http.client
import io
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from devicemgr import __version__
from devicemgr.domain.rules.outgoing_addresses import why_not_call
from devicemgr.errors import InvalidInput, SourceUnreachable
from devicemgr.text import safe

MAX_URL_CHARS = 2000
MAX_PEM_CHARS = 64 * 1024
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
        _tls_of(target.tls_ca)
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
        with _connected(checked, deadline) as line:
            return _exchange(line, checked, max_bytes, validators or {}, deadline)
    except TimeoutError as error:
        raise SourceUnreachable(f"{checked.host} did not answer in full within {deadline_s:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise SourceUnreachable(
            f"the certificate of {checked.host} is not trusted ({safe(error.verify_message, 100)}); "
            "give the file of its CA"
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise SourceUnreachable(f"{checked.host} can't be read: {safe(str(why), 100)}") from error


def _connected(target: Target, deadline: float) -> socket.socket:
    """Return a connection to one of the judged addresses; SourceUnreachable if one of them is never called."""
    parts = urlsplit(target.url)
    host, port = target.host, parts.port or _PORTS[parts.scheme]
    addresses = _resolve(host, port, deadline)
    for address in addresses:
        if why := why_not_call(address[0], allow_private=target.allow_private):
            raise SourceUnreachable(f"{host} is not called: {why}")
    failure: OSError | None = None
    for address in addresses:
        line = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        try:
            line.settimeout(_left(deadline))
            line.connect(address)
            return line if parts.scheme == "http" else _secured(line, target, deadline)
        except ssl.SSLError:
            line.close()
            raise
        except OSError as error:
            line.close()
            failure = error
    raise failure or SourceUnreachable(f"{host} has no address")


def _secured(line: socket.socket, target: Target, deadline: float) -> ssl.SSLSocket:
    wrapped = _tls_of(target.tls_ca).wrap_socket(line, server_hostname=target.host, do_handshake_on_connect=False)
    try:
        wrapped.settimeout(_left(deadline))
        wrapped.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return wrapped


def _tls_of(certificates: str) -> ssl.SSLContext:
    """Return a context that checks name and certificate, by these certificates or the system's."""
    if len(certificates) > MAX_PEM_CHARS:
        raise InvalidInput("the file of CA certificates is too large; give the one of this server's CA")
    try:
        context = ssl.create_default_context(cadata=certificates or None)
    except (ValueError, ssl.SSLError) as error:
        raise InvalidInput(
            "the file of CA certificates is no PEM; give one that begins with BEGIN CERTIFICATE"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _resolve(host: str, port: int, deadline: float) -> list[Any]:
    """Return the socket addresses of a name; a name server that does not answer is left behind at the deadline."""
    answers: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([entry[4] for entry in found if entry[0] in (socket.AF_INET, socket.AF_INET6)])
        except OSError as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answers.get(timeout=_left(deadline))
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(found, OSError):
        raise SourceUnreachable(f"{host} has no address that can be found; check the name and this computer's network")
    return found


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
    line.settimeout(_left(deadline))
    line.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    with io.BufferedReader(_Received(line, max_bytes + _MAX_HEAD_BYTES, deadline)) as stream:
        response = http.client.HTTPResponse(_Stream(stream), method="GET")  # type: ignore[arg-type]
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


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Received(io.RawIOBase):
    """What arrives on a connection, up to a number of bytes and a deadline for all of it."""

    def __init__(self, line: socket.socket, max_bytes: int, deadline: float) -> None:
        self._line, self._room, self._deadline = line, max_bytes, deadline

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive into a buffer, within what is left of the time."""
        self._line.settimeout(_left(self._deadline))
        count = self._line.recv_into(buffer)
        self._room -= count
        if self._room < 0:
            raise OSError("it sends too much")
        return count


@dataclass(frozen=True, slots=True)
class _Stream:
    """What HTTPResponse takes for a socket."""

    stream: io.BufferedReader

    def makefile(self, _: str) -> io.BufferedReader:
        """Return the stream."""
        return self.stream
