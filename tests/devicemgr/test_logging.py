"""The daemon's log: as JSON, for journald, and never with what would move a cursor or turn a text."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
import unicodedata
from datetime import datetime

import pytest
from hypothesis import given, strategies as st

from devicemgr.logging import JsonFormatter, KeptLines, SafeFormatter

HOSTILE = st.text(st.characters(categories=["L", "N", "P", "S", "Z", "Cc", "Cf"]))
UNSAFE = {"Cc", "Cf", "Zl", "Zp"}


def record(message: str, **more: object) -> logging.LogRecord:
    found = logging.LogRecord("devicemgr.test", logging.WARNING, "", 0, message, (), None)
    found.__dict__.update(more)
    return found


@given(HOSTILE, HOSTILE)
def test_no_control_or_bidi_character_leaves_in_either_format(message: str, device: str) -> None:
    for formatter in (JsonFormatter(), SafeFormatter("%(levelname)s %(message)s")):
        line = formatter.format(record(message, device=device))
        assert not [c for c in line if unicodedata.category(c) in UNSAFE and c not in "\u200c\u200d"]


def test_a_line_says_time_level_logger_message_device_and_request() -> None:
    line = json.loads(JsonFormatter().format(record("the arm sticks", device="arm", request="r-1")))
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "level": "warning",
        "logger": "devicemgr.test",
        "message": "the arm sticks",
        "device": "arm",
        "request": "r-1",
    }


def test_a_devices_thread_says_its_name_and_an_exception_stays_one_line() -> None:
    lines: list[str] = []

    def fail() -> None:
        try:
            raise ValueError('no\x1b[2J\n{"level": "forged"}')
        except ValueError:
            found = record("the driver failed", exc_info=sys.exc_info())
            lines.append(JsonFormatter().format(found))

    thread = threading.Thread(target=fail, name="device-arm")
    thread.start()
    thread.join()
    (line,) = lines
    assert "\n" not in line
    found = json.loads(line)
    assert found["device"] == "arm"
    assert "ValueError" in found["exc"]
    assert "\x1b" not in found["exc"]


def test_journald_gets_the_priority_and_nobody_else() -> None:
    assert SafeFormatter("%(message)s", priority=True).format(record("x")) == "<4>x"
    assert SafeFormatter("%(message)s").format(record("x")) == "x"


def test_the_newest_lines_are_kept_and_no_more() -> None:
    kept = KeptLines()
    for number in range(2500):
        kept.handle(record(f"line {number}"))
    lines = kept.lines()
    assert (len(lines), json.loads(lines[-1])["message"]) == (2000, "line 2499")


PROGRAM = """
import logging
from devicemgr.logging import log_to_stderr
log_to_stderr("%(levelname)s %(name)s: %(message)s", FORM)
logging.getLogger("devicemgr.test").warning("one\\nline of \\u202etext")
logging.getLogger("httpx").info("unheard")
"""


@pytest.mark.parametrize(
    ("form", "environment", "begins"),
    [
        ("text", {}, "WARNING devicemgr.test: one\\nline of \\u202etext"),
        ("text", {"JOURNAL_STREAM": "1:2"}, "<4>WARNING devicemgr.test: "),
        ("json", {"JOURNAL_STREAM": "1:2"}, '{"time": "'),
        (None, {"DEVICEMGR_LOG_FORMAT": "json"}, '{"time": "'),
    ],
)
def test_a_process_writes_as_it_was_told(form: str | None, environment: dict[str, str], begins: str) -> None:
    clean = {
        name: value for name, value in os.environ.items() if name not in ("JOURNAL_STREAM", "DEVICEMGR_LOG_FORMAT")
    }
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("FORM", repr(form))],
        env=clean | environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    (line,) = io.StringIO(ran.stderr).readlines()
    assert line.startswith(begins)
