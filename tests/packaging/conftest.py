"""Serial adapters that are described to libudev and udev by umockdev, so that no hardware is needed."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devicemgr.udev.rules import Port
from tests.packaging.wheels import Installed, build_once

ROOT = Path(__file__).parents[2]
PCI = "/devices/pci0000:00/0000:00:14.0"
LIST = """
import dataclasses, json
from devicemgr.udev.serial_ports import usb_serial_ports
print(json.dumps([dataclasses.asdict(port) for port in usb_serial_ports()]))
"""

# `udevadm test` makes real links in /dev; those below /dev/gate stay from one command to the next.
ISOLATE = """
mount -t tmpfs none "$0/dev"
cp -a /dev/null /dev/zero /dev/random /dev/urandom /dev/ptmx "$0/dev"
mkdir "$0/dev/gate" "$0/dev/shm" "$0/dev/pts"
mount --bind /dev/pts "$0/dev/pts"
mount --bind "$0/gate" "$0/dev/gate"
mount --move "$0/dev" /dev
mkdir -p /run/udev && mount -t tmpfs none /run/udev
mount --bind "$0/rules.d" /etc/udev/rules.d
exec "$@"
"""


def _can_mount() -> bool:
    isolated = ["unshare", "-m", "mount", "--bind", "/etc", "/etc"]
    return os.geteuid() == 0 and subprocess.run(isolated, check=False, capture_output=True).returncode == 0


@dataclasses.dataclass
class Adapters:
    """A described bus; `add` plugs an adapter in, the rest runs real libudev and udev on it."""

    folder: Path
    text: str = f"P: {PCI}\nE: SUBSYSTEM=pci\n\nP: {PCI}/usb1\nE: DEVTYPE=usb_device\nE: SUBSYSTEM=usb\n\n"
    ttys: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(
        self,
        usb_port: str,
        vid: str,
        pid: str,
        serial: str | None = None,
        interfaces: int = 1,
        lines: int = 1,
        id_path: bool = True,
        links: str = "",
    ) -> None:
        """An adapter with `lines` ports on each of its interfaces."""
        usb = f"{PCI}/usb1/{usb_port}"
        self.text += f"P: {usb}\nE: DEVTYPE=usb_device\nE: SUBSYSTEM=usb\nA: idVendor={vid}\\n\nA: idProduct={pid}\\n\n"
        self.text += (f"A: serial={serial}\\n\n" if serial is not None else "") + "\n"
        for interface in range(interfaces):
            path = f"{usb}/{usb_port}:1.{interface}"
            self.text += (
                f"P: {path}\nE: DEVTYPE=usb_interface\nE: SUBSYSTEM=usb\nA: bInterfaceNumber={interface:02x}\\n\n"
            )
            self.text += "A: bInterfaceClass=ff\\n\nA: bInterfaceSubClass=00\\n\n\n"
            for line in range(lines):
                name = f"ttyUSB{len(self.ttys)}"
                self.ttys[name] = f"{path}/{name}/tty/{name}"
                found = f"E: ID_PATH=pci-0000:00:14.0-usb-0:{usb_port.split('-')[1]}:1.{interface}\n" if id_path else ""
                found += f"E: DEVLINKS={links}\n" if links else ""
                self.text += f"P: {path}/{name}\nE: SUBSYSTEM=usb-serial\nA: port_number={line}\\n\n\n"
                self.text += f"P: {self.ttys[name]}\nN: {name}\nE: SUBSYSTEM=tty\nE: DEVNAME=/dev/{name}\n"
                self.text += f"E: MAJOR=188\nE: MINOR={len(self.ttys) - 1}\n{found}\n"

    def _described(self) -> list[str]:
        file = self.folder / "bus.umockdev"
        file.write_text(self.text)
        return ["umockdev-run", "-d", str(file), "--"]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command that sees these adapters, in a namespace with rules and a /dev of its own, without udev."""
        for name in ("rules.d", "gate", "dev"):
            (self.folder / name).mkdir(exist_ok=True)
        return subprocess.run(
            ["unshare", "-m", "sh", "-ec", ISOLATE, str(self.folder), *self._described(), *command],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`devicemgr udev …`"""
        return self.run(sys.executable, "-m", "cli", "udev", *arguments)

    def ports(self) -> list[Port]:
        """What our own look finds."""
        said = subprocess.run(
            [*self._described(), sys.executable, "-c", LIST], cwd=ROOT, check=True, capture_output=True, timeout=60
        )
        return [Port(**one | {"links": tuple(one["links"])}) for one in json.loads(said.stdout)]

    def says(self, tty: str) -> str:
        """What udev itself would do for one port, by the rules in the folder."""
        answer = self.run("udevadm", "test", "--action=add", f"/sys{self.ttys[tty]}")
        said = answer.stdout + answer.stderr
        assert "Reading rules file: /etc/udev/rules.d/70-devicemgr.rules" in said, said
        return said

    def links(self, tty: str) -> set[str]:
        """The names below /dev/gate that udev gives a port."""
        (line,) = [line for line in self.says(tty).splitlines() if line.startswith("DEVLINKS=")] or ["DEVLINKS="]
        links = line.removeprefix("DEVLINKS=").split()
        return {link.removeprefix("/dev/gate/") for link in links if link.startswith("/dev/gate/")}


@pytest.fixture
def adapters(tmp_path: Path) -> Any:
    tools = [tool for tool in ("umockdev-run", "udevadm", "unshare") if shutil.which(tool) is None]
    if tools or not Path("/etc/udev/rules.d").is_dir():
        pytest.skip(f"{', '.join(tools) or '/etc/udev'} is missing: apt-get install udev umockdev util-linux")
    if not _can_mount():
        pytest.skip("needs root and mount namespaces, to give udev a rules folder of the test's own")
    return Adapters(tmp_path)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The product as a wheel, installed beside this checkout once for all workers."""
    base = tmp_path_factory.getbasetemp()
    return build_once((base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "wheel")
