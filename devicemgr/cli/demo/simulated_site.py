"""A simulated site to look at in the desk: turnstiles with readers, people with cards, zones, an operator a role."""

import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from devicemgr.cli.demo.subprocesses import Child, wait_until
from devicemgr.cli.transport.api_client import Api, daemon_answers
from devicemgr.errors import SystemFault
from devicemgr.home import Home

_START_SECONDS = 60.0
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


class SimulatedSite:
    """Starts and stops the simulators and the daemon, which listens on TCP; a context manager."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.home = Home(folder / "home")
        self.port = port or free_port()
        self.passwords = {role: secrets.token_urlsafe(12) for role in ROLES}
        self.turnstiles: dict[str, Child] = {}
        self.daemon: Child
        self._folder = folder
        self._children: list[Child] = []
        self._api: Api | None = None

    @property
    def address(self) -> str:
        """Where browsers find the desk."""
        return f"http://{HOST}:{self.port}/"

    @property
    def api(self) -> Api:
        """The daemon's API, as the owner of this host."""
        assert self._api is not None
        return self._api

    def __enter__(self) -> "SimulatedSite":
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.ask_to_stop()
        for child in self._children:
            child.stop()

    def start_daemon(self) -> None:
        """Start the daemon, and wait for its socket and for all gates."""
        self.daemon = self._child("daemon", "run", "--listen", f"{HOST}:{self.port}")
        wait_until(
            lambda: daemon_answers(self.home) or self.daemon.process.poll() is not None,
            _START_SECONDS,
            "the daemon of the simulated site did not start in time",
        )
        self._api = Api(self.home, self._no_app)

    def wait_for_gates(self) -> None:
        """Wait until every portal's gate is reached."""
        wait_until(
            lambda: all(portal["state"] == "idle" for portal in self.api.get("/portals")),
            _START_SECONDS,
            "the turnstiles of the simulated site were not reached",
        )

    def show(self, portal: str, card: str, reader: int = ENTRY) -> None:
        """Show a card at a portal's reader."""
        self.turnstiles[portal].send(f"card {reader} {card}")

    def head(self) -> int:
        """Return the newest event's seq."""
        found = self.api.get("/events", limit=1)
        return int(found[-1]["seq"]) if found else 0

    def _child(self, name: str, *arguments: str, takes_lines: bool = False) -> Child:
        child = Child(arguments, self.home.path, self._folder / f"{name}.log", takes_lines=takes_lines)
        self._children.append(child)
        return child

    def _no_app(self) -> NoReturn:
        raise SystemFault(f"the daemon of the simulated site ended: {self.daemon.last_words()}")

    def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for portal in PORTALS:
            link = str(self._folder / portal)
            self.turnstiles[portal] = self._child(portal, "sim", "turnstile", "--link", link, takes_lines=True)
        self._child("init", "init").process.wait(_START_SECONDS)
        self.start_daemon()
        for zone in ZONES:
            self.api.post("/zones", zone)
        for portal, turnstile in self.turnstiles.items():
            self._add_portal(portal, turnstile.wait_for("ready", _START_SECONDS)["path"])
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
        options = {"profile": "lot", "unit": 1, "readers": "1,2"}
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
