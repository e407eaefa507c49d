"""Messages of the Common Event Format, read by a parser that is written from the words of its document."""

import re

import pytest

from devicemgr import __version__
from devicemgr.outlets.syslog.cef import message
from devicemgr.text import safe
from tests.devicemgr.outlets.syslog.test_rfc5424 import EVENT, ORIGIN, parsed
from tests.support.hostile_text import CORPUS

# "Version is an integer", "Device Vendor, Product, Version … Severity is a string or integer": seven fields with pipes.
_FIELD = re.compile(r"((?:[^\\|\r\n]|\\[\\|])*)\|")
# "The extension field contains a collection of key-value pairs. The keys are part of a predefined set."
_KEY = re.compile(r"(?:^| )([A-Za-z][A-Za-z0-9]*)=")
_ESCAPES = {"\\\\": "\\", "\\=": "=", "\\n": "\n", "\\r": "\r"}


def parsed_cef(text: str) -> tuple[list[str], dict[str, str]]:
    """Return the fields of the header and the pairs of the extension; AssertionError for another text."""
    assert text.startswith("CEF:0|"), text
    at, fields = len("CEF:0|"), []
    for _ in range(6):
        field = _FIELD.match(text, at)
        assert field, text[at:]
        fields.append(re.sub(r"\\([\\|])", r"\1", field[1]))
        at = field.end()
    extension, pairs = text[at:], {}
    assert "\n" not in extension
    assert "\r" not in extension
    keys = list(_KEY.finditer(extension))
    assert keys[0].start() == 0
    for key, behind in zip(keys, [*keys[1:], None], strict=True):
        value = extension[key.end() : behind.start() if behind else len(extension)]
        assert re.fullmatch(r"(?:[^\\=]|\\[\\=nr])*", value), value
        assert key[1] not in pairs
        pairs[key[1]] = re.sub(r"\\[\\=nr]", lambda found: _ESCAPES[found[0]], value)
    return fields, pairs


def cef_of(event, max_bytes=8192):
    head, elements, text = parsed(message(event, ORIGIN, max_bytes))
    assert elements == {}
    return head, *parsed_cef(text)


def test_the_parts_of_a_message():
    head, fields, pairs = cef_of({**EVENT, "actor": "operator:aigul", "detail": {"level": "staff"}})
    assert (head["pri"], head["msgid"]) == ("85", "access_denied")
    assert fields == ["devicemgr", "devicemgr", __version__, "access_denied", "access denied", "3"]
    assert pairs == {
        "rt": "1796112000123",
        "cn1Label": "seq",
        "cn1": "4711",
        "cs1Label": "portal",
        "cs1": "lobby",
        "duid": "1042",
        "duser": "1042",
        "reason": "expired",
        "suser": "operator:aigul",
        "externalId": EVENT["id"],
        "dvchost": "gate-1",
        "cs2Label": "site",
        "cs2": "3f1c0a9be2d4",
        "cs4Label": "direction",
        "cs4": "entry",
        "msg": '{"detail":{"level":"staff"}}',
    }


def test_a_name_that_is_given_out_is_the_users():
    _, _, pairs = cef_of({**EVENT, "person_name": "Aigul | Q=1"})
    assert (pairs["duid"], pairs["duser"]) == ("1042", "Aigul | Q=1")


@pytest.mark.parametrize(
    ("kind", "severity"), [("portal_forced", "8"), ("device_degraded", "5"), ("admin.sync", "3"), ("rex_pressed", "1")]
)
def test_severity_is_from_0_to_10(kind, severity):
    _, fields, _ = cef_of({**EVENT, "kind": kind})
    assert fields[5] == severity


@pytest.mark.parametrize("max_bytes", [8192, 1180])
def test_no_text_is_more_than_a_value(max_bytes):
    for text in CORPUS:
        holds_its_place(text, max_bytes)


def holds_its_place(text, max_bytes):
    lines = re.split(r"(\r|\n)", text[:200])
    wanted = "".join(part if part in "\r\n" else safe(part) for part in lines).strip()
    for name, key in (
        ("portal", "cs1"),
        ("person", "duid"),
        ("reason", "reason"),
        ("device", "cs3"),
        ("actor", "suser"),
        ("person_name", "duser"),
    ):
        _, fields, pairs = cef_of({**EVENT, name: text, "detail": {"note": text}}, max_bytes)
        assert fields[3:5] == ["access_denied", "access denied"]
        assert pairs["cn1"] == "4711"
        if key in pairs and len(text) < 80:
            assert pairs[key] == wanted
    _, fields, pairs = cef_of({**EVENT, "kind": text}, max_bytes)
    assert fields[3] == safe(text)
    assert pairs["cn1"] == "4711"


@pytest.mark.parametrize("letter", ["😀", "=", "\\", "x"])
def test_details_are_cut_and_no_escape_is_cut_through(letter):
    for shift in range(6):
        data = message({**EVENT, "detail": {"note": "x" * shift + letter * 4000}}, ORIGIN, 2048)
        assert len(data) <= 2048
        _, _, text = parsed(data)
        assert parsed_cef(text)[1]["msg"].endswith("…")
        assert len(data) > 1200
