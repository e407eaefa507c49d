"""Gives an OSDP reader that is in install mode a key of its own."""

import time

from devicemgr.errors import DeviceBusy, DeviceError, DeviceRefused, OutcomeUnknown
from drivers._line import NoAnswer
from drivers._osdp_key import check_key
from drivers._osdp_line import Address, Pairing, SharedLine, attach, detach
from drivers._osdp_session import Session
from drivers._trace import Trace

# Unit, key, the device's name, and where its bytes are noted.
Reader = tuple[int, bytes, str, Trace]

LET_GO_SECONDS = 3.0
PAUSE_SECONDS = 0.3


def pair(address: Address, unit: int, name: str, key: bytes, seconds: float, trace: Trace) -> None:
    """See ports.Pairable; a reader that holds `key` already is proven and left as it is."""
    check_key(key)
    until = time.monotonic() + seconds
    with Pairing(address, unit):
        line = _take(address, unit, name)
        try:
            _try_until(until, line, (unit, key, name, trace))
        finally:
            detach(line, unit)


def _take(address: Address, unit: int, name: str) -> SharedLine:
    """The line, once the running device has let go of the unit."""
    until = time.monotonic() + LET_GO_SECONDS
    while True:
        try:
            return attach(address, unit, name, pairing=True)
        except DeviceBusy:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def _try_until(until: float, line: SharedLine, reader: Reader) -> None:
    left = False
    while True:
        session = Session(line, *reader, install=True)
        try:
            session.establish()
            return _prove(line, reader, session)
        except DeviceError as error:
            left = left or session.keyset_left()
            if time.monotonic() + PAUSE_SECONDS > until or line.lost is not None:
                raise _why(error, left, session.name) from error
        finally:
            session.close()
        time.sleep(PAUSE_SECONDS)


def _prove(line: SharedLine, reader: Reader, installed: Session) -> None:
    """A session that takes nothing but the new key."""
    installed.close()
    session = Session(line, *reader)
    try:
        session.establish()
    finally:
        session.close()


def _why(error: DeviceError, left: bool, where: str) -> DeviceError:
    if left:
        return OutcomeUnknown(
            f"{where} did not confirm its new key; the old and the new one are kept. Run the same command again"
        )
    if isinstance(error, NoAnswer):
        return error
    return DeviceRefused(
        f"{where} takes no new key: it is not in install mode; set it as its manual says and run the same command again"
    )
