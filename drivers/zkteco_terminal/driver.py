"""ZKTeco face terminals (SpeedFace and newer) that call this computer by the PUSH protocol (ADMS)."""

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver
from devicemgr.domain.rules.cards.formats import is_read_whole
from drivers.common.autonomy import always
from drivers.zkteco_terminal.options import Options

DRIVER = Driver(
    kind="zkteco_terminal",
    title="ZKTeco face terminal (SpeedFace and newer) that calls here by PUSH (ADMS)",
    capabilities=frozenset({Capability.CONSOLE, Capability.GATE}),
    options=Options,
    build="drivers.zkteco_terminal.builder:build",
    reads_card=is_read_whole,
    autonomy=always(),
)
