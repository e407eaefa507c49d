"""The certificate that a device shows, for a person to compare on the spot before it is pinned."""

import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from devicemgr.errors import DeviceGarbled, DeviceUnreachable, InvalidInput
from devicemgr.text import rfc3339, safe

CONNECT_SECONDS = 5.0
_HTTPS_PORT = 443
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """What an address shows; `is_trusted` where a CA that this host knows signed it for this name."""

    address: str
    fingerprint: str
    subject: str
    issuer: str
    valid_from: datetime
    valid_to: datetime
    is_trusted: bool

    def as_json(self) -> dict[str, Any]:
        """For the API."""
        return {
            "address": self.address,
            "fingerprint": self.fingerprint,
            "subject": self.subject,
            "issuer": self.issuer,
            "valid_from": rfc3339(self.valid_from),
            "valid_to": rfc3339(self.valid_to),
            "trusted": self.is_trusted,
        }


def shown_by(address: str) -> Shown:
    """Connect with TLS, read the certificate and hang up; nothing else is sent.

    InvalidInput for an address without TLS, DeviceUnreachable when no one answers there.
    """
    host, port = _place(address)
    content, is_trusted = _read(host, port, verify=True), True
    if content is None:
        content, is_trusted = _read(host, port, verify=False), False
    try:
        found = x509.load_der_x509_certificate(content or b"")
        subject, issuer = (safe(name.rfc4514_string(), _MAX_NAME) for name in (found.subject, found.issuer))
        begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    except ValueError as error:
        raise DeviceGarbled("what it shows is no certificate; make it a new one in its web settings") from error
    digest = found.fingerprint(hashes.SHA256())
    return Shown(address, f"sha256:{digest.hex(':').upper()}", subject, issuer, begins, ends, is_trusted)


def _place(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or _HTTPS_PORT
    except ValueError:
        host, port = None, 0
    if not host or parts.scheme != "https":
        raise InvalidInput("only an address that begins with https:// shows a certificate, such as https://192.0.2.64")
    return host, port


def _read(host: str, port: int, *, verify: bool) -> bytes | None:
    """Return the certificate in DER; None where it does not verify."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), CONNECT_SECONDS) as line,
            context.wrap_socket(line, server_hostname=host) as secured,
        ):
            return secured.getpeercert(binary_form=True)
    except ssl.SSLCertVerificationError:
        return None
    except ssl.SSLError as error:
        reason = safe(error.reason or "no reason given", 60)
        raise DeviceGarbled(f"it answers, but not with TLS that this host speaks ({reason}); check the port") from error
    except OSError as error:
        cause = error.strerror or "no answer"
        raise DeviceUnreachable(f"nothing answers at {safe(host, 100)}:{port} ({cause}); check the address") from error
