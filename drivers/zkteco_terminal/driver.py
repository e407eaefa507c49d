"""ZKTeco face terminals (SpeedFace and newer) that call this computer by the PUSH protocol (ADMS)."""

import re
import zoneinfo
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from devicemgr.domain.model import Capability, DeviceConfig
from devicemgr.domain.ports.device import Device
from devicemgr.domain.ports.driver import Driver
from devicemgr.domain.rules.card_formats import is_read_whole
from devicemgr.errors import InvalidInput
from devicemgr.text import safe
from drivers.common.http.push_server import addresses_of
from drivers.common.options import read_options


class Options(BaseModel):
    """How the terminal is used."""

    model_config = ConfigDict(extra="forbid")

    serial: str = Field(
        pattern=r"^[0-9A-Za-z_-]{4,40}$",
        description="Its serial number (SN), as its menu shows it: it proves itself by it",
    )
    push_port: int = Field(
        8081,
        ge=0,
        le=65535,
        description="TCP port of this computer that it calls; one for each terminal. 0: any, for tests",
    )
    doors: int = Field(1, ge=1, le=8, description="Doors that it opens; channels 1 and up")
    faces: bool = Field(False, description="Whether face samples of people who consented are put on the terminal")
    capacity: int = Field(3000, ge=1, le=300_000, description="People that fit into it; see its data sheet")
    always_rule: int = Field(
        1, ge=1, le=50, description="Number of its time rule that is open at all times; it is read and never changed"
    )
    timezone: str = Field(
        "", max_length=64, description="IANA zone of its clock, such as Asia/Almaty; left out: this computer's"
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        if name and name not in zoneinfo.available_timezones():
            raise ValueError("is no IANA time zone such as Asia/Almaty")
        return name


def build(config: DeviceConfig) -> Device:
    """Return a terminal that is not connected yet; InvalidInput for an address or option that cannot be."""
    from drivers.zkteco_terminal.device import ZktecoTerminal  # noqa: PLC0415 - listing the kinds needs no server

    options = read_options(Options, config)
    zone = zoneinfo.ZoneInfo(options.timezone) if options.timezone else None
    return ZktecoTerminal(config.name, addresses_of(_host_of(config.address)), options, zone)


def _host_of(address: str) -> str:
    """Return the host of `192.0.2.50` or `http://192.0.2.50`; the terminal calls, so that a port does not count."""
    text = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not re.fullmatch(r"[0-9A-Za-z.:_-]{1,253}", host) or parts.scheme not in ("http", "https"):
        raise InvalidInput(f"'{safe(address, 100)}' is not the terminal's address; write it like http://192.0.2.50")
    return host


DRIVER = Driver(
    kind="zkteco_terminal",
    title="ZKTeco face terminal (SpeedFace and newer) that calls here by PUSH (ADMS)",
    capabilities=frozenset({Capability.CONSOLE, Capability.GATE}),
    options=Options,
    build=build,
    reads_card=is_read_whole,
)
