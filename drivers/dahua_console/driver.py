"""Dahua (and Intelbras) face terminals over their CGIs: a console, and the gate that it opens."""

from collections.abc import Sequence

from devicemgr.domain.model import Capability
from devicemgr.domain.ports.autonomy import DeviceRule
from devicemgr.domain.ports.driver import Driver, Found
from devicemgr.domain.rules.cards.formats import is_read_whole
from drivers.common.advisories import advisories_of
from drivers.common.autonomy import when
from drivers.common.http.digest import read_challenges
from drivers.common.http.probe import Reply, find
from drivers.dahua_console.options import Options


def discover(seconds: float, hosts: Sequence[str]) -> list[Found]:
    """Find the `hosts` that request a login as these terminals do, with one request each and without a password."""
    from drivers.dahua_console.cgi import CHALLENGE_TARGET  # noqa: PLC0415 - listing the kinds must not import httpcore

    return find(seconds, hosts, CHALLENGE_TARGET, _recognised) if hosts else []


def _recognised(address: str, reply: Reply) -> Found | None:
    challenge = read_challenges(reply.challenges)
    if reply.status != 401 or challenge is None or not challenge.realm.startswith("Login to "):
        return None
    # Cameras and recorders of the make ask alike.
    note = "a face terminal, if it is not a camera or recorder of the make; give its user name and password"
    return Found("dahua_console", address, note=note)


DRIVER = Driver(
    kind="dahua_console",
    title="Dahua or Intelbras face terminal (ASI72xx, SS 55xx) over HTTP CGI",
    capabilities=frozenset({Capability.CONSOLE, Capability.GATE}),
    options=Options,
    build="drivers.dahua_console.builder:build",
    discover=discover,
    advisories=advisories_of(__package__),
    reads_card=is_read_whole,
    autonomy=when(Options, DeviceRule.SCHEDULES, decide="console", fallback="console"),
)
