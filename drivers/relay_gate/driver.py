"""USB relay boards as gates: LCUS, KMTronic, Numato and Devantech on a serial port, and HID boards ("USBRelay")."""

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver
from drivers.common.fire_inputs import declared
from drivers.relay_gate.options import Options

DRIVER = Driver(
    kind="relay_gate",
    title="USB relay board (serial or HID); without a timer, so a crash mid-pulse leaves the relay on",
    capabilities=frozenset({Capability.GATE}),
    options=Options,
    build="drivers.relay_gate.device:build",
    is_serial=True,
    fire_inputs=declared(Options),
)
