"""Readers looked for on a line, and moved to another address, by command; strict readers of the tests' own."""

import dataclasses

import pytest

from drivers import Catalog
from drivers.osdp_reader import line_setup
from tests.drivers.osdp_reader.spec_reader import SpecLine, SpecReader

pytestmark = pytest.mark.usefixtures("home")

KEY = bytes.fromhex("8f3a10c7be5520d94417fa6e02b3c85d")


@pytest.fixture
def parts(parts):
    """The real kinds."""
    return dataclasses.replace(parts, catalog=Catalog())


@pytest.fixture
def line(monkeypatch):
    monkeypatch.setattr(line_setup, "FIRST_ROUND_S", 0.02)
    monkeypatch.setattr(line_setup, "BAUDRATES", (9600,))
    reader, other = SpecReader(unit=0, key=KEY), SpecReader(unit=9)
    with SpecLine(reader, other) as at:
        yield at, reader


def test_a_reader_is_moved_and_found_at_its_new_address(line, cli, done, monkeypatch):
    at, reader = line
    monkeypatch.setenv("READER_KEY", KEY.hex())
    done(
        *("device", "add", "front", "--driver", "osdp_reader", "--address", at.path),
        *("--option", "unit=0", "--password-env", "READER_KEY"),
    )
    ran = cli("device", "provision", "front", "--set-unit", "5", "--json")
    assert (ran.code, ran.json) == (0, {"name": "front", "address": at.path, "unit": 5})
    assert reader.unit == 5
    assert done("device", "show", "front")["options"]["unit"] == 5
    assert done("device", "test", "front")["ok"]
    (event,) = [
        event["detail"]
        for event in cli("events", "--kind", "admin.device_edited", "--json").lines
        if "options" in event["detail"]["changed"]
    ]
    assert event["device"] == "front"
    found = cli("device", "discover", "--line", at.path, "--seconds", "30", "--json").json
    assert [(row["options"], row["known"]) for row in found] == [({"unit": "5"}, "front"), ({"unit": "9"}, None)]


def test_what_can_not_be_given(line, cli, done):
    at, _ = line
    done("device", "add", "front", "--driver", "osdp_reader", "--address", at.path, "--option", "unit=9")
    assert cli("device", "provision", "front", "other", "--set-unit", "5").code == 2
    assert cli("device", "provision", "front", "--set-unit", "127").code == 2
    taken = cli("device", "provision", "front", "--set-unit", "0")
    assert taken.code == 1
    none = cli("device", "discover", "--line", at.path, "--kind", "onvif_camera")
    assert none.code == 1
    assert "can't be looked for on a line; these can: osdp_reader" in none.error
