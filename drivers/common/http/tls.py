"""Verification of a device's certificate, and an operator's words for a secure connection that failed."""

import hashlib
import re
import socket
import ssl
import time
from pathlib import Path
from typing import Any

from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, InvalidInput
from devicemgr.text import safe

OTHER_CERTIFICATE = (
    "the device shows another certificate than the pinned one: it was renewed, or another machine stands in between; "
    "compare its fingerprint on the spot, then set the option tls_fingerprint"
)
UNTRUSTED = (
    "the device's certificate is not signed by a CA that is known here; pin it with the option "
    "tls_fingerprint=sha256:… after comparing it on the spot, or give tls_ca"
)
OLD_TLS = (
    "the device answers, but only with TLS that this host no longer speaks (it ended with {reason}); update its "
    "firmware, or switch TLS 1.2 or newer on in its web settings"
)
NO_TLS = "the device answers, but not with TLS: does this port speak http://? Check scheme and port of the address"
ENDS_TLS = (
    "the device takes the connection and ends it when TLS begins; restart it, switch HTTPS on in its web settings, "
    "or update its firmware"
)
_OWN_CERTIFICATE = "or give the device's own certificate as tls_ca (no name or date is checked then)"
# X.509 verification results of OpenSSL (x509_vfy.h): dates, then names.
_DATES = frozenset({9, 10, 11, 12})
_NAMES = frozenset({62, 63, 64})
# Reasons that OpenSSL gives (sslerr.h) when the peer has no protocol version, cipher, group or signature in common
# with us, or one that is too weak. Which of them, only the reason itself says.
_OLD = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "UNKNOWN_CIPHER_RETURNED",
        "WRONG_CIPHER_RETURNED",
        "NO_CIPHERS_AVAILABLE",
        "NO_PROTOCOLS_AVAILABLE",
        "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
        "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED",
        "NO_SUITABLE_SIGNATURE_ALGORITHM",
        "WRONG_SIGNATURE_TYPE",
        "DH_KEY_TOO_SMALL",
        "WRONG_CURVE",
        "UNSUPPORTED_ELLIPTIC_CURVE",
        "WRONG_SSL_VERSION",
        "VERSION_TOO_LOW",
    }
)
_NO_TLS_AT_ALL = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_MAX_FILE_BYTES = 4 << 20


class PinningContext(ssl.SSLContext):
    """TLS by a file of certificates: one that the device itself shows is a pin, any other must verify and fit its name.

    A pin is compared byte for byte, and neither its name nor its dates count: factory certificates name a serial
    number or a MAC, and begin in 1970. The first connection to such a device fails to verify and is made again.
    """

    pins: frozenset[bytes] = frozenset()
    _shows_pin = False

    def wrap_socket(  # type: ignore[override]
        self,
        sock: socket.socket,
        *,
        server_hostname: str | None = None,
        **options: Any,
    ) -> ssl.SSLSocket:
        """Return the secured socket, which may be another connection to the same peer than `sock`; within its timeout.

        Raises ssl.SSLCertVerificationError when the certificate is no pin and does not verify.
        """
        place, family, timeout = sock.getpeername(), sock.family, sock.gettimeout()
        until = None if timeout is None else time.monotonic() + timeout
        if self._shows_pin:
            secured = self._take_pinned(sock)
            if secured is not None:
                return secured
            self._shows_pin = False
            sock = _connect_again(place, family, until)
        try:
            return super().wrap_socket(sock, server_hostname=server_hostname, **options)
        except ssl.SSLCertVerificationError:
            secured = self._take_pinned(_connect_again(place, family, until))
            if secured is None:
                raise
            self._shows_pin = True
            return secured

    def _take_pinned(self, sock: socket.socket) -> ssl.SSLSocket | None:
        secured = blind_context().wrap_socket(sock)  # compared before any byte is sent
        if hashlib.sha256(secured.getpeercert(binary_form=True) or b"").digest() in self.pins:
            return secured
        secured.close()
        return None


def tls_context(fingerprint: bytes | None, ca: str) -> ssl.SSLContext:
    """Return how a certificate is verified: by its pinned fingerprint, the file `ca`, or this host's CAs."""
    if fingerprint is not None:
        return blind_context()  # the fingerprint is compared instead
    if not ca:
        return ssl.create_default_context()
    context = PinningContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(ca)
        context.pins = _certificates_of(ca)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InvalidInput("option tls_ca is no readable PEM file; check its path and rights") from error
    return context


def parse_fingerprint(text: str) -> bytes | None:
    """Return the bytes of `sha256:…`, with or without colons; None for an empty one; else InvalidInput."""
    if not text:
        return None
    digits = text.lower().removeprefix("sha256:").replace(":", "").strip()
    try:
        value = bytes.fromhex(digits)
    except ValueError:
        value = b""
    if len(value) != 32:
        raise InvalidInput("tls_fingerprint is no SHA-256 fingerprint; write sha256: and 64 hexadecimal digits")
    return value


def handshake_failure(error: BaseException) -> DeviceError:
    """Return why TLS did not come about on a connection that was there; `error` is what the handshake raised."""
    if isinstance(error, TimeoutError):
        return DeviceUnreachable("the device takes the connection and does not answer in time; check its load")
    if not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError) or "EOF" in (error.reason or ""):
        return DeviceUnreachable(ENDS_TLS)
    return DeviceRefused(_words_of(error))


def _words_of(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_words(error)
    reason = error.reason or ""
    shown = safe(reason or str(error), 60)
    if reason in _OLD:
        return OLD_TLS.format(reason=shown)
    if reason in _NO_TLS_AT_ALL:
        return NO_TLS
    if "CERTIFICATE_REQUIRED" in reason:
        return "the device asks for a certificate of this host; switch that off in its web settings"
    return f"the device answers, and TLS fails with {shown}; update its firmware"


def _certificate_words(error: ssl.SSLCertVerificationError) -> str:
    code, says = error.verify_code, safe(error.verify_message or "", 100)
    if code in _NAMES:
        return f"the device's certificate is for another name ({says}); give the name that it holds, {_OWN_CERTIFICATE}"
    if code in _DATES:
        return f"the device's certificate is out of its dates ({says}); check both clocks, renew it, {_OWN_CERTIFICATE}"
    return UNTRUSTED


def blind_context() -> ssl.SSLContext:
    """Return a context that verifies nothing: a pin is compared instead, or nothing secret is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _certificates_of(ca: str) -> frozenset[bytes]:
    with Path(ca).open(encoding="ascii", errors="replace") as file:
        text = file.read(_MAX_FILE_BYTES)
    return frozenset(hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0])).digest() for found in _PEM.finditer(text))


def _connect_again(place: Any, family: int, until: float | None) -> socket.socket:
    fresh = socket.socket(family, socket.SOCK_STREAM)
    try:
        fresh.settimeout(None if until is None else max(until - time.monotonic(), 1e-3))
        fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fresh.connect(place)
    except BaseException:
        fresh.close()
        raise
    return fresh
