"""Relay boards that are switched by HTTP as gates: Shelly, Tasmota, Dingtian, Devantech ETH and KMTronic LAN."""

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver
from drivers.common.fire_inputs import declared
from drivers.http_relay.options import Options

DRIVER = Driver(
    kind="http_relay",
    title="Relay board over HTTP (Shelly, Tasmota, Dingtian, Devantech ETH, KMTronic); most time the pulse themselves",
    capabilities=frozenset({Capability.GATE}),
    options=Options,
    build="drivers.http_relay.builder:build",
    fire_inputs=declared(Options),
)
