"""udev rules that give serial adapters names which stay: what a line says, and which line fits an adapter.

Facts: DEVICE_FACTS, udev. Only checked values reach a rule: nothing that an adapter says of itself is trusted.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from devicemgr.errors import InvalidInput
from devicemgr.text import safe, slug

FILE = "70-devicemgr.rules"
DEVICES = "@DEVICES@"
_MARKER = "# The devices of this site:"
_FRAME = {
    'ACTION=="remove", GOTO="devicemgr_end"',
    'SUBSYSTEM!="tty", GOTO="devicemgr_end"',
    'LABEL="devicemgr_end"',
}

_VENDOR, _PRODUCT, _SERIAL = "ATTRS{idVendor}", "ATTRS{idProduct}", "ATTRS{serial}"
_PATH, _KERNELS = "ENV{ID_PATH}", "KERNELS"
_INTERFACE, _PORT = "ENV{ID_USB_INTERFACE_NUM}", "ENV{.ID_PORT}"
_MATCHES = (_VENDOR, _PRODUCT, _SERIAL, _PATH, _KERNELS, _INTERFACE, _PORT)
# Without what udev reads as a pattern ([ ] * ? |), a substitution ($ %), or the end of a value (" \ newline).
_VALUE = re.compile(r"[A-Za-z0-9:._+-]{1,128}\Z")
_GATE = "gate/"
_ASSIGNED = (
    ("GROUP", "=", "dialout"),
    ("MODE", "=", "0660"),
    ("TAG", "+=", "systemd"),
    ("ENV{SYSTEMD_WANTS}", "+=", "devicemgr.service"),
    ("ENV{ID_MM_DEVICE_IGNORE}", "=", "1"),
    ("ENV{ID_MM_PORT_IGNORE}", "=", "1"),
)
_PART = re.compile(r'\s*([A-Z_]+(?:\{[^}"]*\})?)\s*(==|!=|\+=|-=|:=|=)\s*"([^"\\]*)"\s*(,|\Z)')
_LINK = re.compile(r'SYMLINK\s*(?:\+=|:=|=)\s*"([^"]*)"')
# What makers leave in every adapter of a series.
_DEFAULT_SERIALS = {"0", "0001", "1", "12345678", "123456", "0123456789", "0123456789abcdef", "a50285bi", "none"}


@dataclass(frozen=True, slots=True)
class Port:
    """A plugged serial adapter's port, as kernel and udev tell it; `serial` and `product` are the device's words."""

    path: str
    vid: str
    pid: str
    serial: str | None
    product: str
    usb_port: str
    interface_path: str
    id_path: str | None = None
    interface: str | None = None
    port_number: str | None = None
    links: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        """The name below /dev/gate that it has already."""
        found = [link.removeprefix("/dev/gate/") for link in self.links if link.startswith("/dev/gate/")]
        return min(found, default=None)


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` for the port where all of `match` (udev's key to value) holds; InvalidInput if that can't be written."""

    name: str
    match: Mapping[str, str] = field(hash=False)

    def __post_init__(self) -> None:
        slug("a port's", self.name)
        pinned = {_VENDOR, _PRODUCT, _SERIAL} <= set(self.match) or _PATH in self.match or _KERNELS in self.match
        if not pinned or not set(self.match) <= set(_MATCHES):
            raise InvalidInput(f"a rule for '{self.name}' must say the serial number or the USB port; see udev suggest")
        for value in self.match.values():
            if not _VALUE.match(value):
                raise InvalidInput(f"'{safe(value, 60)}' can't stand in a udev rule; pin '{self.name}' to its USB port")

    @property
    def text(self) -> str:
        """The one line of the rules file."""
        matches = [f'{key}=="{self.match[key]}"' for key in _MATCHES if key in self.match]
        assigned = [f'{key}{sign}"{value}"' for key, sign, value in _ASSIGNED]
        return ", ".join([*matches, f'SYMLINK+="{_GATE}{self.name}"', *assigned])

    def fits(self, port: Port) -> bool:
        """Return True if udev would give this name to `port`."""
        return all(_values(port)[key] == value for key, value in self.match.items())


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The rule for a port, what pins it (`serial` or `usb_port`), and what the technician must know."""

    port: Port
    rule: Rule
    pinned_by: str
    note: str | None


def parse(line: str) -> Rule | None:
    """Return the rule that `line` is, if it is one that devicemgr writes or wrote; else None."""
    match: dict[str, str] = {}
    name, end = "", 0
    while end < len(line):
        part = _PART.match(line, end)
        if part is None:
            return None
        key, sign, value = part[1], part[2], part[3]
        if sign == "==" and key not in match:
            match[key] = value
        elif (key, sign) == ("SYMLINK", "+=") and value.startswith(_GATE) and not name:
            name = value.removeprefix(_GATE)
        elif (key, sign, value) not in _ASSIGNED:
            return None
        end = part.end()
    try:
        return Rule(name, match)
    except InvalidInput:
        return None


def names_in(line: str) -> set[str]:
    """Return the names below /dev/gate that any line of any rules file gives."""
    links = " ".join(_LINK.findall(line)).split() if not line.lstrip().startswith("#") else []
    return {link.removeprefix(_GATE) for link in links if link.startswith(_GATE)}


def suggest(port: Port, ports: Iterable[Port], name: str) -> Suggestion:
    """By serial number where that tells `port` from all of `ports`, else by the USB socket it is plugged into."""
    others = [other for other in ports if other.path != port.path]
    unfit = _why_not_by_serial(port, others)
    if unfit is None:
        match = {_VENDOR: port.vid, _PRODUCT: port.pid, _SERIAL: port.serial or ""}
    elif port.id_path and _VALUE.match(port.id_path):
        match = {_PATH: port.id_path}
    else:
        match = {_KERNELS: port.interface_path}
    match |= _which_of_several(port, [other for other in others if other.usb_port == port.usb_port], unfit is None)
    note = f"{unfit}: the name belongs to USB port {port.usb_port}, so label the socket" if unfit else None
    return Suggestion(port, Rule(name, match), "usb_port" if unfit else "serial", note)


def _why_not_by_serial(port: Port, others: Sequence[Port]) -> str | None:
    if not port.serial:
        return "it has no serial number"
    twins = {o.usb_port for o in others if (o.vid, o.pid, o.serial) == (port.vid, port.pid, port.serial)}
    if twins - {port.usb_port}:
        return "another adapter has the same serial number"
    if not _VALUE.match(port.serial):
        return "its serial number has characters that can't stand in a rule"
    if port.serial.lower() in _DEFAULT_SERIALS:
        return "its serial number is one that makers give to every adapter"
    return None


def _which_of_several(port: Port, siblings: Sequence[Port], by_serial: bool) -> dict[str, str]:
    """Return what tells the ports of one adapter apart; a path names the interface already."""
    found = {}
    if by_serial and any(other.interface != port.interface for other in siblings) and port.interface:
        found[_INTERFACE] = port.interface
    if any(other.interface == port.interface for other in siblings) and port.port_number:
        found[_PORT] = port.port_number
    return found


def _values(port: Port) -> dict[str, str | None]:
    return {
        _VENDOR: port.vid,
        _PRODUCT: port.pid,
        _SERIAL: port.serial,
        _PATH: port.id_path,
        _KERNELS: port.interface_path,
        _INTERFACE: port.interface,
        _PORT: port.port_number,
    }


def logical_lines(text: str) -> list[str]:
    """Return the lines as udev reads them: a backslash at the end goes on in the next."""
    joined: list[str] = []
    goes_on = False
    for line in text.splitlines():
        part = line.strip()
        if goes_on:
            joined[-1] += part.removesuffix("\\")
        else:
            joined.append(part.removesuffix("\\"))
        goes_on = part.endswith("\\") and not part.startswith("#")
    return [line.strip() for line in joined]


def site_lines(text: str) -> list[str]:
    """Return what a rules file holds beyond the template: its rules, and the comments among them."""
    kept: list[str] = []
    ours = False
    for line in logical_lines(text):
        if line == _MARKER:
            ours = True
        elif line and line not in _FRAME and (ours or not line.startswith("#")):
            kept.append(line)
    return kept


def compose(template: str, installed: str, rules: Iterable[Rule], remove: Iterable[str] = ()) -> str:
    """Return the rules file: the template, the lines of `installed` for other names, and `rules`."""
    new = {rule.name: rule for rule in rules}
    gone = set(remove)
    lines: list[str] = []
    for line in site_lines(installed):
        names = names_in(line)
        if not names & (gone | set(new)):
            known = parse(line)
            lines.append(known.text if known else line)
    lines += [rule.text for rule in new.values()]
    return template.replace(DEVICES, "\n".join(lines)) if lines else template.replace(DEVICES + "\n", "")
