"""UHPPOTE (Wiegand) door controllers, one to four doors, over UDP: gate, memory of cards, and memory of events."""

import zoneinfo
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from devicemgr.domain.model import Capability, DeviceConfig
from devicemgr.domain.ports.driver import Driver, Found
from devicemgr.errors import InvalidInput
from drivers.common.fire_inputs import declared
from drivers.common.options import read_options
from drivers.uhppote_controller.controller import UhppoteController, UhppoteGate, UhppoteHost
from drivers.uhppote_controller.protocol import parse_endpoint, search

BROADCAST = ("255.255.255.255", 60000)


class Options(BaseModel):
    """Which controller, and who decides."""

    model_config = ConfigDict(extra="forbid")
    controller: int = Field(ge=1, le=0xFFFFFFFE, description="The serial number on its label, such as 423187757")
    decide: Literal["controller", "host"] = Field(
        "controller",
        description="controller: it holds the cards and opens by itself, also without this box. host: it holds none, "
        "each card is asked about here, and nobody gets in by card while this box is away",
    )
    timezone: str | None = Field(None, description="IANA zone of its clock, such as Asia/Almaty; else this box's")
    doors: list[Annotated[str, Field(min_length=1, max_length=40)]] = Field(
        [], max_length=4, description="Names of its doors 1 to 4 for messages, such as lobby,garage"
    )
    listener: Literal["on", "take", "off"] = Field(
        "on",
        description="on: it pushes its events here, so that they are read at once, "
        "unless another program has set itself up as its listener; take: also then; off: never",
    )
    listener_port: int = Field(0, ge=0, le=65535, description="UDP port here for what it pushes; 0: any that is free")
    capacity: int = Field(20_000, ge=1, le=200_000, description="How many cards it can hold")
    fire_input: bool = Field(
        True, description="false: nothing is wired to its fire input, and locks do not wait for its state"
    )
    timeout: float = Field(1.0, ge=0.05, le=5.0, description="Seconds to wait for an answer, twice")

    @field_validator("doors", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


def build(config: DeviceConfig) -> UhppoteGate:
    """A controller that is not connected yet; InvalidInput for an address or option that cannot be."""
    options = read_options(Options, config)
    if options.timezone is not None and options.timezone not in zoneinfo.available_timezones():
        raise InvalidInput("option timezone: name one like Asia/Almaty")
    kind = UhppoteController if options.decide == "controller" else UhppoteHost
    return kind(config.name, parse_endpoint(config.address), options)


def discover(seconds: float, hosts: Sequence[str]) -> list[Found]:
    """Controllers that answer a broadcast, and those at `hosts`."""
    from uhppoted import decode, encode  # noqa: PLC0415

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
    title="UHPPOTE door controller over UDP: doors, cards kept in step, events read back after an outage",
    capabilities=frozenset({Capability.GATE, Capability.READER}),
    options=Options,
    build=build,
    discover=discover,
    fire_inputs=declared(Options),
)
