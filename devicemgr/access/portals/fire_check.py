"""State of all fire inputs, read once: for a lock that is sent while no daemon watches them."""

import time
from collections.abc import Callable
from functools import partial

from devicemgr.access.portals.fire_alarm import active_inputs, inputs_of
from devicemgr.domain.device_events import FireRelease
from devicemgr.domain.ports.device import Device
from devicemgr.errors import DevicemgrError
from devicemgr.site.site import Site
from devicemgr.store.site import devices as device_store, settings

_READ_S = 5.0

States = dict[str, bool | None]


def why_not_lock(site: Site, call: Callable[[str, Callable[[Device], States]], States]) -> str | None:
    """Ask every device with a fire input; return why nothing may be locked, None when a fire can be ruled out.

    `call(name, action)` opens the device and runs the action. An input that was active last stays active until the
    device reports its end.
    """
    with site.database.read() as session:
        configs = [device_store.device_config(row, site.vault) for row in device_store.devices(session)]
        active, may_skip = active_inputs(session), settings.load(session).fire_wait_s is not None
    for config in configs:
        inputs = inputs_of(site.parts.catalog, config) or frozenset()
        states: States = dict.fromkeys(active.get(config.name, ()), True)
        cause = ""
        if inputs or states:
            try:
                states |= call(config.name, partial(_read, inputs | states.keys(), set(states)))
            except DevicemgrError as error:
                cause = f" ({error})"
        if any(states.values()):
            return f"the fire input of {config.name} is active: nothing is locked until the fire has ended"
        if not may_skip and any(states.get(name) is None for name in inputs):
            return f"the state of the fire input of {config.name} is not known{cause}; test the device"
    return None


def _read(inputs: frozenset[str], active: set[str], device: Device) -> States:
    """Poll an open device until it has reported all `inputs`; what it did not report in time is left out."""
    states: States = {}
    until = time.monotonic() + _READ_S
    while not inputs <= states.keys() and time.monotonic() < until:
        for fact in device.poll():
            if isinstance(fact, FireRelease) and not (fact.is_presumed and fact.input in active):
                states[fact.input] = fact.active
        time.sleep(min(device.poll_interval, 0.2))
    return states
