"""One mail to one server by SMTP: over a connection to a judged address, under TLS, within one deadline.

The standard library's client speaks, over a socket that `outgoing.connection` made; it resolves nothing. Replies are
read by the line within what is left of the time, so that a server that gives a byte a second ends at the deadline.
"""

import re
import smtplib
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devicemgr.outgoing.connection import Place, connected, left_until, secured
from devicemgr.text import safe

CONNECT_S = 10.0
_MAX_REPLY_BYTES = 256 * 1024
_PIECE = 16 * 1024
_PARTING_S = 2.0
_MAX_ANSWER = 150
_STATUS = re.compile(rb"\d\.\d{1,3}\.\d{1,3}")
_READY = 220
_FINAL = range(500, 600)


class Refused(Exception):
    """The server does not take the mail: `is_final` when it says so for good."""

    def __init__(self, why: str, *, is_final: bool = False) -> None:
        super().__init__(why)
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class Account:
    """Whom to sign in as; an empty user does not sign in."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server. `needs_tls` unless it may be spoken to in plain text; `never_tls` where that is wanted."""

    place: Place
    is_here: bool
    needs_tls: bool
    never_tls: bool
    account: Account


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a mail: what the server answered, "" if it took it for no one.

    `refused` are the addresses that it takes nothing for, `late` those to try later, each with what it said.
    """

    answer: str
    refused: Mapping[str, str]
    late: Mapping[str, str]


class Exchange:
    """One connection, for one mail; `close` on any thread ends what is under way."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._brake: socket.socket | None = None
        self._is_closed = False

    def close(self) -> None:
        """End what is under way, and all that comes."""
        with self._lock:
            self._is_closed = True
            if self._brake is not None:
                try:
                    self._brake.shutdown(socket.SHUT_RDWR)
                except OSError:
                    self._brake.close()

    def send(self, sender: str, to: list[str], mail: bytes, deadline: float) -> Taken:
        """Hand over a mail; Refused, OSError or DevicemgrError when the server takes no mail, or not this one."""
        place, now = self._server.place, time.monotonic()
        plain = Place(place.host, place.port, is_tls=False, tls_ca=place.tls_ca, allow_private=place.allow_private)
        line = connected(plain, min(deadline, now + CONNECT_S), is_here=self._server.is_here)
        client = _Client(line, deadline)
        brake = line.dup()  # it goes on meaning this connection while TLS takes the other over
        try:
            with self._lock:
                if self._is_closed:
                    raise OSError("the outlet is closed")
                self._brake = brake
            return self._hand_over(client, sender, to, mail)
        finally:
            with self._lock:
                self._brake = None
            brake.close()
            client.close()

    def _hand_over(self, client: "_Client", sender: str, to: list[str], mail: bytes) -> Taken:
        place, host = self._server.place, self._server.place.host
        if place.is_tls:
            client.secure(place)
        code, text = client.getreply()
        if code != _READY:
            raise Refused(f"{host} does not greet as a mail server: {_shown(code, text)}")
        self._introduce(client)
        if not place.is_tls and not self._server.never_tls:
            self._start_tls(client)
        self._sign_in(client)
        answers: Mapping[str, tuple[int, bytes]]
        try:
            answers = client.sendmail(sender, to, mail)
        except smtplib.SMTPRecipientsRefused as error:
            answers = error.recipients
        except smtplib.SMTPSenderRefused as error:
            why = f"{host} refuses the sender {sender}: {self._of(error.smtp_code, error.smtp_error)}"
            raise Refused(why, is_final=error.smtp_code in _FINAL) from error
        except smtplib.SMTPResponseException as error:
            why = f"{host} refuses the mail: {self._of(error.smtp_code, error.smtp_error)}"
            raise Refused(why, is_final=error.smtp_code in _FINAL) from error
        client.part()
        found = {address: (code, self._of(code, text)) for address, (code, text) in answers.items()}
        return Taken(
            self._of(*client.answer) if len(answers) < len(to) else "",
            {address: why for address, (code, why) in found.items() if code in _FINAL},
            {address: why for address, (code, why) in found.items() if code not in _FINAL},
        )

    def _introduce(self, client: "_Client") -> None:
        code, text = client.ehlo()
        if not 200 <= code < 300:
            raise Refused(f"{self._server.place.host} does not speak ESMTP: {self._of(code, text)}")

    def _start_tls(self, client: "_Client") -> None:
        """Begin TLS where it is offered; Refused where it is needed and not offered, or is answered oddly."""
        host = self._server.place.host
        if not client.has_extn("starttls"):
            if self._server.needs_tls:
                raise Refused(f"{host} offers no STARTTLS, so nothing was sent; give an smtps address")
            return
        code, text = client.docmd("STARTTLS")
        if code != _READY:
            raise Refused(f"{host} offers STARTTLS and does not begin it: {_shown(code, text)}")
        if client.has_more:
            # Someone on the way could have added it, to be taken for the server's own words under TLS (CVE-2011-0411).
            raise Refused(f"{host} answers more than STARTTLS was given for; nothing was sent")
        client.secure(self._server.place)
        self._introduce(client)

    def _sign_in(self, client: "_Client") -> None:
        account, host = self._server.account, self._server.place.host
        if not account.user:
            return
        try:
            client.login(account.user, account.password)
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(f"{host} offers no sign-in; leave the user out, or give another port") from error
        except smtplib.SMTPAuthenticationError as error:
            # Its words are not shown: it may repeat what it was given.
            status = _STATUS.search(error.smtp_error) if isinstance(error.smtp_error, bytes) else None
            shown = f"{error.smtp_code} {status[0].decode()}" if status else str(error.smtp_code)
            raise Refused(f"{host} refuses the sign-in of {safe(account.user, 60)} ({shown})") from error
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException as error:
            raise Refused(f"{host} offers no way to sign in that is known here") from error
        except UnicodeError:  # its text shows a part of the password
            raise Refused("the password has characters that a sign-in by mail can't carry; use ASCII ones") from None

    def _of(self, code: int, text: bytes | str) -> str:
        shown = _shown(code, text)
        password = self._server.account.password
        return shown.replace(password, "…") if password else shown


class _Replies:
    """Lines of a server, each read within what is left of the time; what smtplib takes for a file."""

    def __init__(self, line: socket.socket, deadline: float) -> None:
        self._line, self._deadline = line, deadline
        self._buffer, self._room = bytearray(), _MAX_REPLY_BYTES

    @property
    def has_more(self) -> bool:
        """Return True when more has arrived than was read."""
        return bool(self._buffer)

    def readline(self, size: int) -> bytes:
        """Return the next line, at most `size` bytes of it, b"" when there are no more."""
        while b"\n" not in self._buffer and len(self._buffer) < size:
            self._line.settimeout(left_until(self._deadline))
            piece = self._line.recv(_PIECE)
            self._room -= len(piece)
            if self._room < 0:
                raise OSError("it sends too much")
            if not piece:
                break
            self._buffer += piece
        end = self._buffer.find(b"\n") + 1
        found = bytes(self._buffer[: min(end or size, size)])
        del self._buffer[: len(found)]
        return found

    def close(self) -> None:
        """Do nothing: the connection is not its own."""


class _Client(smtplib.SMTP):
    """The standard library's client on a connection that is there already."""

    def __init__(self, line: socket.socket, deadline: float) -> None:
        address = line.getsockname()[0]
        # RFC 5321, 4.1.3: a host without a name of its own gives its address.
        super().__init__(local_hostname=f"[IPv6:{address}]" if ":" in address else f"[{address}]")
        self.deadline = deadline
        self.answer: tuple[int, bytes] = (0, b"")
        self._use(line)

    @property
    def has_more(self) -> bool:
        """Return True when the server has said more than was read."""
        return self._replies.has_more

    def secure(self, place: Place) -> None:
        """Begin TLS, and forget all that was said before."""
        assert self.sock is not None
        self._use(secured(self.sock, place, self.deadline))
        self.ehlo_resp = self.helo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False

    def _use(self, line: socket.socket) -> None:
        self.sock = line
        self.file = self._replies = _Replies(line, self.deadline)

    def send(self, s: Any) -> None:
        """Send within what is left of the time."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        data = memoryview(s.encode("ascii") if isinstance(s, str) else s)
        for start in range(0, len(data), _PIECE):
            self.sock.settimeout(left_until(self.deadline))
            self.sock.sendall(data[start : start + _PIECE])

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send the mail itself, and keep what the server answers."""
        self.answer = super().data(msg)
        return self.answer

    def part(self) -> None:
        """Say goodbye, without much waiting: the mail is taken."""
        self.deadline = min(self.deadline, time.monotonic() + _PARTING_S)
        try:
            assert self.sock is not None
            self._use(self.sock)
            self.docmd("QUIT")
        except OSError:
            pass


def _shown(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {safe(' '.join(words.split()), _MAX_ANSWER)}"
