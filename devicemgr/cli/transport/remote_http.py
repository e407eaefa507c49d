"""HTTP to the daemon of another computer, with an API token, by the standard library (see `unix_http`)."""

import http.client
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from devicemgr.cli.transport.unix_http import Request, Response, exchange
from devicemgr.errors import DaemonUnreachable, InvalidInput
from devicemgr.store.ledger.sudo_claim import HEADER as SUDO_HEADER

_MAX_TOKEN_BYTES = 1000
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class RemoteDaemon:
    """Where another daemon's API is: `https://host[:port]`, the file of an API token, and the CA of its certificate."""

    url: str
    token_file: str | None = None
    tls_ca: str | None = None


class RemoteTransport:
    """Sends each request on a connection of its own, so that threads can share it; follows no redirect."""

    def __init__(self, remote: RemoteDaemon) -> None:
        """Read the token and check the address; InvalidInput says what is wrong with either."""
        parts = urlsplit(remote.url if "://" in remote.url else f"https://{remote.url}")
        try:
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise InvalidInput(f"--host {remote.url}: {error}") from error
        if parts.scheme not in ("http", "https") or not host or parts.path.strip("/") or parts.username is not None:
            raise InvalidInput("--host wants the address of another daemon, as https://gates.example.org:8443")
        if parts.scheme == "http" and host not in _LOOPBACK:
            raise InvalidInput("over http the network could read the API token: give --host an https:// address")
        self._place = f"{parts.scheme}://{parts.netloc}"
        self._host, self._port = host, port or (443 if parts.scheme == "https" else 80)
        self._tls = _trusting(remote.tls_ca) if parts.scheme == "https" else None
        self._token = _read_token(remote.token_file)

    @contextmanager
    def send(self, request: Request) -> Iterator[Response]:
        """Send `request`, and give the response while its connection is open; DaemonUnreachable without one."""
        # Who calls is what the token says; a claim about this computer's users means nothing to another one.
        kept = {name: value for name, value in request.headers.items() if name != SUDO_HEADER}
        request = replace(request, headers=kept | {"Authorization": f"Bearer {self._token}"})
        with exchange(self._connected(request.timeout), request) as response:
            yield response

    def _connected(self, timeout: float | None) -> http.client.HTTPConnection:
        connection = self._connection(timeout)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            raise DaemonUnreachable(
                f"the certificate of {self._place} is not trusted ({error.verify_message}): give the file of its CA "
                "with --tls-ca, or call it by a name in the certificate"
            ) from error
        except OSError as error:
            raise DaemonUnreachable(
                f"no connection to {self._place}: {error.strerror or error}; does its daemon run with --listen?"
            ) from error
        return connection

    def _connection(self, timeout: float | None) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls)


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInput(f"--tls-ca {ca_file} is no readable PEM certificate: {error.strerror or error}") from error


def _read_token(file: str | None) -> str:
    if not file:
        raise InvalidInput("--host needs --token-file FILE, with a token made by `devicemgr operator token`")
    try:
        with Path(file).open("rb") as opened:
            if os.fstat(opened.fileno()).st_mode & 0o007:
                raise InvalidInput(f"every user of this computer can read {file}: chmod 600 it")
            text = opened.read(_MAX_TOKEN_BYTES).decode("ascii").strip()
    except OSError as error:
        raise InvalidInput(f"--token-file {file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} holds no API token") from error
    if not text or not text.isprintable() or " " in text:
        raise InvalidInput(f"{file} holds no API token")
    return text
