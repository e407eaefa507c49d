"""OSDP v2 readers on RS-485 or behind a serial server: cards, keypad, lamps, and an output as the lock."""

from collections.abc import Callable, Mapping

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver, Found
from devicemgr.domain.rules.cards.formats import is_read_as
from drivers.osdp_reader.options import Options


def _scan(address: str, seconds: float, note: Callable[[str], None]) -> list[Found]:
    from drivers.osdp_reader.line_setup import find_readers  # noqa: PLC0415  listing the kinds must not import pyserial

    return find_readers(address, seconds, note)


def _reads_card(options: Mapping[str, object], number: str) -> bool:
    return is_read_as(str(options.get("card_format", "auto")), number)


DRIVER = Driver(
    kind="osdp_reader",
    title="OSDP v2 reader (RS-485 or serial server): cards, keypad, lamps and lock, encrypted with a key of its own",
    capabilities=frozenset({Capability.READER, Capability.GATE}),
    options=Options,
    build="drivers.osdp_reader.builder:build",
    is_serial=True,
    scan=_scan,
    reads_card=_reads_card,
)
