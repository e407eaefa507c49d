"""Codes in events and answers of Hikvision face terminals (vendor's document, and captures)."""

from dataclasses import dataclass

from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Factor
from drivers.hikvision_console.events.alarm_table import ALARMS, ENDS, EXCEPTIONS, FIRES
from drivers.hikvision_console.events.code_table import DENIED, GRANTED, HAPPENED
from drivers.hikvision_console.events.operation_table import OPERATIONS

ALARM, EXCEPTION, OPERATION, EVENT = 1, 2, 3, 5


def log_of(major: int) -> str:
    """Return the name of the memory of a major type: serial numbers are kept for each."""
    return "" if major == EVENT else str(major)


def adopted_log(major: int) -> str:
    """Return the name under which it is kept where the reading of a memory began."""
    return f"adopted/{major}"


def history_log(major: int) -> str:
    """Return the name under which it is kept how far the history of a memory is recorded."""
    return f"history/{major}"


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of event: a decision (`granted` says which), or something else by `kind`; `why` in words or a Reason.

    `factors` are those that a granted one proves. `input` tells the sources of alarms apart; `ends` for the end of one.
    """

    words: str
    granted: bool | None = None
    reason: Reason | None = None
    kind: Kind | None = None
    factors: frozenset[Factor] = frozenset()
    input: str = ""
    ends: bool = False

    @property
    def why(self) -> str:
        """A Reason's value where there is one."""
        return str(self.reason) if self.reason else self.words


# By major and minor type; the tables are in code_table.py, alarm_table.py and operation_table.py.
CODES: dict[tuple[int, int], Code] = {
    **{
        (EVENT, minor): Code(words, granted=True, factors=frozenset(factors))
        for minor, (words, factors) in GRANTED.items()
    },
    **{(EVENT, minor): Code(words, granted=False, reason=reason) for minor, (words, reason) in DENIED.items()},
    **{(EVENT, minor): Code(words, kind=kind) for minor, (words, kind) in HAPPENED.items()},
    **{(ALARM, minor): Code(words, kind=kind, input=name) for minor, (words, kind, name) in ALARMS.items()},
    **{
        (ALARM, minor): Code(f"{name}: the alarm is over", kind=Kind.TAMPER, input=name, ends=True)
        for minor, name in ENDS.items()
    },
    **{(EXCEPTION, minor): Code(words, kind=kind) for minor, (words, kind) in EXCEPTIONS.items()},
    **{(OPERATION, minor): Code(words, kind=kind) for minor, (words, kind) in OPERATIONS.items()},
    **{
        code: Code(f"fire input ({source}) {'active' if begins else 'at rest'}", kind=Kind.FIRE_RELEASE)
        for code, (source, begins) in FIRES.items()
    },
}
ASKS = "the console asks this box"  # who decides, in words
CONTACTS = {(EVENT, 0x19): True, (EVENT, 0x1A): False}
