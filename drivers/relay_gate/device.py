"""USB relay boards as gates: LCUS, KMTronic, Numato and Devantech on a serial port, and HID boards ("USBRelay").

These boards have no timer: a daemon that dies mid-pulse leaves the relay on until it is started again.
"""

from collections.abc import Sequence

from devicemgr.domain.model import DeviceConfig, DeviceInfo, JsonValue
from devicemgr.domain.ports.device import Delivery, Gate
from devicemgr.errors import DeviceError, DeviceRefused, DeviceUnreachable, InvalidInput, OutcomeUnknown
from drivers.common.options import read_options
from drivers.common.relays.device import RelayDevice
from drivers.common.serial.address import SerialAddress, TcpAddress, parse_address
from drivers.common.serial.line import OPENING_TRIES, Line, NoAnswer, WriteStalled
from drivers.common.serial.port import open_line
from drivers.common.serial.trace import Trace, TracedLine
from drivers.relay_gate.boards import BOARDS, Board
from drivers.relay_gate.hid_board import MAX_RELAYS, HidRelayGate, parse_node
from drivers.relay_gate.options import Options

# Devantech states 19200 for its boards with a USB-serial chip; the others take any rate.
BAUDRATE = {"lcus": 9600, "kmtronic": 9600, "numato": 9600, "devantech": 19200}


class RelayGate(RelayDevice):
    """One board. Pulses end at a poll, at close() or, after a crash, at the next open()."""

    poll_interval = 0.05

    def __init__(self, name: str, address: SerialAddress | TcpAddress, board: Board, options: Options) -> None:
        delivery = Delivery.CONFIRMED if board.confirms else Delivery.SENT
        super().__init__(name, options, self._switch, delivery=delivery)
        self._address = address
        self._board = board
        self._model = options.model
        self._line: Line | None = None
        self._trace = Trace()
        self._looked = 0
        self._seen: set[int] = set()
        self._lacking: set[int] = set()

    def open(self) -> DeviceInfo:
        """Open the port, read the inputs, and set the relays as their modes want them."""
        self.close()
        self._seen, self._lacking = set(), set()
        self._line = TracedLine(open_line(self._address), self._trace)
        self._begin()
        return DeviceInfo(model=self._model)

    def _read(self) -> dict[str, bool]:
        line, levels = self._open_line(), dict[int, bool]()
        # These boards send nothing by themselves; reading is how an unplugged port is noticed.
        line.read(256, 0)
        for number in self._options.inputs().values():
            if number in self._lacking:
                continue
            level = self._board.input(line, number)
            if level is not None:
                levels[number] = level
            elif number in self._seen or not self._lacks(line, number):
                raise NoAnswer(f"{self._name} does not tell its inputs; check the option model and the board's power")
        self._seen |= set(levels)
        return self._readings(levels, self._seen)

    def _lacks(self, line: Line, number: int) -> bool:
        """Return True if a board that answers otherwise never reports an input; its others are read for the list."""
        if any(self._board.input(line, number) is not None for _ in range(OPENING_TRIES - 1)):
            return False
        if self._board.state(line, self._options.all_relays()[0]) is None:
            return False
        if not self._lacking:
            others = (n for n in range(1, self._board.most_inputs + 1) if n != number and n not in self._seen)
            self._seen |= {other for other in others if self._board.input(line, other) is not None}
        self._lacking.add(number)
        return True

    def _relays_on(self, relays: Sequence[int]) -> dict[int, bool]:
        """Read one relay a look: these boards take up to 0.1 s for each, and pulses have to end in time."""
        if not self._board.confirms or not relays:
            return {}
        relay = relays[self._looked % len(relays)]
        self._looked += 1 if relay not in self._differing else 0
        state = self._board.state(self._open_line(), relay)
        return {} if state is None else {relay: state}

    def check(self) -> dict[str, JsonValue]:
        """Read each relay and input, None where the board does not answer."""
        line = self._open_line()
        states: dict[str, JsonValue] = {
            str(relay): self._board.state(line, relay) for relay in self._options.all_relays()
        }
        found: dict[str, JsonValue] = {"model": self._model, "confirms": self._board.confirms, "relays": states}
        if not self._board.confirms:
            found["unproven"] = "whether a relay has switched: this board gives no feedback; look at the gate"
        return found | (super().check() if self._options.inputs() else {})

    def trace(self) -> list[tuple[float, str, bytes]]:
        """Return the latest bytes of the line."""
        return self._trace.entries()

    def close(self) -> None:
        """Release the relays and close the port."""
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


def build(config: DeviceConfig) -> Gate:
    """Return a gate that is not connected yet; InvalidInput for an address or option that cannot be."""
    options = read_options(Options, config)
    if options.model == "usbrelay":
        _require_fit(options, MAX_RELAYS, 0)
        return HidRelayGate(config.name, parse_node(config.address), options)
    board = BOARDS[options.model]()
    _require_fit(options, board.most, board.most_inputs)
    return RelayGate(config.name, parse_address(config.address, BAUDRATE[options.model]), board, options)


def _require_fit(options: Options, most: int, most_inputs: int) -> None:
    if max([*options.all_relays(), *options.lamps().values()]) > most:
        raise InvalidInput(f"{options.model} boards have relays 1 to {most}; see channel, relay_entry and channels")
    if max(options.inputs().values(), default=0) > most_inputs:
        have = f"inputs 1 to {most_inputs}" if most_inputs else "no inputs"
        raise InvalidInput(f"{options.model} boards have {have}; see the options ending in _input")
