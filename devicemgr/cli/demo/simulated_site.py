"""A simulated site to look at in the desk: turnstiles with readers, people with cards, zones, an operator a role."""

import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devicemgr.cli.demo.subprocesses import START_SECONDS, Child, Simulation, wait_until

HOST = "127.0.0.1"

ENTRY, EXIT = 1, 2
"""Readers of a simulated turnstile, as LOT numbers them."""

ZONES = ({"name": "building", "max": 40}, {"name": "lab", "parent": "building", "max": 4})
PORTALS = ("lobby", "staff-entrance", "lab-door")
_ZONES_OF: Mapping[str, dict[str, str]] = {
    "lobby": {"outside": "outside", "inside": "building"},
    "staff-entrance": {"outside": "outside", "inside": "building"},
    "lab-door": {"outside": "building", "inside": "lab"},
}
ALARM_BITS = {"0": "portal_forced", "1": "tamper", "2": "portal_held_open"}
"""What the bits of a simulated turnstile's error register mean."""

ROLES = ("guard", "admin", "technician", "auditor")
UNKNOWN_CARD = "0FDEADBEEF"


@dataclass(frozen=True, slots=True)
class Holder:
    """A person of the site, with a card."""

    badge: str
    name: str
    card: str
    levels: Sequence[str] = ("staff",)


HOLDERS = (
    Holder("1001", "Aigul Serik", "0F00FBD601", ("staff", "laboratory")),
    Holder("1002", "Болат Нұрланұлы", "0F00FBD602"),
    Holder("1003", "Дарья Ёлкина", "0F00FBD603", ("staff", "laboratory")),
    Holder("1004", "Mehmet Yıldız", "0F00FBD604"),
    Holder("1005", "Әсел Қожабекова-Төлегенова", "0F00FBD605"),
    Holder("1006", "John Smith", "0F00FBD606"),
)


class SimulatedSite(Simulation):
    """Starts and stops the simulators and the daemon, which listens on TCP; a context manager."""

    WHAT = "the simulated site"

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__(folder)
        self.port = port or free_port()
        self.passwords = {role: secrets.token_urlsafe(12) for role in ROLES}
        self.turnstiles: dict[str, Child] = {}

    @property
    def address(self) -> str:
        """Where browsers find the desk."""
        return f"http://{HOST}:{self.port}/"

    def start_daemon(self) -> None:
        """Start the daemon, and wait for its socket."""
        self.daemon = self.child("daemon", "run", "--listen", f"{HOST}:{self.port}")
        self.start_daemon_api()

    def wait_for_gates(self) -> None:
        """Wait until every portal's gate is reached."""
        wait_until(
            lambda: all(portal["state"] == "idle" for portal in self.api.get("/portals")),
            START_SECONDS,
            "the turnstiles of the simulated site were not reached",
        )

    def show(self, portal: str, card: str, reader: int = ENTRY) -> None:
        """Show a card at a portal's reader."""
        self.turnstiles[portal].send(f"card {reader} {card}")

    def set_alarms(self, portal: str, *kinds: str) -> None:
        """Let exactly these states of ALARM_BITS stand at a portal."""
        bits = [bit for bit, kind in ALARM_BITS.items() if kind in kinds]
        self.turnstiles[portal].send(" ".join(("errors", *bits)))

    def head(self) -> int:
        """Return the newest event's seq."""
        found = self.api.get("/events", limit=1)
        return int(found[-1]["seq"]) if found else 0

    def _start(self) -> None:
        for portal in PORTALS:
            link = str(self._folder / portal)
            self.turnstiles[portal] = self.child(portal, "sim", "turnstile", "--link", link, takes_lines=True)
        self.child("init", "init").process.wait(START_SECONDS)
        self.start_daemon()
        for zone in ZONES:
            self.api.post("/zones", zone)
        for portal, turnstile in self.turnstiles.items():
            self._add_portal(portal, turnstile.wait_for("ready", START_SECONDS)["path"])
        self.api.post("/levels", {"name": "staff", "portals": ["lobby", "staff-entrance"]})
        self.api.post("/levels", {"name": "laboratory", "portals": ["lab-door"]})
        for holder in HOLDERS:
            self.api.post("/people", {"name": holder.name, "badge": holder.badge, "levels": list(holder.levels)})
            self.api.post(f"/people/{holder.badge}/cards", {"number": holder.card})
        for role, password in self.passwords.items():
            self.api.post("/operators", {"name": role, "roles": [role], "password": password})
        self.wait_for_gates()

    def _add_portal(self, name: str, path: str) -> None:
        gate = f"{name}-gate"
        options = {"profile": "lot", "unit": 1, "readers": "1,2", "alarms": ALARM_BITS}
        self.api.post("/devices", {"name": gate, "driver": "modbus_gate", "address": path, "options": options})
        fields = {
            "gate": gate,
            "entry": [f"{gate}:{ENTRY}"],
            "exit": [f"{gate}:{EXIT}"],
            "require": "card",
            "release_seconds": 4.0,
        }
        self.api.post("/portals", {"name": name, **fields, **_ZONES_OF[name]})


def free_port() -> int:
    """Return a TCP port of this host that is free now."""
    with socket.socket() as line:
        line.bind((HOST, 0))
        port: int = line.getsockname()[1]
        return port
