"""A channel to a receiver of syslog: RFC 5425 over TLS, RFC 6587 over TCP, RFC 5426 over UDP.

On a connection each message has its length in front (RFC 5425, 4.3, and RFC 6587, 3.4.1), so that a line break within
one is no end of it. A receiver never answers: see `stream` for when an event counts as arrived. Over UDP there is no
way to know.
"""

import os
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from devicemgr.errors import DevicemgrError
from devicemgr.outgoing.connection import judged_addresses, left_until
from devicemgr.outlets.sender import Event, Undelivered
from devicemgr.outlets.syslog import cef, rfc5424
from devicemgr.outlets.syslog.stream import Stream
from devicemgr.outlets.syslog.texts import Origin
from devicemgr.site.outlets.fields import OutletFields, is_loopback, place_of
from devicemgr.text import rfc3339, safe

DEADLINE_S = 10.0
MAX_MESSAGE_BYTES = 8192
"""What rsyslog takes of a message unless its maxMessageSize says otherwise; RFC 5425 wants 2048 at least."""
MAX_DATAGRAM_BYTES = 1180
"""RFC 5426, 3.2: what fits the smallest IPv6 packet, so that no datagram travels in pieces."""
UDP = "syslog+udp"
_BATCH = 50
_TEST: Mapping[str, Any] = {"kind": "test"}


class Syslog:
    """A channel to one receiver; see `sender.Sender` and `sender.SettlesLater`."""

    def __init__(self, fields: OutletFields, secrets: Sequence[str], site: str) -> None:  # noqa: ARG002 - it has none
        self.batch = _BATCH
        self._place = place_of(fields)
        self._is_here = is_loopback(fields)
        self._is_udp = urlsplit(fields.url).scheme == UDP
        self._message = cef.message if fields.format == "cef" else rfc5424.message
        self._origin = Origin(socket.gethostname(), str(os.getpid()), site, fields.enterprise)
        self._stream = Stream()

    def send(self, events: Sequence[Event]) -> None:
        """See `sender.Sender`."""
        if self._is_udp:
            self._send_datagrams(events)
        else:
            self._write(events, int(events[0]["seq"]))

    def settle(self) -> int | None:
        """See `sender.SettlesLater`."""
        try:
            return self._stream.settle()
        except OSError as error:
            loses_nothing = not self._stream.holds
            self._stream.drop()
            if loses_nothing:  # such as a receiver that ends connections that are idle
                return None
            raise Undelivered(f"{self._place.host} has cut the connection: {_cause(error)}") from error

    def test(self) -> None:
        """See `sender.Sender`. Takes as long as it takes to see that the receiver keeps the connection."""
        now = {**_TEST, "time": rfc3339(datetime.now(UTC))}
        if self._is_udp:
            self._send_datagrams([now])
            return
        self._write([now], 0)
        while self.settle() is not None:
            time.sleep(0.05)

    def close(self) -> None:
        """See `sender.Sender`."""
        self._stream.close()

    def _write(self, events: Sequence[Event], first: int) -> None:
        deadline = time.monotonic() + DEADLINE_S
        messages = (self._message(event, self._origin, MAX_MESSAGE_BYTES) for event in events)
        data = b"".join(b"%d %b" % (len(message), message) for message in messages)
        host, failing = self._place.host, "did not answer within"
        try:
            if not self._stream.is_open:
                self._stream.open(self._place, deadline, is_here=self._is_here)
            failing = "took nothing for"
            self._stream.write(data, first, deadline)
        except TimeoutError as error:
            self._stream.drop()
            raise Undelivered(f"{host} {failing} {DEADLINE_S:g} s") from error
        except ssl.SSLCertVerificationError as error:
            self._stream.drop()
            why = safe(error.verify_message, 100)
            raise Undelivered(f"the certificate of {host} is not trusted ({why}); give its CA") from error
        except DevicemgrError as error:
            self._stream.drop()
            raise Undelivered(str(error)) from error
        except (OSError, ValueError) as error:
            self._stream.drop()
            raise Undelivered(f"{host} is not reached: {_cause(error)}") from error

    def _send_datagrams(self, events: Sequence[Event]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        host = self._place.host
        try:
            address = judged_addresses(self._place, deadline, is_here=self._is_here)[0]
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            with closing(socket.socket(family, socket.SOCK_DGRAM)) as line:
                line.connect(address)
                for event in events:
                    line.settimeout(left_until(deadline))
                    line.send(self._message(event, self._origin, MAX_DATAGRAM_BYTES))
        except TimeoutError as error:
            raise Undelivered(f"{host} is not reached within {DEADLINE_S:g} s") from error
        except DevicemgrError as error:
            raise Undelivered(str(error)) from error
        except OSError as error:
            raise Undelivered(f"{host} is not reached: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    return safe(getattr(error, "strerror", None) or str(error) or type(error).__name__, 100)
