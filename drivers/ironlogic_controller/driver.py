"""IronLogic controllers with Web-JSON (Z-5R Web, Matrix-II): a gate, its cards and events, and its questions."""

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver
from devicemgr.domain.rules.cards.formats import is_read_whole
from drivers.common.autonomy import when
from drivers.common.fire_inputs import declared
from drivers.ironlogic_controller.options import Options

DRIVER = Driver(
    kind="ironlogic_controller",
    title="IronLogic Z-5R Web and Matrix-II controllers (Web-JSON): the controller calls this computer",
    capabilities=frozenset({Capability.GATE, Capability.READER}),
    options=Options,
    build="drivers.ironlogic_controller.builder:build",
    fire_inputs=declared(Options),
    reads_card=is_read_whole,
    autonomy=when(Options, decide="controller", fallback="controller"),
)
