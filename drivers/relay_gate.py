"""USB relay boards as gates: LCUS, KMTronic and Numato, each a serial port.

These boards have no timer: a daemon that dies mid-pulse leaves the relay on until it is started again.
"""

import logging
from typing import Literal

from pydantic import Field, field_validator

from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from devicemgr.events import DeviceFact
from devicemgr.model import Capability, DeviceConfig, DeviceInfo, Direction, JsonValue, PortalMode, Signal
from devicemgr.ports import Driver
from drivers._address import SerialAddress, TcpAddress, parse_address
from drivers._inputs import InputOptions, Watch
from drivers._line import Line, NoAnswer, Patience, WriteStalled, persist
from drivers._options import read_options
from drivers._relay_boards import BOARDS, Board
from drivers._relays import RelayBank
from drivers._trace import Trace, TracedLine

BAUDRATE = 9600

_log = logging.getLogger(__name__)


class Options(InputOptions):
    """Which board, and which relays."""

    model: Literal["lcus", "kmtronic", "numato"] = Field(
        description="lcus: LCTech boards (USB id 1a86:7523), which confirm nothing. kmtronic, numato: read back after "
        "each switching. None of them has a timer: after a crash or power cut of this computer mid-pulse the relay "
        "STAYS ON until the daemon is back"
    )

    @field_validator("model", mode="before")
    @classmethod
    def _no_modem_lines(cls, model: object) -> object:
        if str(model).lower() in {"dtr", "rts", "dtr-rts", "modem"}:
            raise ValueError(
                "a board that switches by DTR or RTS must not be on a gate: Linux raises both lines whenever the port "
                "is opened, so each start would open it; use a board that takes commands"
            )
        return model


class RelayGate:
    """One board. Pulses end at a poll, at close() or, after a crash, at the next open()."""

    poll_interval = 0.05

    def __init__(self, name: str, address: SerialAddress | TcpAddress, board: Board, options: Options) -> None:
        self._name = name
        self._address = address
        self._board = board
        self._options = options
        self._bank = RelayBank(options, self._switch)
        self._watch = Watch(options)
        self.senses_passage = self._watch.senses_passage
        self._patience = Patience()
        self._line: Line | None = None
        self._trace = Trace()

    def open(self) -> DeviceInfo:
        from drivers._serial import open_line  # noqa: PLC0415

        self.close()
        self._line = TracedLine(open_line(self._address), self._trace)
        try:
            self._line.discard()
            self._patience = Patience()
            self._watch.reset()
            self._watch.fire = persist(self._read).get("fire", False)
            if self._watch.fire:
                _log.warning("%s: fire release is active, so relays are left as they are", self._name)
            else:
                self._bank.restore()
        except DeviceError:
            self.close()
            raise
        return DeviceInfo(model=self._options.model)

    def poll(self) -> list[DeviceFact]:
        self._bank.end_pulses()
        # These boards say nothing unasked; reading is how an unplugged port is noticed.
        self._open_line().read(256, 0)
        try:
            now = self._read()
        except NoAnswer as error:
            self._patience.missed(error)
            return []
        self._patience.answered()
        facts, passing = self._watch.step(now, free=self._bank.mode(1) is PortalMode.FREE)
        if self._options.contacts == "potential":
            for direction in passing:
                self._bank.cut_short(1, direction)
        return facts

    def _read(self) -> dict[str, bool]:
        line, bits = self._open_line(), {}
        for number in self._options.inputs().values():
            level = self._board.input(line, number)
            if level is None:
                raise NoAnswer(f"{self._name} does not tell its inputs; check the option model and the board's power")
            bits[number] = level
        return self._options.readings(bits)

    def release(self, channel: int, direction: Direction, seconds: float) -> None:
        with self._watch.releasing(self._name, channel, direction, seconds):
            self._bank.release(channel, direction, seconds)

    def set_mode(self, channel: int, mode: PortalMode) -> None:
        self._watch.refuse_mode(self._name, mode)
        self._bank.set_mode(channel, mode)

    def indicate(self, channel: int, direction: Direction, signal: Signal) -> None:
        """By lamps on spare relays, where there are any; they belong to channel 1."""
        if channel == 1:
            self._bank.indicate(direction, signal)

    def check(self) -> dict[str, JsonValue]:
        line = self._open_line()
        states: dict[str, JsonValue] = {
            str(relay): self._board.state(line, relay) for relay in self._options.all_relays()
        }
        found: dict[str, JsonValue] = {"model": self._options.model, "confirms": self._board.confirms, "relays": states}
        return found | ({"inputs": {**self._read()}} if self._options.inputs() else {})

    def trace(self) -> list[tuple[float, str, bytes]]:
        return self._trace.entries()

    def close(self) -> None:
        if self._line is not None:
            self._bank.let_go()
            self._line.close()
            self._line = None

    def _switch(self, relay: int, on: bool) -> None:
        line = self._open_line()
        unknown = f"relay {relay} of {self._name} may or may not be {'on' if on else 'off'}"
        try:
            self._board.switch(line, relay, on)
        except WriteStalled as error:
            raise OutcomeUnknown(f"{unknown}: the port takes no bytes; check the cable") from error
        if not self._board.confirms:
            return
        try:
            state = self._board.state(line, relay)
        except DeviceError as error:
            raise OutcomeUnknown(f"{unknown}: the port was lost; check the cable") from error
        if state is None:
            raise OutcomeUnknown(f"{unknown}: no answer; check the option model and the board's power")
        if state is not on:
            raise DeviceRefused(f"relay {relay} of {self._name} did not switch; check the relay number and its power")

    def _open_line(self) -> Line:
        if self._line is None:
            raise DeviceUnreachable(f"{self._name} is not open; open it first")
        return self._line


def build(config: DeviceConfig) -> RelayGate:
    """A gate that is not connected yet; InvalidInput for an address or option that cannot be."""
    options = read_options(Options, config)
    board = BOARDS[options.model]()
    if max([*options.all_relays(), *options.lamps().values()]) > board.most:
        raise InvalidInput(
            f"{options.model} boards have relays 1 to {board.most}; see channel, relay_entry and channels"
        )
    if max(options.inputs().values(), default=0) > board.most_inputs:
        most = f"inputs 1 to {board.most_inputs}" if board.most_inputs else "no inputs"
        raise InvalidInput(f"{options.model} boards have {most}; see the options ending in _input")
    return RelayGate(config.name, parse_address(config.address, BAUDRATE), board, options)


DRIVER = Driver(
    kind="relay_gate",
    title="USB relay board (LCUS, KMTronic, Numato); without a timer, so a crash mid-pulse leaves the relay on",
    capabilities=frozenset({Capability.GATE}),
    options=Options,
    build=build,
)
