"""Mails of events, tests and reports: plain text in the outlet's language, and headers that no name can add to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from devicemgr.domain.rules.alarms import SITE
from devicemgr.outlets.mail.news import News, Phase, news_of
from devicemgr.outlets.mail.words import Words
from devicemgr.outlets.sender import Event
from devicemgr.text import safe

_MAX_SUBJECT, _MAX_NAME = 150, 100
_LAST_HIGH_PRIORITY = 2
_NOT_OF_IDS = re.compile(r"[^A-Za-z0-9._-]")
# Said in lines of their own.
_SHOWN_APART = frozenset({"alarm", "subject", "portal", "device", "cause", "seq"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whom the mails of an outlet are from and to, and what its receivers know outlet and site by."""

    sender: str
    to: Sequence[str]
    outlet: str
    site: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a report."""

    name: str
    media_type: str
    data: bytes


def mail_of(events: Sequence[Event], envelope: Envelope, words: Words) -> EmailMessage:
    """Return the mail of events of one group, oldest first.

    Its id is made of their numbers, so that mailboxes know a mail that comes again.
    """
    news = [news_of(event) for event in events]
    first, last = events[0], events[-1]
    if len(events) == 1:
        subject, lines = _headline(news[0], words), _lines_of(first, news[0], words)
    else:
        what = _what(news[0], words)
        subject = f"{what} × {len(events)}"
        span = {"first": words.time(first["time"]), "last": words.time(last["time"])}
        lines = [words.text("mail.collected", what=what, count=len(events), **span), ""]
        lines += [_line_of(event, one, words) for event, one in zip(events, news, strict=True)]
    is_alarm = any(one.phase is not Phase.NONE for one in news)
    priority = min(one.priority for one in news)
    if is_alarm:
        subject += f" ({words.text('alarms.priority', priority=priority)})"
    mail = _mail(subject, lines, envelope, words, f"{first['seq']}-{last['seq']}")
    if is_alarm:  # clients mark by one or the other; both count from 1, the highest
        mail["Importance"] = "high" if priority <= _LAST_HIGH_PRIORITY else "normal"
        mail["X-Priority"] = str(priority)
    return mail


def trial_mail(envelope: Envelope, words: Words) -> EmailMessage:
    """Return a mail that tells of no event."""
    now = datetime.now(UTC)
    lines = [words.text("mail.test_text"), words.text("mail.now", time=words.time(now))]
    return _mail(words.text("mail.test", outlet=envelope.outlet), lines, envelope, words, f"test-{now.timestamp():f}")


def report_mail(document: Mapping[str, Any], file: Attachment, envelope: Envelope, words: Words) -> EmailMessage:
    """Return the mail of a report, with its file."""
    span = words.text(
        "report.span", **{"from": words.time(document["from"]), "to": words.time(document["to"]), "zone": words.zone}
    )
    lines = [span, words.text("mail.report_text", file=file.name)]
    if document.get("removed_before"):
        lines.append(words.text("report.removed", time=words.time(document["removed_before"])))
    name = f"report-{file.name}-{document['from']}-{document['to']}"
    mail = _mail(f"{words.named('report', document['report'])}: {span}", lines, envelope, words, name)
    main, _, sub = file.media_type.partition("/")
    charset = {"charset": "utf-8"} if main == "text" else {}
    mail.add_attachment(file.data, maintype=main, subtype=sub, filename=file.name, params=charset)
    return mail


def _mail(subject: str, lines: Sequence[str], envelope: Envelope, words: Words, name: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = envelope.sender, ", ".join(envelope.to)
    mail["Subject"] = safe(subject, _MAX_SUBJECT)
    mail["Date"] = format_datetime(datetime.now(UTC))
    host = envelope.sender.rpartition("@")[2]
    local = _NOT_OF_IDS.sub("-", f"devicemgr.{envelope.site}.{envelope.outlet}.{name}")
    mail["Message-ID"] = f"<{local}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no one's absence is answered to it
    footer = words.text("mail.footer", outlet=envelope.outlet, site=envelope.site, zone=words.zone.key)
    mail.set_content("\n".join([*lines, "", "-- ", footer, ""]), charset="utf-8")
    return mail


def _what(news: News, words: Words) -> str:
    """Return what happened, without where."""
    named = words.alarm(news.kind)
    return named if news.lead is None else f"{words.named('kind', news.lead)}: {named}"


def _headline(news: News, words: Words) -> str:
    where = "" if news.subject == SITE else f": {safe(news.subject, _MAX_NAME)}"
    return f"{_what(news, words)}{where}"


def _facts_of(event: Event, words: Words) -> list[tuple[str, str]]:
    """Return what is known of an event, as names and values in words."""
    detail = event.get("detail") or {}
    portal = words.value("portal", event["portal"]) if event.get("portal") else ""
    if portal and event.get("direction"):
        portal += f", {words.named('direction', str(event['direction']))}"
    reason = event.get("reason")
    found = [
        ("detail.portal", portal),
        ("detail.device", words.value("device", event["device"]) if event.get("device") else ""),
        ("alarms.who", _who(event, words)),
        ("detail.reason", words.named("reason", str(reason)) if reason else ""),
        ("alarms.cause", words.value("cause", detail["cause"]) if detail.get("cause") else ""),
    ]
    shown = [(words.text(key), value) for key, value in found]
    shown += [
        (words.label(name), words.value(name, value))
        for name, value in detail.items()
        if name not in _SHOWN_APART and value not in (None, "", [], {})
    ]
    return [(name, value) for name, value in shown if value]


def _who(event: Event, words: Words) -> str:
    badge = words.text("live.badge", badge=event["person"]) if event.get("person") else ""
    name = safe(str(event.get("person_name") or ""), _MAX_NAME)
    actor = re.sub(r"^(operator|token):", "", str(event.get("actor") or ""))
    return ", ".join(part for part in (name, badge) if part) or safe(actor, _MAX_NAME)


def _lines_of(event: Event, news: News, words: Words) -> list[str]:
    lines = [_headline(news, words), ""]
    lines.append(f"{words.text('alarms.time')}: {words.time(event['time'])}")
    if news.phase is not Phase.NONE:
        lines.append(f"{words.text('alarms.priority_of')}: {news.priority}")
    lines += [f"{name}: {value}" for name, value in _facts_of(event, words)]
    lines += [f"{name}: {value}" for name, value in _evidence_of(event, words)]
    return [*lines, f"{words.label('seq')}: {event['seq']}"]


def _line_of(event: Event, news: News, words: Words) -> str:
    where = [] if news.subject == SITE else [safe(news.subject, _MAX_NAME)]
    facts = [value for name, value in _facts_of(event, words) if value != news.subject]
    return " · ".join([words.time(event["time"]), *where, *facts, f"{words.named('detail', 'seq')} {event['seq']}"])


def _evidence_of(event: Event, words: Words) -> list[tuple[str, str]]:
    evidence = event.get("evidence") or {}
    return [(words.label(name), words.value(name, value)) for name, value in evidence.items() if value]
