"""What mails say: words of each language, times of the site's zone, and no name that adds to a header."""

import json
import re
from email import message_from_bytes
from email.policy import SMTP
from zoneinfo import ZoneInfo

import pytest

from devicemgr.domain.ledger_events import Kind
from devicemgr.domain.rules.alarms import ALARM_KINDS, ENDERS
from devicemgr.outlets.mail.message import Attachment, Envelope, mail_of, report_mail, trial_mail
from devicemgr.outlets.mail.news import Phase, news_of
from devicemgr.outlets.mail.words import _OWN, CATALOGS, Words, catalog

LANGUAGES = ("en", "ru", "kk")
ALMATY = ZoneInfo("Asia/Almaty")
ENVELOPE = Envelope("gate@example.com", ["a@example.com", "b@example.com"], "hr", "3f1c0a9be2d4")
EVENT = {
    "seq": 4711,
    "id": "e1",
    "time": "2026-11-30T17:11:05.123Z",
    "kind": "portal_forced",
    "portal": "lobby",
    "direction": None,
    "device": "gate-1",
    "person": None,
    "reason": None,
    "detail": {},
    "actor": None,
}
HOSTILE = (
    "x\r\nBcc: all@example.com",
    "x\nSubject: another",
    "x\r\n\r\nbody",
    "x\rBcc: all@example.com",
    "x\u2028Bcc: all@example.com",
    "x\x85Bcc: all@example.com",
    "x\x0bBcc: all@example.com",
    "x\x00y",
    "\x1b[31mred",
    "\u202egnp.exe",
    "=?utf-8?q?Bcc:_all=40example.com?=",
    "<script>alert(1)</script>",
    "{time} {0} %s",
    "\ud800",
    "İstanbul Şule Жанна Ә 李 👩‍🚒",
    "a" * 5000,
    ".\r\n.\r\nQUIT",
    '"; a@evil.example, "',
)


def parsed(mail):
    return message_from_bytes(mail.as_bytes(), policy=SMTP)


def text_of(mail):
    return parsed(mail).get_body(("plain",)).get_content()


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_adds_to_a_header(hostile):
    event = {
        **EVENT,
        "portal": hostile,
        "device": hostile,
        "person": hostile,
        "person_name": hostile,
        "reason": hostile,
        "actor": hostile,
        "detail": {"cause": hostile, hostile: hostile, "list": [hostile], "inner": {hostile: hostile}},
        "evidence": {"face": {"score": hostile}},
    }
    for events in ([event], [event, {**event, "seq": 4712}], [{**event, "kind": "admin." + hostile}]):
        for language in LANGUAGES:
            mail = mail_of(events, ENVELOPE, Words(language, ALMATY))
            found = parsed(mail)
            assert sorted(found.keys()) == sorted(set(found.keys())), "each header once"
            wanted = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "MIME-Version"}
            more = {"Importance", "X-Priority", "Content-Transfer-Encoding"}
            assert wanted <= set(found.keys()) <= wanted | more
            assert found["To"] == "a@example.com, b@example.com"
            assert not re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029\u202d\u202e]", found["Subject"])
            assert len(found["Subject"]) < 250
            body = found.get_content()
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\x85\u2028\u2029\u202e]", body.replace("\r\n", "\n"))
            assert "\nBcc" not in body
            assert mail.as_bytes().isascii(), "servers without 8BITMIME take it"
            assert max(map(len, mail.as_bytes().split(b"\r\n"))) <= 998


@pytest.mark.parametrize("language", LANGUAGES)
def test_alarms_are_told_in_words_of_each_language(language):
    """Of each kind of alarm, its beginning and its end: no codes."""
    words = Words(language, ALMATY)
    ended = [{"kind": "alarm_ended", "detail": {"alarm": kind}} for kind in ALARM_KINDS]
    begun = [{"kind": kind, "detail": {"active": True, "cause": "no answer"}} for kind in ALARM_KINDS]
    for given in [*begun, *ended, *({"kind": kind} for kind in ENDERS), {"kind": "fire_release", "detail": {}}]:
        event = {**EVENT, "direction": "entry", "reason": "suspended", "person": "1042", **given}
        for events in ([event], [event, event]):
            mail = mail_of(events, ENVELOPE, words)
            text = text_of(mail)
            assert not re.search(r"\b[a-z]+_[a-z_]+\b", f"{mail['Subject']}\n{text}"), "a code"
            if language != "en":
                assert re.search("[а-яәіңғүұқөһ]", mail["Subject"])
                told = text.partition("-- ")[0]
                for name in ("lobby", "gate-1", "no answer", "site"):
                    told = told.replace(name, "")
                assert not re.search("[a-z]{3}", told.replace("×", "")), told


def test_an_alarm_in_russian():
    words = Words("ru", ALMATY)
    mail = mail_of([{**EVENT, "detail": {"cause": "no answer"}}], ENVELOPE, words)
    assert mail["Subject"] == "Дверь взломана: lobby (приоритет 2)"
    assert text_of(mail).splitlines()[:8] == [
        "Дверь взломана: lobby",
        "",
        "Время: 2026-11-30 22:11:05+05:00",
        "Приоритет: 2",
        "Проход: lobby",
        "Устройство: gate-1",
        "Причина: no answer",
        "Номер события: 4711",
    ]


def test_several_of_a_kind_are_a_line_each():
    again = {**EVENT, "seq": 4720, "time": "2026-11-30T17:12:00.000Z", "portal": "yard"}
    mail = mail_of([EVENT, again], ENVELOPE, Words("en", ALMATY))
    assert mail["Subject"] == "Door forced × 2 (priority 2)"
    assert text_of(mail).splitlines()[:4] == [
        "Door forced × 2 (2026-11-30 22:11:05+05:00 – 2026-11-30 22:12:00+05:00)",
        "",
        "2026-11-30 22:11:05+05:00 · lobby · gate-1 · event number 4711",
        "2026-11-30 22:12:00+05:00 · yard · gate-1 · event number 4720",
    ]
    assert mail["Message-ID"] == "<devicemgr.3f1c0a9be2d4.hr.4711-4720@example.com>"


def test_times_are_of_the_zone_also_as_summer_time_ends():
    words = Words("en", ZoneInfo("Europe/Berlin"))
    assert words.time("2026-10-25T00:30:00.000Z") == "2026-10-25 02:30:00+02:00"
    assert words.time("2026-10-25T01:30:00.000Z") == "2026-10-25 02:30:00+01:00"


def test_a_name_is_no_code():
    """A person or portal whose name is a word of the daemon keeps it."""
    words = Words("ru", ALMATY)
    assert [words.value(name, "free") for name in ("portal", "person", "name")] == ["free"] * 3
    assert words.value("mode", "free") == "Свободный проход"


@pytest.mark.parametrize("language", LANGUAGES)
def test_own_words_are_in_each_language(language):
    places = re.compile(r"\{(\w+)\}")
    assert set(_OWN[language]) == set(_OWN["en"])
    for key, text in _OWN[language].items():
        assert sorted(places.findall(text)) == sorted(places.findall(_OWN["en"][key])), key
    desk = json.loads((CATALOGS / f"{language}.json").read_text(encoding="utf-8"))
    assert not set(_OWN[language]) & set(desk), "words are written once"
    words = Words(language, ALMATY)
    assert "hr" in trial_mail(ENVELOPE, words)["Subject"]


def test_a_report_is_attached():
    document = {
        "report": "hours",
        "from": "2026-10-31T19:00:00.000Z",
        "to": "2026-11-30T19:00:00.000Z",
        "removed_before": "2026-11-02T00:00:00.000Z",
    }
    file = Attachment("hours-2026-11-01-2026-11-30.xlsx", "application/vnd.ms-excel", b"PK\x03\x04")
    for language in LANGUAGES:
        mail = parsed(report_mail(document, file, ENVELOPE, Words(language, ALMATY)))
        (found,) = mail.iter_attachments()
        assert (found.get_filename(), found.get_content()) == (file.name, file.data)
        assert "2026-11-01 00:00:00+05:00" in mail["Subject"]
        assert file.name in mail.get_body(("plain",)).get_content()
        assert "2026-11-02 05:00:00+05:00" in mail.get_body(("plain",)).get_content()


def test_each_kind_is_known_to_the_catalog():
    assert {str(kind) for kind in Kind} <= {key[5:] for key in catalog("en") if key.startswith("kind.")}


def test_news_of_an_alarm_that_waits():
    event = {**EVENT, "kind": "alarm_escalated", "detail": {"alarm": "portal_forced", "subject": "yard"}}
    news = news_of(event)
    assert (news.phase, news.priority, news.subject, news.group) == (
        Phase.WAITS,
        2,
        "yard",
        "alarm_escalated:portal_forced",
    )
    assert mail_of([event], ENVELOPE, Words("en", ALMATY))["Subject"].startswith("Alarm not acknowledged: Door forced")
