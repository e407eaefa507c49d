"""Messages of RFC 5424, read by a parser that is written from the grammar of section 6."""

import re
from dataclasses import replace

import pytest

from devicemgr.domain.ledger_events import Kind
from devicemgr.outlets.syslog.rfc5424 import message
from devicemgr.outlets.syslog.texts import Origin
from devicemgr.text import safe
from tests.support.hostile_text import CORPUS

ORIGIN = Origin("gate-1", "4711", "3f1c0a9be2d4", 32473)
EVENT = {
    "seq": 4711,
    "id": "0c7ab5f0-6c0e-4b52-93a5-6f1f3e1a9b11",
    "time": "2026-12-01T08:00:00.123Z",
    "kind": "access_denied",
    "portal": "lobby",
    "direction": "entry",
    "device": None,
    "person": "1042",
    "reason": "expired",
    "request": None,
    "evidence": {},
    "detail": {},
    "actor": None,
}

# SYSLOG-MSG = HEADER SP STRUCTURED-DATA [SP MSG], RFC 5424, 6.
_HEADER = re.compile(
    rb"<(?P<pri>[0-9]{1,3})>(?P<version>[1-9][0-9]{0,2})"
    rb" (?P<time>-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d))"
    rb" (?P<host>[\x21-\x7e]{1,255}) (?P<app>[\x21-\x7e]{1,48}) (?P<proc>[\x21-\x7e]{1,128})"
    rb" (?P<msgid>[\x21-\x7e]{1,32}) "
)
_NAME = re.compile(rb'[^\x00-\x20\x7f-\xff=\]"]{1,32}')
# PARAM-VALUE: the three stand behind a backslash; a backslash before another one is itself.
_VALUE = re.compile(rb'"((?:[^"\\\]]|\\.)*)"', re.DOTALL)


def parsed(data: bytes) -> tuple[dict[str, str], dict[str, dict[str, str]], str]:
    """Return header, structured data and text; AssertionError for what the grammar does not have."""
    head = _HEADER.match(data)
    assert head, data
    at, elements = head.end(), {}
    if data[at : at + 1] == b"-":
        at += 1
    else:
        assert data[at : at + 1] == b"["
        while data[at : at + 1] == b"[":
            name = _NAME.match(data, at + 1)
            assert name
            at, params = name.end(), {}
            while data[at : at + 1] == b" ":
                param = _NAME.match(data, at + 1)
                assert param
                assert data[param.end() : param.end() + 1] == b"="
                value = _VALUE.match(data, param.end() + 1)
                assert value, data[param.end() :]
                text = re.sub(r'\\(["\\\]])', r"\1", value[1].decode())
                assert param[0].decode() not in params
                params[param[0].decode()] = text
                at = value.end()
            assert data[at : at + 1] == b"]"
            at += 1
            elements[name[0].decode()] = params
    assert data[at:] == b"" or data[at : at + 1] == b" "
    return {key: value.decode() for key, value in head.groupdict().items()}, elements, data[at + 1 :].decode()


def test_the_parts_of_a_message():
    head, elements, text = parsed(message(EVENT, ORIGIN, 8192))
    assert head == {
        "pri": "85",  # authpriv, notice
        "version": "1",
        "time": "2026-12-01T08:00:00.123Z",
        "host": "gate-1",
        "app": "devicemgr",
        "proc": "4711",
        "msgid": "access_denied",
    }
    assert elements == {
        "devicemgr@32473": {
            "seq": "4711",
            "kind": "access_denied",
            "portal": "lobby",
            "person": "1042",
            "reason": "expired",
            "site": "3f1c0a9be2d4",
            "direction": "entry",
            "id": EVENT["id"],
        }
    }
    assert text == "access_denied at lobby (entry): expired, person 1042"


def test_the_five_are_there_even_where_an_event_has_none():
    _, elements, _ = parsed(message({"kind": "admin.sync"}, replace(ORIGIN, enterprise=99), 8192))
    assert elements["devicemgr@99"] == {
        "seq": "",
        "kind": "admin.sync",
        "portal": "",
        "person": "",
        "reason": "",
        "site": "3f1c0a9be2d4",
    }


def test_what_a_change_was_stands_in_the_text():
    event = {"kind": "admin.level_edited", "actor": "operator:aigul", "detail": {"level": "staff"}}
    _, elements, text = parsed(message(event, ORIGIN, 8192))
    assert elements["devicemgr@32473"]["actor"] == "operator:aigul"
    assert text == 'admin.level_edited, by operator:aigul {"detail":{"level":"staff"}}'


@pytest.mark.parametrize(
    ("event", "severity"),
    [
        ({"kind": "fire_release", "detail": {"active": True, "input": "1"}, "device": "arm"}, 1),
        ({"kind": "fire_release", "detail": {"active": False, "input": "1"}, "device": "arm"}, 5),
        ({"kind": "portal_forced", "portal": "lobby"}, 2),
        ({"kind": "portal_held_open", "portal": "lobby"}, 3),
        ({"kind": "device_offline", "device": "cam", "detail": {}}, 4),
        ({"kind": "device_offline", "device": "arm", "detail": {"portals": ["lobby"]}}, 3),
        ({"kind": "device_online", "device": "arm"}, 5),
        ({"kind": "alarm_escalated", "detail": {"priority": 2}}, 2),
        ({"kind": "access_denied"}, 5),
        ({"kind": "admin.person_added"}, 5),
        ({"kind": "access_granted"}, 6),
    ],
)
def test_an_alarm_is_as_urgent_as_its_priority(event, severity):
    head, _, _ = parsed(message({"seq": 1, "time": EVENT["time"], **event}, ORIGIN, 8192))
    assert divmod(int(head["pri"]), 8) == (10, severity)


def test_each_kind_has_a_msgid():
    for kind in (*Kind, "admin.person_unverified_on_device"):
        head, elements, _ = parsed(message({"kind": str(kind), "seq": 1, "time": EVENT["time"]}, ORIGIN, 8192))
        assert head["msgid"] == str(kind)[:32]
        assert elements["devicemgr@32473"]["kind"] == str(kind)


@pytest.mark.parametrize("max_bytes", [8192, 1180])
def test_no_text_is_more_than_a_value(max_bytes):
    for text in CORPUS:
        holds_its_place(text, max_bytes)


def holds_its_place(text, max_bytes):
    names = ("portal", "person", "reason", "device", "actor", "direction", "id", "person_name")
    for hostile in names:
        event = {**EVENT, "detail": {"note": text, text: text}, hostile: text}
        head, elements, shown = parsed(message(event, ORIGIN, max_bytes))
        (params,) = elements.values()
        assert head["msgid"] == "access_denied"
        if hostile in params:
            assert params[hostile] == safe(text[:200])
        assert params["kind"] == "access_denied"
        assert "\n" not in shown
        assert shown.isprintable() or "\u200d" in shown


@pytest.mark.parametrize("max_bytes", [1180, 2048])
def test_a_message_is_cut_between_characters(max_bytes):
    for shift in range(8):
        event = {**EVENT, "detail": {"note": "x" * shift + "😀" * 4000}}
        data = message(event, ORIGIN, max_bytes)
        assert max_bytes - 4 < len(data) <= max_bytes
        assert parsed(data)[2].endswith("😀…")
    whole = message(EVENT, ORIGIN, max_bytes)
    assert len(whole) < max_bytes


def test_where_values_are_long_the_last_ones_are_left_out():
    event = {**EVENT, "person": "😀" * 64, "actor": "operator:" + "ж" * 60, "person_name": "😀" * 200}
    _, elements, _ = parsed(message(event, ORIGIN, 1180))
    (params,) = elements.values()
    assert "person_name" not in params
    assert params["person"] == "😀" * 64
    assert params["id"] == EVENT["id"]
