"""Connect to a server that a caller names, and to no other: its name is resolved once, and all of its addresses judged.

The connection goes to one of exactly the addresses that were judged (`domain.rules.outgoing.addresses`). One deadline
holds for all of it, however slowly the server answers.
"""

import contextlib
import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devicemgr.domain.rules.outgoing.addresses import is_of_this_computer, why_not_call
from devicemgr.errors import InvalidInput, SourceUnreachable
from devicemgr.text import safe

MAX_PEM_CHARS = 64 * 1024

_OTHER_NAME = "it is for another name; give the address by the name that it is for"
# X509_V_ERR_… of OpenSSL's x509_vfy.h: CERT_NOT_YET_VALID, CERT_HAS_EXPIRED, HOSTNAME_ and IP_ADDRESS_MISMATCH.
_CAUSES = {
    9: "it is not valid yet; check the clock of this computer",
    10: "it has expired; it must be renewed on that server",
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}


Began = Callable[[socket.socket], object]
"""Called with each socket before it connects, and again once it speaks TLS: closing that ends the attempt."""


@dataclass(frozen=True, slots=True)
class Place:
    """A server: host and port, whether it speaks TLS, and the certificates (PEM) to trust instead of the system's.

    `allow_private` admits addresses within this computer and the local network.
    """

    host: str
    port: int
    is_tls: bool = True
    tls_ca: str = ""
    allow_private: bool = False


def connected(place: Place, deadline: float, *, is_here: bool = True, began: Began | None = None) -> socket.socket:
    """Return a connection to one of the judged addresses; TimeoutError at `deadline`, a CLOCK_MONOTONIC second.

    SourceUnreachable if one of them is never called or there is none, OSError or ssl.SSLError when no one answers.
    Unless `is_here`, no name may lead to this computer itself, also where private addresses are allowed.
    """
    failure: OSError | None = None
    addresses = judged_addresses(place, deadline, is_here=is_here)
    for number, address in enumerate(addresses):
        line = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        try:
            if began:
                began(line)
            # One that drops what is sent to it, such as IPv6 that leads nowhere, leaves time for the others.
            line.settimeout(left_until(deadline) / (len(addresses) - number))
            line.connect(address)
            return secured(line, place, deadline, began=began) if place.is_tls else line
        except ssl.SSLError:
            line.close()
            raise
        except OSError as error:
            line.close()
            failure = error
    raise failure or SourceUnreachable(f"{place.host} has no address")


def judged_addresses(place: Place, deadline: float, *, is_here: bool = True) -> list[Any]:
    """Return the socket addresses of a server, which may be called; SourceUnreachable, as `connected`, if one may not.

    `is_here` as in `connected`.
    """
    addresses = _resolve(place.host, place.port, deadline)
    if not addresses:
        raise SourceUnreachable(f"{place.host} has no address")
    for address in addresses:
        if why := why_not_call(address[0], allow_private=place.allow_private):
            raise SourceUnreachable(f"{place.host} is not called: {why}")
        if not is_here and is_of_this_computer(address[0]):
            raise SourceUnreachable(f"{place.host} is not called: its name leads to this computer itself")
    return addresses


class _TlsLine(ssl.SSLSocket):
    """Closes itself where the peer has reset the connection before TLS began: then wrap_socket gives it to no one."""

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self.close()


def secured(line: socket.socket, place: Place, deadline: float, *, began: Began | None = None) -> ssl.SSLSocket:
    """Begin TLS on a connection; ssl.SSLCertVerificationError for a server that is not `place.host`."""
    wrapped = tls_context(place.tls_ca).wrap_socket(line, server_hostname=place.host, do_handshake_on_connect=False)
    try:
        if began:
            began(wrapped)
        wrapped.settimeout(left_until(deadline))
        wrapped.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return wrapped


def why_not_trusted(host: str, error: ssl.SSLCertVerificationError) -> str:
    """Return in one line why a server's certificate is refused, and what to do."""
    why = _CAUSES.get(error.verify_code, f"{safe(error.verify_message, 100)}; give the file of its CA")
    return f"the certificate of {host} is not trusted: {why}"


def tls_context(certificates: str) -> ssl.SSLContext:
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
    context.sslsocket_class = _TlsLine
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
        found = answers.get(timeout=left_until(deadline))
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(found, OSError):
        raise SourceUnreachable(f"{host} has no address that can be found; check the name and this computer's network")
    return found


def left_until(deadline: float) -> float:
    """Return how many seconds are left; TimeoutError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class Received(io.RawIOBase):
    """What arrives on a connection, up to a number of bytes and a deadline for all of it."""

    def __init__(self, line: socket.socket, max_bytes: int, deadline: float) -> None:
        self._line, self._room, self._deadline = line, max_bytes, deadline

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive into a buffer, within what is left of the time."""
        self._line.settimeout(left_until(self._deadline))
        count = self._line.recv_into(buffer)
        self._room -= count
        if self._room < 0:
            raise OSError("it sends too much")
        return count


@dataclass(frozen=True, slots=True)
class Stream:
    """What HTTPResponse takes for a socket."""

    stream: "io.BufferedReader[Any]"

    def makefile(self, _: str) -> "io.BufferedReader[Any]":
        """Return the stream."""
        return self.stream
