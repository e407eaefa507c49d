"""ZKTeco C3 and inBIO door controllers over TCP."""

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver
from devicemgr.domain.rules.cards.formats import is_read_whole
from drivers.common.autonomy import always
from drivers.zkteco_controller.options import Options

DRIVER = Driver(
    kind="zkteco_controller",
    title="ZKTeco C3 or inBIO door controller over TCP: doors, people and cards kept in sync, events",
    capabilities=frozenset({Capability.CONSOLE, Capability.GATE}),
    options=Options,
    build="drivers.zkteco_controller.builder:build",
    reads_card=is_read_whole,
    autonomy=always(),
)
