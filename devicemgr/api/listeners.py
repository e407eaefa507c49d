"""Where the API listens besides its socket: on this box alone, unless a certificate is given."""

import ipaddress
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from devicemgr.api.csrf import Door
from devicemgr.errors import Hint, InvalidInput, SystemFault


@dataclass(frozen=True, slots=True)
class Listen:
    """An address of this box, the certificate's files, and the names that requests may give it."""

    host: str
    port: int
    cert: Path | None
    key: Path | None
    door: Door

    def bind(self) -> socket.socket:
        """Return the listening socket; SystemFault when it is taken or not of this box."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            line.bind((self.host, self.port))
            line.listen(128)
        except OSError as error:
            line.close()
            raise SystemFault(
                f"cannot listen on {self.host} port {self.port} ({error.strerror}); choose another address or port"
            ) from error
        return line


def read(listen: str, cert: Path | None, key: Path | None, allowed: Sequence[str]) -> Listen:
    """From the options of `run`; InvalidInput for an open address without a certificate, or a certificate unfit."""
    host, port = _address(listen)
    if (cert is None) != (key is None):
        raise InvalidInput("a certificate needs its key, and a key its certificate", hint=Hint("pass_certificate"))
    found = ipaddress.ip_address(host)
    if cert is None and not found.is_loopback:
        raise InvalidInput(
            f"{host} can be reached from the network, so passwords would be readable there; listen on 127.0.0.1, or "
            "with a certificate",
            hint=Hint("pass_certificate"),
        )
    names = {name.strip().lower() for name in allowed if name.strip()}
    if found.is_loopback:
        names |= {"localhost", "127.0.0.1", "::1"}
    if cert and key:
        names |= _certified(cert, key)
    return Listen(host, port, cert, key, Door(frozenset(names), tls=cert is not None))


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    host = "127.0.0.1" if host == "localhost" else host
    try:
        if not (port.isascii() and port.isdigit() and int(port) <= 65535):
            raise ValueError(port)
        return str(ipaddress.ip_address(host)), int(port)
    except ValueError:
        raise InvalidInput(
            "the daemon listens on an address of this box and a port, such as 127.0.0.1:8443 or [::]:8443"
        ) from None


def _certified(cert: Path, key: Path) -> set[str]:
    """Return the certificate's names, after trying that it opens with its key and that the key is not everybody's."""
    try:
        if os.stat(key).st_mode & 0o007:
            raise InvalidInput(f"the TLS key {key} is open to other users; run: chmod o= {key}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key, password=lambda: "")
        found = x509.load_pem_x509_certificate(cert.read_bytes())
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InvalidInput(
            f"the certificate {cert} with the key {key} can't be used ({error}); both are PEM files, the key without "
            "a passphrase"
        ) from error
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    dns = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    return {*dns, *(str(address) for address in names.get_values_for_type(x509.IPAddress))}
