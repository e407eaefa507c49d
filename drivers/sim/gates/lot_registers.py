"""Register map of a LOT Group turnstile, as the simulator answers it.

Written from the vendor's SDK (lotltd/TurnstileModbusSDK: "Описание регистров SDK" and TController), apart from the
driver's map, so that a register misread in one of them fails a test. tests/drivers/sim/test_gate_wire.py holds the
bytes that stand between.
"""

from devicemgr.domain.model import Direction

# Written: 0 closes, 1 to 0xFFFE people may pass (counts down), 0xFFFF is free passage.
PASSAGES_LEFT = {Direction.ENTRY: 0x40, Direction.EXIT: 0x41}
PASSAGE_CLOSED, PASSAGE_FREE = 0x0000, 0xFFFF
# Not 0: an object is in the passage.
OBJECT_IN_PASSAGE = {Direction.ENTRY: 0x42, Direction.EXIT: 0x43}
# People who passed, low word; the high word is the next register.
PASSAGE_COUNTER = {Direction.ENTRY: 0x44, Direction.EXIT: 0x46}
ERROR_STATE, ERROR_DETAILS = 0x48, 0x2000
# Built-in readers, of entry, exit, and two more: "new" in the high byte and the number of bytes in the low byte of the
# first register, then up to 60 bytes in the 30 registers behind it. Reading those ends "new" (uModbusProtocol.pas).
READER_HEADS = {1: 0x100, 2: 0x200, 3: 0x300, 4: 0x400}
READER_DATA_REGISTERS = 30
READER_REGISTERS = [head + offset for head in READER_HEADS.values() for offset in range(READER_DATA_REGISTERS + 1)]
# Lamps: green and red of the entry, then of the exit, three registers each (on, off, total, in 100 ms).
LAMPS = range(0x1000, 0x100C)
PASS_STATE = 0x3000
STATE_NORMAL, STATE_BLOCKED, STATE_ANTI_PANIC = 0, 1, 2
INPUT_BY_LEVEL = 0x3001
ACCUMULATION = 0x3010
START_TIMEOUT_S, PASS_TIMEOUT_S = 0x3011, 0x3012

# What a turnstile holds after power-on with the factory's settings.
FACTORY_VALUES: dict[int, int] = (
    dict.fromkeys((*range(0x40, 0x49), *READER_REGISTERS, ERROR_DETAILS, *LAMPS), 0)
    | {PASS_STATE: STATE_NORMAL, INPUT_BY_LEVEL: 0, ACCUMULATION: 0}
    | {START_TIMEOUT_S: 7, PASS_TIMEOUT_S: 7}
)
