"""The udev template: its examples are real rules, tried by udev itself against a described device where it can be."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[2] / "udev" / "70-devicemgr.rules.in"
USB = "/devices/pci0000:00/0000:00:14.0/usb1/1-1"
TTY = f"{USB}/1-1:1.0/ttyUSB0/tty/ttyUSB0"
DEVICE = f"""P: {USB}
N: bus/usb/001/005
E: DEVTYPE=usb_device
E: SUBSYSTEM=usb
A: idVendor=0403
A: idProduct=6001
A: serial=A10KZ42X

P: {USB}/1-1:1.0
E: DEVTYPE=usb_interface
E: SUBSYSTEM=usb
A: bInterfaceNumber=00

P: {TTY}
N: ttyUSB0
E: SUBSYSTEM=tty
E: MAJOR=188
E: MINOR=0
"""
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


def test_each_example_names_the_device_and_keeps_others_off():
    examples = [line for line in rules() if "SYMLINK" in line]
    assert len(examples) == 3
    for line in examples:
        assert re.search(r'SYMLINK\+="gate/[a-z-]+", GROUP="dialout", MODE="0660", TAG\+="systemd"', line)
        assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in line


def can_mount() -> bool:
    tools = ("umockdev-run", "udevadm", "unshare")
    if os.geteuid() != 0 or not all(map(shutil.which, tools)) or not Path("/etc/udev/rules.d").is_dir():
        return False
    return (
        subprocess.run(
            ["unshare", "-m", "mount", "--bind", "/etc", "/etc"], check=False, capture_output=True
        ).returncode
        == 0
    )


@pytest.mark.skipif(not can_mount(), reason="needs root, mount namespaces, udev and umockdev")
@pytest.mark.parametrize(("serial", "named"), [("A10KZ42X", True), ("A10KZ42Y", False)])
def test_udev_gives_the_described_device_its_name(tmp_path, serial, named):
    folder = tmp_path / "rules.d"
    folder.mkdir()
    (folder / "70-devicemgr.rules").write_text("\n".join(rules()) + "\n")
    description = tmp_path / "device.umockdev"
    description.write_text(DEVICE.replace("A10KZ42X", serial))
    commands = (
        f"mkdir -p /run/udev && mount --bind {folder} /etc/udev/rules.d && mount -t tmpfs none /run/udev && "
        f"exec umockdev-run -d {description} -- udevadm test --action=add /sys{TTY}"
    )
    isolated = ["unshare", "-m", "sh", "-c", commands]
    answer = subprocess.run(isolated, check=False, capture_output=True, text=True, timeout=60)
    said = answer.stdout + answer.stderr
    assert "Reading rules file: /etc/udev/rules.d/70-devicemgr.rules" in said
    assert ("DEVLINKS=/dev/gate/turnstile-a" in said) == named
    assert ("SYSTEMD_WANTS=devicemgr.service" in said) == named
    assert ("ID_MM_DEVICE_IGNORE=1" in said) == named
    assert not re.search("invalid|unknown key", said, re.IGNORECASE)
