"""A mail server on loopback by aiosmtpd: it answers as a test chooses, and keeps what it has taken."""

import ssl
import threading
import time
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

TAKEN = "250 2.0.0 queued as 4711"


class Taken:
    """A mail that was taken: for whom, its text as it came, and parsed."""

    def __init__(self, to: list[str], data: bytes) -> None:
        self.to, self.data = to, data
        parsed = message_from_bytes(data, policy=POLICY)
        assert isinstance(parsed, EmailMessage)
        self.mail = parsed

    @property
    def subject(self) -> str:
        return str(self.mail["Subject"])

    @property
    def id(self) -> str:
        return str(self.mail["Message-ID"])

    @property
    def text(self) -> str:
        body = self.mail.get_body(("plain",))
        assert body is not None
        return str(body.get_content())


class MailServer:
    """Answers `rcpt(address)` and `data(number)`; an answer of "" hangs up after what was sent."""

    def __init__(
        self,
        certificate: tuple[Path, Path] | None = None,
        *,
        starts_with_tls: bool = False,
        account: tuple[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.rcpt: Callable[[str], str] = lambda address: "250 ok"
        self.data: Callable[[int], str] = lambda number: TAKEN
        self.mail_from: Callable[[str], str] = lambda address: "250 ok"
        self.taken: list[Taken] = []
        self.tries = 0
        self.logins: list[tuple[str, str]] = []
        self.plain_sessions = 0
        self._account = account
        self._changed = threading.Condition()
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        authenticator = self._authenticate if account else None

        class Server(Controller):
            def factory(self) -> SMTP:
                return SMTP(
                    self.handler,
                    hostname="mail.example",
                    tls_context=None if starts_with_tls else context,
                    authenticator=authenticator,
                    auth_require_tls=not starts_with_tls and context is not None,
                    decode_data=False,
                )

        ssl_context = context if starts_with_tls else None
        self._server = Server(self, hostname="127.0.0.1", port=port or _free_port(), ssl_context=ssl_context)
        self._server.start()
        self.port = self._server.port
        self.url = f"{'smtps' if starts_with_tls else 'smtp'}://localhost:{self.port}"

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        found = (data.login.decode(), data.password.decode())
        self.logins.append(found)
        return AuthResult(success=found == self._account, handled=False)

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        answer = self.mail_from(address)
        if answer.startswith("2"):
            envelope.mail_from = address
        return answer

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        answer = self.rcpt(address)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        with self._changed:
            self.tries += 1
            answer = self.data(self.tries)
            if answer.startswith("2") or not answer:
                assert isinstance(envelope.content, bytes)
                self.taken.append(Taken(list(envelope.rcpt_tos), envelope.content))
            self._changed.notify_all()
        if not answer:
            assert server.transport is not None
            server.transport.abort()
        return answer or "421 going"

    def wait(self, is_so: Callable[[], object], what: str, seconds: float = 30.0) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: bool(is_so()), seconds), f"waited for {what}: {self.taken}"

    def close(self) -> None:
        self._server.stop()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_so: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """Return what is true at last."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := is_so():
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited for {what}")
