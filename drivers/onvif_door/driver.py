"""Doors of an ONVIF controller (Profile C), its readers, or the relay outputs of any ONVIF device."""

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.autonomy import Autonomy
from devicemgr.domain.ports.driver import Driver
from devicemgr.domain.rules.cards.formats import is_read_whole
from drivers.common.fire_inputs import declared
from drivers.onvif_door.options import Options

DRIVER = Driver(
    kind="onvif_door",
    title="ONVIF door controller (Profile C) with its readers, or a relay output of any ONVIF device",
    capabilities=frozenset({Capability.GATE, Capability.READER}),
    options=Options,
    build="drivers.onvif_door.device:build",
    fire_inputs=declared(Options),
    found_by="onvif_camera",
    reads_card=is_read_whole,
    autonomy=lambda _: Autonomy(),
)
