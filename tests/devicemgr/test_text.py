"""What leaves for a terminal or a log, and what counts as the same badge."""

import json
import logging

import pytest
from hypothesis import given, strategies as st

from devicemgr.errors import AlreadyExists
from devicemgr.logging import SafeFormatter
from devicemgr.site.site import Site
from devicemgr.store.people import people
from devicemgr.text import badge, json_line


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5))
def test_json_for_a_terminal_is_the_same_json(document: object) -> None:
    assert json.loads(json_line(document)) == document


@pytest.mark.parametrize("bad", ["\x9b2J", "\u202egnp.exe", "\u2028", "\U000e0041"])
def test_json_for_a_terminal_moves_no_cursor_and_turns_no_text(bad: str) -> None:
    line = json_line({"cause": f"Әлия علی می‌خواهم {bad}"})
    assert bad[0] not in line
    assert "Әлия علی می‌خواهم" in line


def test_a_device_cannot_forge_a_line_of_the_log_by_its_error(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("no\x1b[2J\nINFO devicemgr.access: the portal is locked")
    except ValueError:
        logging.getLogger("test").exception("the driver failed")
    record = caplog.records[0]
    record.exc_text = None  # pytest's own formatter has left its text there
    text = SafeFormatter("%(levelname)s %(name)s: %(message)s").format(record)
    first, *rest = text.split("\n")
    assert first == "ERROR test: the driver failed"
    assert all(line.startswith("    ") for line in rest)
    assert "\x1b" not in text
    assert "Traceback" in text


@pytest.mark.parametrize(("one", "other"), [("é1", "e\u03011"), ("A1", "Ａ１"), ("A-7", "A－7"), ("A1", " A1 ")])
def test_badges_that_look_the_same_are_the_same(site: Site, one: str, other: str) -> None:
    assert badge(one) == badge(other)
    with site.database.write() as session:
        people.add(session, badge(one), "Anna", None, None)
    with site.database.read() as session:
        assert people.get(session, other).name == "Anna"
        with pytest.raises(AlreadyExists):
            people.require_free(session, badge(other))
