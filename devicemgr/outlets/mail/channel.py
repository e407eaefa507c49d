"""Mails by SMTP: what is stated of an outlet made into a channel."""

import smtplib
import ssl
import time
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

from devicemgr.errors import DevicemgrError
from devicemgr.outlets.mail.exchange import Account, Exchange, Refused, Server, Taken
from devicemgr.outlets.mail.message import Attachment, Envelope, mail_of, report_mail, trial_mail
from devicemgr.outlets.mail.words import Words
from devicemgr.outlets.sender import Event, Undelivered
from devicemgr.site.outlets.fields import OutletFields, is_loopback, place_of
from devicemgr.text import safe

DEADLINE_S = 60.0
"""For a mail, from the first packet to the last answer; more for one with a large file."""

_SLOWEST_BYTES_S = 50_000
_MAX_BATCH = 200


class Mail:
    """A channel to a mail server, a connection for each mail; see `sender.Sender`."""

    def __init__(self, fields: OutletFields, secrets: Sequence[str], envelope: Envelope, zone: ZoneInfo) -> None:
        self.batch = _MAX_BATCH
        self.envelope = envelope
        self._words = Words(fields.language, zone)
        self._host = place_of(fields).host
        self._has_password = bool(secrets) or not fields.user
        is_here = is_loopback(fields)
        self._exchange = Exchange(
            Server(
                place_of(fields),
                is_here,
                needs_tls=not (is_here or fields.insecure),
                never_tls=fields.insecure,
                account=Account(fields.user, secrets[0] if secrets else ""),
            )
        )

    def send(self, events: Sequence[Event]) -> None:
        """See `sender.Sender`."""
        self.require_taken(self.send_events(events, self.envelope.to))

    def send_events(self, events: Sequence[Event], to: Sequence[str]) -> Taken:
        """Send events of one group in one mail to some of the addresses; Undelivered when it is not taken at all."""
        return self._send(mail_of(events, self.envelope, self._words), to)

    def send_report(self, document: Mapping[str, Any], file: Attachment, to: Sequence[str]) -> Taken:
        """Send a report; Undelivered when it is not taken at all."""
        return self._send(report_mail(document, file, self.envelope, self._words), to)

    def require_taken(self, taken: Taken) -> None:
        """Raise Undelivered for a mail that no one got."""
        if not taken.answer:
            wrong = {**taken.refused, **taken.late}
            raise Undelivered(f"{self._host} refuses {listed(wrong)}", is_refused=not taken.late)

    def test(self) -> str:
        """Send a mail that tells of no event; return what the server answered."""
        taken = self._send(trial_mail(self.envelope, self._words), self.envelope.to)
        self.require_taken(taken)
        if wrong := {**taken.refused, **taken.late}:
            raise Undelivered(f"{self._host} took it, but not for {listed(wrong)}", is_refused=True)
        return f"{self._host} answered {taken.answer}"

    def close(self) -> None:
        """See `sender.Sender`."""
        self._exchange.close()

    def _send(self, mail: EmailMessage, to: Sequence[str]) -> Taken:
        if not self._has_password:
            raise Undelivered("it has no password yet; an admin sets one")
        data = mail.as_bytes()
        deadline = time.monotonic() + DEADLINE_S + len(data) / _SLOWEST_BYTES_S
        try:
            return self._exchange.send(self.envelope.sender, list(to), data, deadline)
        except Refused as error:
            raise Undelivered(str(error), is_refused=error.is_final) from error
        except ssl.SSLCertVerificationError as error:
            why = safe(error.verify_message, 100)
            raise Undelivered(f"the certificate of {self._host} is not trusted ({why}); give its CA") from error
        except DevicemgrError as error:
            raise Undelivered(str(error)) from error
        except (OSError, ValueError) as error:
            if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
                raise Undelivered(f"{self._host} did not answer in time") from error
            why = getattr(error, "strerror", None) or type(error).__name__
            if isinstance(error, smtplib.SMTPServerDisconnected):
                why = "it ended the connection before it had taken the mail"
            raise Undelivered(f"{self._host} is not reached: {safe(str(why), 100)}") from error


def listed(refusals: Mapping[str, str]) -> str:
    """Return who did not get a mail, with what the server said."""
    return "; ".join(f"{address} ({why})" for address, why in sorted(refusals.items()))
