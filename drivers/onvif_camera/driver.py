"""An ONVIF camera (Profiles S and T): stream, snapshot, events, inputs, and relay outputs as a gate."""

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver
from drivers.common.fire_inputs import declared
from drivers.common.onvif.ws_discovery import discover
from drivers.onvif_camera.options import Options

DRIVER = Driver(
    kind="onvif_camera",
    title="ONVIF camera (Profiles S and T), with its inputs and relay outputs",
    capabilities=frozenset({Capability.CAMERA, Capability.GATE}),
    options=Options,
    build="drivers.onvif_camera.device:build",
    fire_inputs=declared(Options),
    discover=discover,
)
