"""Give an OSDP reader a key of its own: in install mode, or in place of one that it holds."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from devicemgr.errors import DeviceBusy, DeviceError, DeviceRefused, DeviceUnreachable, OutcomeUnknown
from drivers.common.serial.line import NoAnswer
from drivers.common.serial.trace import Trace
from drivers.osdp_reader.keys import check_key
from drivers.osdp_reader.line import Address, Pairing, SharedLine, attach, detach
from drivers.osdp_reader.protocol import messages
from drivers.osdp_reader.session import OtherKey, Outcome, Session

# Unit, new key, the device's name, and where its bytes are noted.
Reader = tuple[int, bytes, str, Trace]

LET_GO_S = 3.0
PAUSE_S = 0.3
# A reader writes its key into memory that is slow.
KEYSET_S = 2.0


def pair(address: Address, reader: Reader, seconds: float, old: Sequence[bytes]) -> None:
    """Give a reader a new key (ports.Pairable); one that holds one of `old` gets it over a session with that.

    One that holds the new key already is proven and left as it is.
    """
    unit, key, name, _ = reader
    check_key(key)
    until = time.monotonic() + seconds
    with Pairing(address, unit):
        line = take_line(address, unit, name)
        try:
            _try_until(until, _Try(line, reader), old)
        finally:
            detach(line, unit)


def take_line(address: Address, unit: int, name: str) -> SharedLine:
    """Return the line, once the running device has let go of the unit."""
    until = time.monotonic() + LET_GO_S
    while True:
        try:
            return attach(address, unit, name, pairing=True)
        except DeviceBusy:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


class _Kept(DeviceRefused):
    """The reader answered that it keeps the key that it has."""


@dataclass
class _Try:
    """The attempts at one reader; `left` once the new key was sent and its fate is not known."""

    line: SharedLine
    reader: Reader
    left: bool = False

    def once(self, old: Sequence[bytes]) -> None:
        """Put the new key into the reader and prove it; else DeviceError."""
        if not any(self._replaced(key) for key in old):
            self._installed()
        self._prove()

    def _replaced(self, old: bytes) -> bool:
        """Put the new key in over a session with `old`; False when the reader does not hold that one."""
        unit, key, name, trace = self.reader
        session = Session(self.line, unit, old, name, trace)
        try:
            session.establish()
            result = session.command(messages.KEYSET, messages.keyset(key), KEYSET_S)
        except OtherKey:
            return False
        finally:
            sent = session.keyset_left()
            session.close()
        if result.outcome is Outcome.REFUSED:
            raise _Kept(
                f"{session.name} refuses to replace its key ({result.words}), and keeps the old one; "
                f"is it locked against that?"
            )
        self.left = self.left or (sent and result.outcome in (Outcome.DONE, Outcome.LOST))
        if result.outcome is not Outcome.DONE:
            raise DeviceUnreachable(f"{session.name} did not answer to its new key; the old and the new one are tried")
        return True

    def _installed(self) -> None:
        """Send the new key to a reader in install mode, under the default one."""
        session = Session(self.line, *self.reader, install=True)
        try:
            session.establish()
        finally:
            self.left = self.left or session.keyset_left()
            session.close()

    def _prove(self) -> None:
        """Open a session that accepts nothing but the new key."""
        session = Session(self.line, *self.reader)
        try:
            session.establish()
        finally:
            session.close()


def _try_until(until: float, tried: _Try, old: Sequence[bytes]) -> None:
    kept: _Kept | None = None
    while True:
        try:
            # One that refuses is not tried again, but may still be put into install mode.
            return tried.once(old if kept is None else ())
        except DeviceError as error:
            kept = error if isinstance(error, _Kept) else kept
            if time.monotonic() + PAUSE_S > until or tried.line.lost is not None:
                raise _why(kept or error, tried) from error
        time.sleep(PAUSE_S)


def _why(error: DeviceError, tried: _Try) -> DeviceError:
    where = f"unit {tried.reader[0]} at {tried.line.address}"
    if tried.left:
        return OutcomeUnknown(
            f"{where} did not confirm its new key; the old and the new one are kept. Run the same command again"
        )
    if isinstance(error, (NoAnswer, _Kept)):
        return error
    return DeviceRefused(
        f"{where} takes no new key: it is not in install mode; set it as its manual says and run the same command again"
    )
