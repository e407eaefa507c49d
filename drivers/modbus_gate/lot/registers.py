"""Register map of a LOT Group turnstile."""

from devicemgr.domain.model import Direction, Signal

# Holding registers, 115200 8N1, functions 3, 16 and 43/14. Time-outs in seconds, lamp times in 100 ms
# (lotltd/TurnstileModbusSDK, doc "Описание регистров SDK" and TController).
STATE_FIRST, STATE_COUNT = 0x40, 9
ENTRY_LEFT, EXIT_LEFT = 0x40, 0x41  #      passages left: CLOSED, 1-0xFFFE (counts down), FREE
ENTRY_PRESENT, EXIT_PRESENT = 0x42, 0x43  # not 0: a person is in the passage
ENTRY_COUNT, EXIT_COUNT = 0x44, 0x46  #    passages ever, low word, then high word
ERRORS = 0x48  #                           0: none
ERROR_DETAILS = 0x2000
CONTROL = 0x3000  #                        NORMAL, BLOCKED, ANTI_PANIC
INPUT_KINDS: dict[int | None, str] = {0: "pulse", 1: "level"}
INPUT_KIND = 0x3001  #                     0: its own inputs take a pulse, 1: a level
ACCUMULATES = 0x3010  #                     0: one passage at a time, 1: passages add up
START_TIMEOUT, PASSAGE_TIMEOUT = 0x3011, 0x3012  # seconds to step in after a release, and then to pass
# Lamps, three registers each: 100 ms on, 100 ms off, 100 ms in all.
LAMPS = {
    (Direction.ENTRY, "green"): 0x1000,
    (Direction.ENTRY, "red"): 0x1003,
    (Direction.EXIT, "green"): 0x1006,
    (Direction.EXIT, "red"): 0x1009,
}
SHOWN = {Signal.GRANTED: ("green", [20, 0, 20]), Signal.DENIED: ("red", [20, 0, 20]), Signal.ASK: ("green", [2, 2, 40])}

CLOSED, ONE_PASSAGE, FREE = 0, 1, 0xFFFF
NORMAL, BLOCKED, ANTI_PANIC = 0, 1, 2
