"""Search for devices of every kind with discovery and for serial ports, in parallel; escape what they report."""

import ipaddress
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from devicemgr.devices.addresses import same_place
from devicemgr.domain.ports.driver import Driver, DriverCatalog, Found
from devicemgr.errors import DeviceError, Hint, InvalidInput, NotFound, SystemFault
from devicemgr.text import safe
from devicemgr.udev.serial_ports import usb_serial_ports

SERIAL = "serial"
MAX_HOSTS = 1024
_MAX_FOUND = 500
_HOSTS_A_SECOND = 60  # silent ones, where two ports of each are tried
_GRACE_S = 3.0
_LIMITS = {"model": 80, "serial": 80, "name": 80, "note": 300}

Place = str | tuple[str, str]
"""A device's address, or its address and its unit on a shared line."""
Scan = Callable[[str, float, Callable[[str], None]], list[Found]]

_log = logging.getLogger(__name__)
_busy: set[str] = set()
_busy_lock = threading.Lock()


@dataclass
class _Look:
    """What one kind's thread brings back."""

    kind: str
    ask: Callable[[], list[Found]]
    found: list[Found] = field(default_factory=list)
    note: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            self.found = list(self.ask())[:_MAX_FOUND]
        except (SystemFault, DeviceError, InvalidInput) as error:
            self.note = f"{self.kind}: {error}"
        except Exception as error:  # a driver of any origin: one that fails hides no other
            _log.exception("looking for %s failed", self.kind)
            self.note = f"{self.kind}: looking failed ({type(error).__name__}: {error}); see the log"
        finally:
            with _busy_lock:
                _busy.discard(self.kind)
            self.ended.set()


def expand(hosts: Sequence[str]) -> list[str]:
    """Addresses from addresses, `A-B` and `A/PREFIX`, IPv4 and IPv6, each once; InvalidInput beyond 1024."""
    found: dict[str, None] = {}
    for text in hosts:
        found.update(dict.fromkeys(_addresses(text.strip())))
        if len(found) > MAX_HOSTS:
            raise _too_many(text)
    return list(found)


def _addresses(text: str) -> Iterable[str]:
    try:
        if "/" in text:
            network = ipaddress.ip_network(text, strict=False)
            if network.num_addresses > MAX_HOSTS + 2:
                raise _too_many(text)
            return [str(host) for host in network.hosts()]
        first, dash, last = text.partition("-")
        start = ipaddress.ip_address(first.strip())
        end = ipaddress.ip_address(last.strip()) if dash else start
    except ValueError as error:
        raise InvalidInput(
            f"'{safe(text, 60)}' is not an address or a range; write 192.0.2.10, 192.0.2.10-192.0.2.60 or 192.0.2.0/24"
        ) from error
    if start.version != end.version or int(end) < int(start):
        raise InvalidInput(f"the range {safe(text, 80)} does not go from an address up to another; turn it round")
    if int(end) - int(start) >= MAX_HOSTS:
        raise _too_many(text)
    return [str(start), *(str(type(start)(number)) for number in range(int(start) + 1, int(end) + 1))]


def _too_many(text: str) -> InvalidInput:
    return InvalidInput(f"{safe(text, 80)} is more than {MAX_HOSTS} addresses in all; look in smaller ranges")


def discover(
    catalog: DriverCatalog, known: Mapping[str, Place], seconds: float, hosts: Sequence[str], kind: str | None = None
) -> dict[str, Any]:
    """Return what answers within `seconds`: `found` and `notes` (JSON-ready).

    `known` is where each device is, by its name.

    InvalidInput for a `kind` that can't be found and for hosts that are none; a kind that fails becomes a note.
    """
    addresses = expand(hosts)
    notes: list[str] = []
    looks = _looks(catalog, kind, seconds, addresses, notes)
    if len(addresses) > _HOSTS_A_SECOND * seconds:
        notes.append(f"{len(addresses)} addresses may take longer than {seconds:g} s; give more seconds")
    return _collected(looks, known, seconds, kind, notes)


def scan_line(
    catalog: DriverCatalog, known: Mapping[str, Place], seconds: float, line: str, kind: str | None = None
) -> dict[str, Any]:
    """Return what answers on one line, as `discover` does; only kinds that share a line by addresses are looked for."""
    notes: list[str] = []
    scans = {name: scan for name in catalog.kinds() if (scan := _scan_of(catalog, name, notes)) is not None}
    if kind is not None and kind not in scans:
        able = ", ".join(sorted(scans))
        raise InvalidInput(f"kind '{safe(kind, 60)}' can't be looked for on a line; these can: {able}")
    looks = [
        _Look(name, partial(scan, line, seconds, notes.append))
        for name, scan in scans.items()
        if kind in (None, name) and _begin(name, notes)
    ]
    return _collected(looks, known, seconds, kind, notes)


def _scan_of(catalog: DriverCatalog, kind: str, notes: list[str]) -> Scan | None:
    try:
        return catalog.get(kind).scan
    except NotFound as error:
        notes.append(str(error))
        return None


def _collected(
    looks: list[_Look], known: Mapping[str, Place], seconds: float, kind: str | None, notes: list[str]
) -> dict[str, Any]:
    for look in looks:
        threading.Thread(target=look.run, name=f"discover-{look.kind}", daemon=True).start()
    until = time.monotonic() + seconds + _GRACE_S
    merged: dict[tuple[str, str, str], Found] = {}
    for look in looks:
        if not look.ended.wait(max(until - time.monotonic(), 0)):
            notes.append(f"{look.kind}: did not end in time; what it found is left out")
            continue
        if look.note:
            notes.append(look.note)
        for found in look.found:
            if kind not in (None, found.kind):
                continue
            if not _has_valid_address(found):
                notes.append(f"{look.kind}: something answered with an address that is none; it is left out")
            else:
                _merge(merged, found)
    rows = sorted(merged.values(), key=lambda found: (found.kind, found.address, int(found.options.get("unit", "0"))))
    if len(rows) > _MAX_FOUND:
        notes.append(f"only {_MAX_FOUND} of {len(rows)} are shown; look for one kind, or in a smaller range")
    shown = [_shown(found, known) for found in rows[:_MAX_FOUND]]
    return {"found": shown, "notes": [safe(note, 300) for note in dict.fromkeys(notes)][:100]}


def _looks(
    catalog: DriverCatalog, wanted: str | None, seconds: float, hosts: list[str], notes: list[str]
) -> list[_Look]:
    serial_kinds: list[str] = []
    able: dict[str, Callable[[], list[Found]]] = {SERIAL: lambda: _serial_ports(serial_kinds)}
    found_by: dict[str, str] = {}
    for kind in catalog.kinds():
        try:
            driver = catalog.get(kind)
        except NotFound as error:
            notes.append(str(error))
            continue
        if driver.is_serial:
            serial_kinds.append(kind)
        if driver.discover is not None:
            able[kind] = _asking(driver, seconds, hosts)
        elif driver.found_by:
            found_by[kind] = driver.found_by
    if wanted is not None and wanted not in able | found_by:
        known = ", ".join(sorted(able | found_by))
        raise InvalidInput(f"kind '{safe(wanted, 60)}' can't be looked for; these can: {known}")
    wanted = found_by.get(wanted or "", wanted)
    looks = []
    for kind, ask in able.items():
        if wanted not in (None, kind):
            continue
        if _begin(kind, notes):
            looks.append(_Look(kind, ask))
    return looks


def _begin(kind: str, notes: list[str]) -> bool:
    """Return True once no other request looks for this kind."""
    with _busy_lock:
        if kind in _busy:
            notes.append(f"{kind}: is still being looked for by an earlier request; try again")
            return False
        _busy.add(kind)
    return True


def _asking(driver: Driver, seconds: float, hosts: list[str]) -> Callable[[], list[Found]]:
    ask = driver.discover
    assert ask is not None
    return lambda: ask(seconds, tuple(hosts))


def _serial_ports(kinds: Sequence[str]) -> list[Found]:
    named = " or ".join(part for part in (", ".join(kinds[:-1]), *kinds[-1:]) if part)
    found = []
    for port in usb_serial_ports():
        note = "discovery cannot identify the device on it" + (f": its kind may be {named}" if named else "")
        if port.name is None:
            note += "; give it a name that stays first"
        address = f"/dev/gate/{port.name}" if port.name else port.path
        found.append(Found(SERIAL, address, port.product, port.serial or "", port.name or "", note))
    return found


def _has_valid_address(found: Found) -> bool:
    address = found.address
    return 1 <= len(address) <= 300 and address.isascii() and address.isprintable() and "@" not in address


def _merge(merged: dict[tuple[str, str, str], Found], found: Found) -> None:
    """Merge the same device by two ways into one row; what the one does not say the other may."""
    place = (found.kind, found.address.rstrip("/"), found.options.get("unit", ""))
    before = merged.get(place)
    if before is not None:
        said = {name: getattr(before, name) or getattr(found, name) for name in _LIMITS}
        found = Found(before.kind, before.address, **said, options={**found.options, **before.options})
    merged[place] = found


def _shown(found: Found, known: Mapping[str, Place]) -> dict[str, Any]:
    name = next((name for name, place in known.items() if _is_one(found, place)), None)
    row = asdict(found) | {what: safe(getattr(found, what), limit) for what, limit in _LIMITS.items()}
    row["options"] = {safe(option, 40): safe(value, 80) for option, value in found.options.items()}
    hint = Hint("suggest_names") if found.kind == SERIAL and not found.name else None
    return row | {"known": name, "hint": hint.as_json() if hint else None}


def _is_one(found: Found, place: Place) -> bool:
    """Return True if this is the device at `place`; devices on one line differ by the option `unit`."""
    address, unit = (place, "0") if isinstance(place, str) else place
    return same_place(found.address, address) and found.options.get("unit", unit) == unit
