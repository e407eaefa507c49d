"""UHPPOTE (Wiegand) door controllers, one to four doors, over UDP: gate, memory of cards, and memory of events."""

from collections.abc import Sequence

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.autonomy import DeviceRule
from devicemgr.domain.ports.driver import Driver, Found
from devicemgr.domain.rules.cards.formats import is_read_by_controller
from devicemgr.errors import InvalidInput
from drivers.common.autonomy import when
from drivers.common.fire_inputs import declared
from drivers.uhppote_controller.options import Options
from drivers.uhppote_controller.protocol import parse_endpoint, search

BROADCAST = ("255.255.255.255", 60000)


def discover(seconds: float, hosts: Sequence[str]) -> list[Found]:
    """Find controllers that answer a broadcast, and those at `hosts`."""
    from uhppoted import decode, encode  # noqa: PLC0415 - the vendor's library, imported for a search only

    targets = [BROADCAST]
    for host in hosts:
        try:
            endpoint = parse_endpoint(host)
        except InvalidInput:
            continue
        targets.append((endpoint.host, endpoint.port))
    found = []
    for source, packet in search(bytes(encode.get_controller_request(0)), targets, seconds):
        try:
            info = decode.get_controller_response(packet)
        except ValueError:
            continue
        note = f"firmware {info.version}, says it is at {info.ip_address}"
        model = f"{info.controller // 100_000_000}-door controller"
        serial = str(info.controller)
        options = {"controller": serial}
        found.append(Found("uhppote_controller", f"udp://{source}", model, serial, note=note, options=options))
    return found


DRIVER = Driver(
    kind="uhppote_controller",
    title="UHPPOTE door controller over UDP: doors, cards kept in sync, events read back after an outage",
    capabilities=frozenset({Capability.GATE, Capability.READER}),
    options=Options,
    build="drivers.uhppote_controller.builder:build",
    discover=discover,
    fire_inputs=declared(Options),
    reads_card=is_read_by_controller,
    autonomy=when(Options, DeviceRule.SCHEDULES, decide="controller"),
)
