"""`udev install` and `udev verify` on a rules folder of the test's own, with a udevadm that the test plays."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from devicemgr.cli.devices import udev
from devicemgr.udev import rules_check, rules_file
from devicemgr.udev.rules import Port, suggest

FTDI = Port(
    "/dev/ttyUSB0", "0403", "6001", "A10KZ42X", "FT232R", "1-1", "1-1:1.0", "pci-0000:00:14.0-usb-0:1:1.0", "00"
)
CH340 = Port("/dev/ttyUSB1", "1a86", "7523", None, "USB Serial", "1-2", "1-2:1.0", "pci-0000:00:14.0-usb-0:2:1.0", "00")
ANOTHER = Port(
    "/dev/ttyUSB2", "0403", "6001", "A10KZ42X", "FT232R", "1-3", "1-3:1.0", "pci-0000:00:14.0-usb-0:3:1.0", "00"
)
RULE = suggest(FTDI, [FTDI], "arm").rule.text


class Box:
    """A box whose adapters, rules folder and udevadm are the test's."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.log, self._patch = folder / "rules.d", folder / "udevadm.log", patch
        self.file, self.gate = self.folder / "70-devicemgr.rules", folder / "gate"
        (folder / "bin").mkdir()
        self.folder.mkdir()
        self.gate.mkdir()
        (self.folder / "60-serial.rules").write_text("")
        (folder / "control").touch()
        patch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        for module, name, value in (
            (rules_file, "RULES", self.file),
            (rules_file, "CONTROL", folder / "control"),
            (rules_check, "FOLDERS", (self.folder,)),
            (rules_check, "GATE", self.gate),
        ):
            patch.setattr(module, name, value)
        self.udevadm('echo "$@" >>' + str(self.log) + '\n[ "$1" != --version ] || echo 252')
        self.plug(FTDI, CH340)

    def udevadm(self, body: str) -> None:
        tool = self.folder.parent / "bin" / "udevadm"
        tool.write_text(f"#!/bin/sh\n{body}\n")
        tool.chmod(0o755)

    def plug(self, *ports: Port) -> None:
        self._patch.setattr(udev, "usb_serial_ports", lambda: list(ports))

    def link(self, name: str, port: Port, target: Path) -> Port:
        """Stands in for udev: a link to a file, and the port as it is with that path."""
        target.touch()
        (self.gate / name).symlink_to(target)
        return Port(**{key: getattr(port, key) for key in port.__slots__} | {"path": str(target)})

    def lines(self) -> list[str]:
        return [line for line in self.file.read_text().splitlines() if "SYMLINK" in line and not line.startswith("#")]


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    return Box(tmp_path, monkeypatch)


def test_it_is_written_whole_for_all_to_read_and_udev_applies_it(box: Box, done: Any) -> None:
    answer = done("udev", "install", "arm=/dev/ttyUSB0")
    assert answer == {
        "file": str(box.file),
        "changed": True,
        "installed": ["arm"],
        "removed": [],
        "names": ["arm"],
        "active": True,
    }
    assert box.lines() == [RULE]
    assert stat.S_IMODE(box.file.stat().st_mode) == 0o644
    assert box.log.read_text().splitlines() == [
        "control --reload",
        "trigger --subsystem-match=tty --action=change",
        "settle --timeout=10",
    ]
    assert sorted(path.name for path in box.folder.iterdir()) == ["60-serial.rules", "70-devicemgr.rules"]
    assert not done("udev", "install")["changed"]


def test_rules_for_other_names_stay_and_a_name_moves_to_another_adapter(box: Box, done: Any) -> None:
    foreign = 'KERNEL=="ttyS1", SYMLINK+="gate/old-arm", MODE="0600"'
    box.file.write_text(f"# by hand\n{foreign}\n# The devices of this site:\n# beside the lift\n{RULE}\n")
    answer = done("udev", "install", "arm=ttyUSB1", "b=/dev/ttyUSB0")
    assert answer["names"] == ["arm", "b", "old-arm"]
    assert next(line for line in box.lines() if "gate/arm" in line).startswith("ENV{ID_PATH}==")
    assert foreign in box.lines()
    assert "# beside the lift" in box.file.read_text().splitlines()
    assert done("udev", "install", "--remove", "old-arm")["names"] == ["arm", "b"]


def test_rules_of_an_earlier_version_are_brought_up_to_date(box: Box, done: Any) -> None:
    box.file.write_text(RULE.replace(', ENV{ID_MM_PORT_IGNORE}="1"', "").replace(", SYMLINK", ", \\\n  SYMLINK"))
    done("udev", "install")
    assert box.lines() == [RULE]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["Arm=/dev/ttyUSB0"], 1, "not a short name"),
        (["../x=/dev/ttyUSB0"], 1, "not a short name"),
        (["arm"], 2, "write NAME=PORT"),
        (["arm=/dev/ttyUSB9"], 1, "no plugged USB serial adapter"),
        (["a=/dev/ttyUSB0", "a=/dev/ttyUSB1"], 1, "given twice"),
        (["a=/dev/ttyUSB0", "b=/dev/ttyUSB0"], 1, "same port"),
        (["--rule", RULE.replace('MODE="0660"', 'RUN+="/bin/true"')], 1, "not a rule of devicemgr"),
        (["--rule", RULE + '\nRUN+="/bin/true"'], 1, "not a rule of devicemgr"),
        (["--rule", RULE.replace("A10KZ42X", "A*")], 1, "not a rule of devicemgr"),
        (["--rule", RULE.replace("A10KZ42X", "$env{X}")], 1, "not a rule of devicemgr"),
        (["--rule", RULE.replace('ATTRS{serial}=="A10KZ42X", ', "")], 1, "not a rule of devicemgr"),
        (["--rule", RULE.replace("gate/arm", "gate/arm sda")], 1, "not a rule of devicemgr"),
        (["--remove", "unknown"], 1, "no rule gives the name"),
    ],
)
def test_one_bad_argument_and_nothing_is_written(
    box: Box, cli: Any, arguments: list[str], code: int, says: str
) -> None:
    box.file.write_text(RULE.replace("gate/arm", "gate/kept"))
    before = box.file.read_text()
    ran = cli("udev", "install", "good=/dev/ttyUSB1", *arguments)
    assert ran.code == code
    assert says in ran.err
    assert box.file.read_text() == before
    assert not box.log.exists()


def test_when_udev_refuses_the_old_rules_are_back(box: Box, cli: Any) -> None:
    box.udevadm(f'echo "$@" >>{box.log}; echo "no such thing" >&2; exit 1')
    assert cli("udev", "install", "arm=/dev/ttyUSB0").error.startswith(
        "error: udev did not take the new rules (no such"
    )
    assert box.log.exists()
    assert not box.file.exists()
    box.file.write_text("# mine\n")
    assert cli("udev", "install", "arm=/dev/ttyUSB0").code == 1
    assert box.file.read_text() == "# mine\n"


def test_without_root_it_says_so_in_one_line(box: Box, cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    ran = cli("udev", "install", "--rule", RULE)
    assert (ran.code, ran.error) == (1, f"error: {box.file} may be written by root only; sudo devicemgr udev install")


def test_a_link_in_the_rules_place_is_not_followed(box: Box, cli: Any, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious")
    box.file.symlink_to(tmp_path / "elsewhere")
    assert "is a link" in cli("udev", "install", "--rule", RULE).error
    assert (tmp_path / "elsewhere").read_text() == "precious"


def problems(cli: Any) -> dict[str, str]:
    ran = cli("udev", "verify", "--json")
    assert ran.code == (4 if ran.json["problems"] else 0)
    assert ran.json["ok"] == (ran.code == 0)
    return {one["what"]: one["problem"] for one in ran.json["problems"]}


def test_verify_finds_all_well(box: Box, cli: Any, done: Any, tmp_path: Path) -> None:
    done("udev", "install", "arm=/dev/ttyUSB0")
    box.plug(box.link("arm", FTDI, tmp_path / "tty"))
    assert problems(cli) == {}
    assert "no problems" in cli("udev", "verify").out


def test_verify_names_each_problem(box: Box, cli: Any, done: Any, tmp_path: Path) -> None:
    assert problems(cli) == {"70-devicemgr.rules": "it is not installed"}
    done("udev", "install", "arm=/dev/ttyUSB0", "b=/dev/ttyUSB1")
    here = box.link("arm", FTDI, tmp_path / "tty")
    box.plug(here)
    assert problems(cli) == {"b": "its adapter is not plugged in"}
    box.plug(here, CH340, ANOTHER)
    assert problems(cli) == {
        "arm": f"{here.path} and /dev/ttyUSB2 both claim this name",
        "b": f"/dev/ttyUSB1 fits, but there is no {box.gate / 'b'}",
    }
    box.link("b", CH340, tmp_path / "wrong")
    box.plug(here, CH340)
    assert "instead of /dev/ttyUSB1" in problems(cli)["b"]


def test_verify_finds_what_others_have_written(box: Box, cli: Any, done: Any, tmp_path: Path) -> None:
    done("udev", "install", "arm=/dev/ttyUSB0")
    box.plug(box.link("arm", FTDI, tmp_path / "tty"))
    early = box.folder / "50-own.rules"
    early.write_text('KERNEL=="ttyS0", SYMLINK+="x gate/arm"\n# SYMLINK+="gate/b"\n')
    assert problems(cli) == {
        "arm": f"{early} gives this name too",
        str(early): "it is read before 60-serial.rules, which finds the USB ports",
    }
    early.unlink()
    (box.folder / "60-serial.rules").unlink()
    assert list(problems(cli)) == ["60-serial.rules"]


def test_verify_finds_a_file_changed_by_hand_and_a_port_with_two_names(
    box: Box, cli: Any, done: Any, tmp_path: Path
) -> None:
    done("udev", "install", "arm=/dev/ttyUSB0")
    here = box.link("arm", FTDI, tmp_path / "tty")
    (box.gate / "twin").symlink_to(here.path)
    box.plug(here)
    text = box.file.read_text()
    by_path = f'ENV{{ID_PATH}}=="{FTDI.id_path}", SYMLINK+="gate/twin"\n'
    box.file.write_text(text.replace(RULE, RULE + "\n" + by_path))
    assert problems(cli) == {
        "70-devicemgr.rules": "it is not as this version writes it",
        "twin": f"{here.path} is also called arm, and two devices would talk on one line",
    }
    box.file.write_text(text.replace(RULE, RULE + '\nKERNEL=="ttyUSB*", MODE="0666"\n' + RULE))
    found = problems(cli)
    assert found["arm"] == "two rules give this name"


@pytest.mark.parametrize(("version", "used"), [("252 (252.38-1)", False), ("255", True)])
def test_udevadm_verify_is_used_where_it_exists(
    box: Box, cli: Any, done: Any, tmp_path: Path, version: str, used: bool
) -> None:
    done("udev", "install", "arm=/dev/ttyUSB0")
    box.plug(box.link("arm", FTDI, tmp_path / "tty"))
    box.udevadm(f'[ "$1" != --version ] || echo "{version}"\n[ "$1" != verify ] || {{ echo "$2: bad" >&2; exit 1; }}')
    assert problems(cli) == ({"70-devicemgr.rules": f"udevadm verify: {box.file}: bad"} if used else {})
