"""Set up the readers of a line: find them at all addresses and speeds, and give one another address or speed."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from devicemgr.domain.ports.driver import Found
from devicemgr.errors import DeviceBusy, DeviceError, DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from drivers.common.serial.address import SerialAddress, parse_address
from drivers.common.serial.trace import Trace
from drivers.osdp_reader.frames import CONFIG_UNIT
from drivers.osdp_reader.line import Address, Pairing, SharedLine, attach, detach
from drivers.osdp_reader.pairing import take_line
from drivers.osdp_reader.protocol import messages
from drivers.osdp_reader.protocol.exchange import Link
from drivers.osdp_reader.protocol.messages import Identity, LineSettings
from drivers.osdp_reader.session import OtherKey, Outcome, Session

DEFAULT_BAUDRATE = 9600
# The speeds of OSDP 2.2 (5.1), that of new readers first.
BAUDRATES = (9600, 115200, 38400, 57600, 19200, 230400)
# Readers answer within 20 ms; one that takes longer is queried again in the second round.
FIRST_ROUND_S, SECOND_ROUND_S = 0.05, 0.22
IDENTITY_S = 0.6
COMMAND_S = 1.5
# A reader restarts its line after osdp_COM.
PROOF_S = 8.0
_RETRY_S = 0.3


def find_readers(address: str, seconds: float, note: Callable[[str], None]) -> list[Found]:
    """Return the readers that answer on a line, whatever their address and speed; `note` takes what was left out.

    Addresses that devices use now are not disturbed. Raises DeviceError for a line that can't be opened, InvalidInput
    for what is no line.
    """
    until = time.monotonic() + seconds
    line = parse_address(address, DEFAULT_BAUDRATE)
    found: list[Found] = []
    for place in _speeds(line, is_given="baudrate=" in address):
        if time.monotonic() >= until:
            note(f"{line}: there was no time for {_speed(place)} and on; give more seconds")
            break
        try:
            shared = attach(place, CONFIG_UNIT, "discovery", pairing=True)
        except DeviceBusy:
            note(f"{line}: is in use at another speed, so that {_speed(place)} was not tried")
            continue
        try:
            found += [_found(place, unit, identity) for unit, identity in _answering(shared, until, note)]
        finally:
            detach(shared, CONFIG_UNIT)
    return found


def _speeds(line: Address, *, is_given: bool) -> Iterator[Address]:
    if is_given or not isinstance(line, SerialAddress):
        yield line
    else:
        yield from (replace(line, baudrate=baudrate) for baudrate in BAUDRATES)


def _speed(place: Address) -> str:
    return f"{place.baudrate} baud" if isinstance(place, SerialAddress) else "its addresses"


def _answering(line: SharedLine, until: float, note: Callable[[str], None]) -> Iterator[tuple[int, Identity | None]]:
    """Yield each address that answers a poll; one that a device uses is left out."""
    for unit in range(CONFIG_UNIT):
        if time.monotonic() >= until:
            note(f"{line.address}: only addresses below {unit} were tried; give more seconds")
            return
        if unit in line.units:
            note(f"{line.address}: address {unit} is in use by a device and was left alone")
        elif answers(line, unit, FIRST_ROUND_S):
            yield unit, _identity(line, unit)


def answers(line: SharedLine, unit: int, wait_s: float) -> bool:
    """Return True if something answers a poll at this address."""
    link = Link(line, unit, Trace(), first_reply_s=wait_s)
    link.run(link.start(messages.POLL), time.monotonic() + 0.001)
    return link.has_answered


def _identity(line: SharedLine, unit: int) -> Identity | None:
    link = Link(line, unit, Trace())
    reply = link.run(link.start(messages.ID, b"\0"), time.monotonic() + IDENTITY_S)
    return messages.parse_identity(reply.data) if reply is not None and reply.code == messages.PDID else None


def _found(place: Address, unit: int, identity: Identity | None) -> Found:
    options = {"unit": str(unit)}
    if identity is None:
        return Found("osdp_reader", written(place), note="does not say what it is", options=options)
    model = f"OUI {identity.vendor.hex().upper()} {identity.model} v{identity.version}"
    return Found("osdp_reader", written(place), model, f"{identity.serial:08X}", options=options)


def written(place: Address) -> str:
    """Return the address as `device add` takes it."""
    if not isinstance(place, SerialAddress):
        return str(place)
    settings = {"baudrate": place.baudrate, "parity": place.parity, "stopbits": place.stopbits}
    usual = {"baudrate": DEFAULT_BAUDRATE, "parity": "N", "stopbits": 1}
    query = "&".join(f"{name}={value}" for name, value in settings.items() if value != usual[name])
    return f"serial:{place.path}?{query}" if query else place.path


@dataclass(frozen=True, slots=True)
class Placed:
    """A reader, where it is now, and the keys that it may hold; None for one in clear."""

    address: Address
    unit: int
    keys: Sequence[bytes | None]
    name: str
    trace: Trace


def move_reader(reader: Placed, unit: int, baudrate: int | None) -> Address:
    """Give the reader another address and speed (osdp_COMSET), prove it there, and return the line's address then.

    DeviceRefused and DeviceUnreachable leave it where it was; OutcomeUnknown when it was found at neither place.
    """
    place = _target(reader, baudrate)
    with Pairing(reader.address, reader.unit):
        line = take_line(reader.address, reader.unit, reader.name)
        try:
            _require_free(line, reader, unit, place)
            key = _send(line, reader, LineSettings(unit, _baudrate(place, baudrate)))
        finally:
            detach(line, reader.unit)
        _prove(reader, place, unit, key)
    return place


def _target(reader: Placed, baudrate: int | None) -> Address:
    if isinstance(reader.address, SerialAddress):
        return replace(reader.address, baudrate=baudrate or reader.address.baudrate)
    if baudrate is None:
        raise InvalidInput(
            "the command names a speed too, and a serial server's is not known here: give the baudrate that it has"
        )
    return reader.address


def _baudrate(place: Address, wanted: int | None) -> int:
    return place.baudrate if isinstance(place, SerialAddress) else wanted or DEFAULT_BAUDRATE


def _require_free(line: SharedLine, reader: Placed, unit: int, place: Address) -> None:
    others = line.units - {reader.unit}
    if place != reader.address and others:
        raise DeviceBusy(
            f"{line.address} has other readers at the old speed ({len(others)} in use): remove their devices first, "
            f"and give each reader the new speed in turn"
        )
    if unit == reader.unit:
        return
    if unit in others or answers(line, unit, SECOND_ROUND_S):
        raise DeviceRefused(f"another reader answers at address {unit} of {line.address}: choose a free one")


def _send(line: SharedLine, reader: Placed, wanted: LineSettings) -> bytes | None:
    """Send the settings over a session with the key that the reader holds, and return that key."""
    refusal: DeviceError | None = None
    for key in reader.keys:
        session = Session(line, reader.unit, key, reader.name, reader.trace)
        try:
            session.establish()
            data = messages.comset(wanted.unit, wanted.baudrate)
            result = session.command(messages.COMSET, data, COMMAND_S)
        except OtherKey as error:
            refusal = error
            continue
        finally:
            session.close()
        if result.outcome is Outcome.REFUSED:
            raise DeviceRefused(f"refuses another address or speed ({session.name}, {result.words})")
        if result.outcome in (Outcome.NOT_DONE, Outcome.BUSY):
            raise DeviceUnreachable(f"did not take another address or speed ({session.name}); try again")
        reported = messages.parse_line_settings(result.reply.data) if result.reply else None
        if reported is not None and reported != wanted:
            raise OutcomeUnknown(
                f"takes address {reported.unit} at {reported.baudrate} baud in place of {wanted.unit} at "
                f"{wanted.baudrate} ({session.name}); look for it on the line {line.address}"
            )
        return key
    raise refusal or DeviceUnreachable(f"{reader.name} has no key; pair it first")


def _prove(reader: Placed, place: Address, unit: int, key: bytes | None) -> None:
    until = time.monotonic() + PROOF_S
    while True:
        try:
            line = attach(place, unit, reader.name, pairing=True)
            try:
                session = Session(line, unit, key, reader.name, reader.trace)
                session.establish()
                session.close()
                return
            finally:
                detach(line, unit)
        except DeviceError as error:
            if time.monotonic() + _RETRY_S > until:
                raise OutcomeUnknown(
                    f"took the command and was not found at address {unit} ({error}); "
                    f"look for it on the line {reader.address}"
                ) from error
        time.sleep(_RETRY_S)
