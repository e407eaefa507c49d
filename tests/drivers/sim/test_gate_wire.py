"""Golden bytes between drivers and the simulators that answer them: from the makers' documents, by hand.

A driver and a simulator that agree with each other may both have misread the document; these bytes are neither's.
"""

import subprocess
import sys

import pytest

from devicemgr.domain.model import Direction
from drivers.common.serial.address import parse_address
from drivers.common.serial.port import open_line
from drivers.modbus_gate.lot import readers as driver_readers, registers as driver_registers
from drivers.sim.base.events import EventLog
from drivers.sim.gates import lot_registers, rtu_frames
from drivers.sim.gates.lot_turnstile import LotTurnstile
from drivers.sim.gates.modbus_unit import ModbusUnit
from drivers.sim.osdp.readers import SimulatedReaders

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT

# register: the names by which the driver and the simulator know it ("Описание регистров SDK")
LOT_REGISTERS = {
    0x40: ("ENTRY_LEFT", lot_registers.PASSAGES_LEFT[ENTRY]),
    0x41: ("EXIT_LEFT", lot_registers.PASSAGES_LEFT[EXIT]),
    0x42: ("ENTRY_PRESENT", lot_registers.OBJECT_IN_PASSAGE[ENTRY]),
    0x43: ("EXIT_PRESENT", lot_registers.OBJECT_IN_PASSAGE[EXIT]),
    0x44: ("ENTRY_COUNT", lot_registers.PASSAGE_COUNTER[ENTRY]),
    0x46: ("EXIT_COUNT", lot_registers.PASSAGE_COUNTER[EXIT]),
    0x48: ("ERRORS", lot_registers.ERROR_STATE),
    0x2000: ("ERROR_DETAILS", lot_registers.ERROR_DETAILS),
    0x3000: ("CONTROL", lot_registers.PASS_STATE),
    0x3001: ("INPUT_KIND", lot_registers.INPUT_BY_LEVEL),
    0x3010: ("ACCUMULATES", lot_registers.ACCUMULATION),
    0x3011: ("START_TIMEOUT", lot_registers.START_TIMEOUT_S),
    0x3012: ("PASSAGE_TIMEOUT", lot_registers.PASS_TIMEOUT_S),
}


@pytest.mark.parametrize("register", LOT_REGISTERS)
def test_driver_and_simulator_have_the_makers_lot_registers(register):
    name, simulated = LOT_REGISTERS[register]
    assert getattr(driver_registers, name) == register
    assert simulated == register


def test_driver_and_simulator_have_the_makers_lot_values():
    assert (driver_registers.CLOSED, driver_registers.ONE_PASSAGE, driver_registers.FREE) == (0, 1, 0xFFFF)
    assert (lot_registers.PASSAGE_CLOSED, lot_registers.PASSAGE_FREE) == (0, 0xFFFF)
    assert (driver_registers.NORMAL, driver_registers.BLOCKED, driver_registers.ANTI_PANIC) == (0, 1, 2)
    assert (lot_registers.STATE_NORMAL, lot_registers.STATE_BLOCKED, lot_registers.STATE_ANTI_PANIC) == (0, 1, 2)
    lamps = {(ENTRY, "green"): 0x1000, (ENTRY, "red"): 0x1003, (EXIT, "green"): 0x1006, (EXIT, "red"): 0x1009}
    assert lamps == driver_registers.LAMPS
    readers = {1: 0x100, 2: 0x200, 3: 0x300, 4: 0x400}
    assert driver_readers.READERS == lot_registers.READER_HEADS == readers
    assert (driver_readers.MAX_READER_BYTES, lot_registers.READER_DATA_REGISTERS) == (60, 0x11E - 0x100)
    assert list(lot_registers.LAMPS) == list(range(0x1000, 0x100C))


# request and response of unit 1, with their CRC
LOT_EXCHANGES = {
    "state": ("01 03 00 40 00 09 84 18", "01 03 12 00 00 00 00 00 00 00 00 00 00 00 02 00 00 00 00 00 00 d1 42"),
    "release of the entry": ("01 10 00 40 00 01 02 00 01 69 50", "01 10 00 40 00 01 00 1d"),
    "release of the exit": ("01 10 00 41 00 01 02 00 01 68 81", "01 10 00 41 00 01 51 dd"),
    "control": ("01 03 30 00 00 01 8b 0a", "01 03 02 00 00 b8 44"),
    "start time-out": ("01 03 30 11 00 01 db 0f", "01 03 02 00 07 f9 86"),
    "a register that is none": ("01 03 40 00 00 01 91 ca", "01 83 02 c0 f1"),
}


@pytest.mark.parametrize("name", LOT_EXCHANGES)
def test_the_simulated_lot_turnstile_answers_golden_bytes(name):
    request, response = LOT_EXCHANGES[name]
    lot = LotTurnstile(EventLog(), passage=False, passage_delay=0, passage_seconds=0)
    lot.add_passages(ENTRY, 0x20000)
    unit = ModbusUnit(1, lot.handlers(), EventLog(), lot.tick, lot.next_tick)
    unit.receive(bytes.fromhex(request), 0.0)
    assert unit.advance(0.0).hex(" ") == response


def test_crc_of_the_specification_and_of_known_requests():
    # Unit 2, function 7: MODBUS over Serial Line V1.02, appendix B.
    assert rtu_frames.crc(bytes.fromhex("02 07")).hex(" ") == "41 12"
    assert rtu_frames.frame(bytes.fromhex("05 02 00 00 07"), 1).hex(" ") == "01 05 02 00 00 07 8d b0"


def test_the_simulated_osdp_reader_answers_golden_bytes():
    with SimulatedReaders({1: None}) as readers:
        line = open_line(parse_address(readers.path, 9600))
        try:
            line.write(bytes.fromhex("53 01 09 00 04 61 00 60 23"))
            response = b""
            while len(response) < 20:
                received = line.read(64, 10.0)
                assert received, "the reader does not answer"
                response += received
        finally:
            line.close()
    # osdp_PDID (OSDP 2.2, 7.4): vendor 11-22-33, model, version, serial number with the lowest byte first, firmware.
    assert response.lstrip(b"\xff").hex(" ").startswith("53 81 14 00 04 45 11 22 33 02 01 0d 0c 0b 0a 01 02 03")


@pytest.mark.parametrize(
    ("simulator", "driver"),
    [
        ("drivers.sim.gates.turnstile", "drivers.modbus_gate"),
        ("drivers.sim.gates.relay_boards", "drivers.modbus_gate"),
        ("drivers.sim.gates.relay_boards", "drivers.relay_gate"),
        ("drivers.sim.osdp.readers", "drivers.osdp_reader"),
        ("drivers.sim.uhppote.controller", "drivers.uhppote_controller"),
    ],
)
def test_simulators_share_no_code_with_the_driver_that_they_answer(simulator, driver):
    code = f"import sys, {simulator}; print([name for name in sys.modules if name.startswith('{driver}')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
