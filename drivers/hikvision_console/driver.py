"""Hikvision face-ID terminals (DS-K1T…, "MinMoe") over ISAPI: what the kind is, and how one is found."""

import re
from collections.abc import Sequence

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.autonomy import DeviceRule
from devicemgr.domain.ports.driver import Driver, Found
from devicemgr.domain.rules.cards.formats import is_read_whole
from drivers.common.advisories import advisories_of
from drivers.common.autonomy import when
from drivers.common.fire_inputs import declared
from drivers.common.http.digest import read_challenges
from drivers.common.http.probe import Reply, find
from drivers.hikvision_console.options import Options

KIND = "hikvision_console"
DEVICE_INFO = "/ISAPI/System/deviceInfo"


def discover(seconds: float, hosts: Sequence[str]) -> list[Found]:
    """Find the `hosts` that request a login as these terminals do, with one request each and without a password."""
    return find(seconds, hosts, DEVICE_INFO, _recognized) if hosts else []


def _recognized(address: str, reply: Reply) -> Found | None:

    challenge = read_challenges(reply.challenges)
    if reply.status != 401 or challenge is None:
        return None
    named = re.match(r"i?DS-[\w.-]{1,60}", challenge.realm)
    if named is None and b"/ISAPI/" not in reply.body and b"isapi.org" not in reply.body:
        return None
    return Found(KIND, address, named[0] if named else "", note="give its user name and password")


DRIVER = Driver(
    kind=KIND,
    title="Hikvision face-ID console (ISAPI)",
    capabilities=frozenset({Capability.CONSOLE, Capability.GATE}),
    options=Options,
    build="drivers.hikvision_console.console:build",
    discover=discover,
    advisories=advisories_of(__package__),
    fire_inputs=declared(Options),
    reads_card=is_read_whole,
    autonomy=when(Options, DeviceRule.SCHEDULES, decide="console", when_server_down="open"),
)
