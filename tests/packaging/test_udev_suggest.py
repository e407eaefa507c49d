"""Adapters on a described bus: the rule suggested for each is installed, and udev itself gives the port its name."""

import json
from pathlib import Path
from typing import Any

import pytest

from devicemgr.udev.rules import Rule, Suggestion, compose, suggest

TEMPLATE = (Path(__file__).parents[2] / "udev" / "70-devicemgr.rules.in").read_text()


def named(adapters: Any, names: dict[str, str]) -> dict[str, Suggestion]:
    """Install what is suggested for each of `names` (tty to name)."""
    ports = adapters.ports()
    found = {port.path.removeprefix("/dev/"): port for port in ports}
    made = {tty: suggest(found[tty], ports, name) for tty, name in names.items()}
    (adapters.folder / "rules.d").mkdir(exist_ok=True)
    text = compose(TEMPLATE, "", [one.rule for one in made.values()])
    (adapters.folder / "rules.d" / "70-devicemgr.rules").write_text(text)
    return made


def test_an_adapter_with_a_serial_number_is_known_in_any_socket(adapters: Any) -> None:
    adapters.add("1-1", "0403", "6001", "A10KZ42X")
    one = named(adapters, {"ttyUSB0": "arm"})["ttyUSB0"]
    assert (one.pinned_by, one.note) == ("serial", None)
    assert adapters.links("ttyUSB0") == {"arm"}
    moved = type(adapters)(adapters.folder)
    moved.add("1-4.2", "0403", "6001", "A10KZ42X")
    assert moved.links("ttyUSB0") == {"arm"}


def test_two_alike_without_serial_numbers_are_known_by_their_sockets(adapters: Any) -> None:
    adapters.add("1-1", "1a86", "7523")
    adapters.add("1-2", "1a86", "7523")
    made = named(adapters, {"ttyUSB0": "left", "ttyUSB1": "right"})
    assert {one.pinned_by for one in made.values()} == {"usb_port"}
    assert made["ttyUSB1"].note == ("it has no serial number: the name belongs to USB port 1-2, so label the socket")
    assert (adapters.links("ttyUSB0"), adapters.links("ttyUSB1")) == ({"left"}, {"right"})


@pytest.mark.parametrize("serial", ["FT4KZ42X", None])
def test_the_ports_of_one_adapter_are_kept_apart_by_interface(adapters: Any, serial: str | None) -> None:
    adapters.add("1-3", "0403", "6011", serial, interfaces=4)
    names = {f"ttyUSB{n}": f"bus-{n}" for n in range(4)}
    made = named(adapters, names)
    assert ('ENV{ID_USB_INTERFACE_NUM}=="02"' in made["ttyUSB2"].rule.text) == (serial is not None)
    assert {tty: adapters.links(tty) for tty in names} == {tty: {name} for tty, name in names.items()}


@pytest.mark.parametrize("serial", ["MCS7840X", None])
def test_the_ports_of_one_interface_are_kept_apart_too(adapters: Any, serial: str | None) -> None:
    adapters.add("1-3", "9710", "7840", serial, lines=2)
    named(adapters, {"ttyUSB0": "a", "ttyUSB1": "b"})
    assert (adapters.links("ttyUSB0"), adapters.links("ttyUSB1")) == ({"a"}, {"b"})


@pytest.mark.parametrize("serial", ["A10KZ42X", "0001"])
def test_a_serial_number_that_two_share_tells_neither(adapters: Any, serial: str) -> None:
    adapters.add("1-1", "10c4", "ea60", serial)
    adapters.add("1-2", "10c4", "ea60", serial)
    made = named(adapters, {"ttyUSB0": "left", "ttyUSB1": "right"})
    assert all("another adapter has the same serial number" in one.note for one in made.values())
    assert (adapters.links("ttyUSB0"), adapters.links("ttyUSB1")) == ({"left"}, {"right"})


def test_a_port_whose_path_udev_does_not_know_is_pinned_by_the_kernels_name(adapters: Any) -> None:
    adapters.add("1-1.3", "1a86", "7523", id_path=False)
    one = named(adapters, {"ttyUSB0": "arm"})["ttyUSB0"]
    assert one.rule.text.startswith('KERNELS=="1-1.3:1.0", ')
    assert adapters.links("ttyUSB0") == {"arm"}


@pytest.mark.parametrize(
    "serial",
    ['A"", RUN+="/bin/touch /x"', r"A\nRUN+=\"/bin/true\"", "A$env{PATH}", "A%k", "A*", "A[0-9]", "A B", "A\\"],
)
def test_a_hostile_serial_number_never_reaches_a_rule(adapters: Any, serial: str) -> None:
    adapters.add("1-1", "0403", "6001", serial)
    (port,) = adapters.ports()
    assert port.serial, "the adapter does say it"
    one = named(adapters, {"ttyUSB0": "arm"})["ttyUSB0"]
    assert one.pinned_by == "usb_port"
    assert "characters that can't stand in a rule" in one.note
    assert one.rule.text == Rule("arm", {"ENV{ID_PATH}": port.id_path}).text
    assert adapters.links("ttyUSB0") == {"arm"}


def test_from_suggestion_to_names_by_the_command(adapters: Any) -> None:
    adapters.add("1-1", "0403", "6001", "A10KZ42X")
    adapters.add("1-2", "1a86", "7523", "evil\\x1b[31m")
    said = adapters.cli("suggest", "--name", "arm", "--json")
    first, second = json.loads(said.stdout)
    assert first | {"rule": ""} == {
        "name": "arm-1",
        "path": "/dev/ttyUSB0",
        "vid": "0403",
        "pid": "6001",
        "serial": "A10KZ42X",
        "usb_port": "1-1",
        "rule": "",
        "pinned_by": "serial",
        "note": None,
    }
    assert (second["usb_port"], second["pinned_by"]) == ("1-2", "usb_port")
    assert "\x1b" not in adapters.cli("suggest").stdout
    made = adapters.cli("install", "left=/dev/ttyUSB1", "--rule", first["rule"], "--json")
    assert json.loads(made.stdout)["names"] == ["arm-1", "left"], made.stderr
    assert "label the socket" in made.stderr
    assert "udev does not run here" in made.stderr
    assert (adapters.links("ttyUSB0"), adapters.links("ttyUSB1")) == ({"arm-1"}, {"left"})
    checked = adapters.cli("verify", "--json")
    assert (checked.returncode, json.loads(checked.stdout)["problems"]) == (0, [])
    assert json.loads(checked.stdout)["names"] == [
        {"name": "arm-1", "port": "/dev/ttyUSB0"},
        {"name": "left", "port": "/dev/ttyUSB1"},
    ]
    (adapters.folder / "gate" / "left").unlink()
    (adapters.folder / "gate" / "arm-1").unlink()
    (adapters.folder / "gate" / "arm-1").symlink_to("../ttyUSB1")
    checked = adapters.cli("verify", "--json")
    assert checked.returncode == 4
    assert sorted((one["what"], one["problem"]) for one in json.loads(checked.stdout)["problems"]) == [
        ("arm-1", "/dev/gate/arm-1 leads to /dev/ttyUSB1 instead of /dev/ttyUSB0"),
        ("left", "/dev/ttyUSB1 fits, but there is no /dev/gate/left"),
    ]


def test_a_port_keeps_the_name_that_it_has(adapters: Any) -> None:
    adapters.add("1-1", "0403", "6001", "A10KZ42X", links="/dev/serial/by-id/x /dev/gate/line-1")
    adapters.add("1-2", "1a86", "7523")
    found = json.loads(adapters.cli("suggest", "--json").stdout)
    assert [one["name"] for one in found] == ["line-1", "line-2"]
