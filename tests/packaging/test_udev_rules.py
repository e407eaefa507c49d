"""The udev template: its examples are real rules, tried by udev itself against a described adapter where it can be."""

import re
from pathlib import Path
from typing import Any

import pytest

from devicemgr.udev.rules import parse

TEMPLATE = Path(__file__).parents[2] / "udev" / "70-devicemgr.rules.in"
PART = re.compile(r'(ACTION|SUBSYSTEM|(?:ATTRS|ENV)\{\w+\}|SYMLINK|GROUP|MODE|TAG|GOTO|LABEL)(==|!=|\+=|=)"[^"]*"')


def rules() -> list[str]:
    """The template as it is installed, with its examples made active."""
    lines = TEMPLATE.read_text().replace("@DEVICES@\n", "").replace("#: ", "").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_each_line_is_made_of_known_parts():
    assert TEMPLATE.read_text().count("\n@DEVICES@\n") == 1
    assert len(rules()) == 6
    for line in rules():
        assert all(PART.fullmatch(part) for part in line.split(", ")), line


def test_it_runs_after_the_rules_that_say_where_a_device_is_plugged_in():
    assert int(TEMPLATE.name.split("-")[0]) > 60


def test_each_example_is_a_rule_as_it_would_be_written():
    examples = [line for line in rules() if "SYMLINK" in line]
    assert len(examples) == 3
    for line in examples:
        assert parse(line).text == line
        assert 'GROUP="dialout", MODE="0660", TAG+="systemd", ENV{SYSTEMD_WANTS}+="devicemgr.service"' in line
        assert line.endswith('ENV{ID_MM_DEVICE_IGNORE}="1", ENV{ID_MM_PORT_IGNORE}="1"')


@pytest.mark.parametrize(("serial", "named"), [("A10KZ42X", True), ("A10KZ42Y", False)])
def test_udev_gives_the_described_device_its_name(adapters: Any, serial: str, named: bool):
    adapters.add("1-1", "0403", "6001", serial)
    (adapters.folder / "rules.d").mkdir()
    (adapters.folder / "rules.d" / "70-devicemgr.rules").write_text("\n".join(rules()) + "\n")
    said = adapters.says("ttyUSB0")
    assert bool(re.search(r"^DEVLINKS=.*/dev/gate/turnstile-a\b", said, re.MULTILINE)) == named
    for effect in ("SYSTEMD_WANTS=devicemgr.service", "ID_MM_DEVICE_IGNORE=1", "ID_MM_PORT_IGNORE=1"):
        assert (effect in said) == named
    assert not re.search("invalid|unknown key", said, re.IGNORECASE)
