"""The bench's figure of outlets: what those of each kind, all of which fail or hang, do to decisions."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devicemgr.cli.demo.measures.desks import decisions_ms
from devicemgr.cli.demo.simulated_entrance import quantile
from devicemgr.cli.demo.simulated_site import HOST, SimulatedSite, free_port
from devicemgr.cli.demo.subprocesses import wait_until

_ROUNDS = 6
_MAIL = {"to": ["guard@site.example"], "sender": "gate@site.example"}


def measure_outlets(folder: Path) -> dict[str, Any]:
    """Return outlets_decide_p95_ratio: decisions while all outlets fail or hang, to those while they are paused.

    Both take turns, so that whatever else this host does meets both alike.
    """
    alone: list[float] = []
    beside: list[float] = []
    with SimulatedSite(folder / "outlets") as site, _silent() as port:
        names = _add_outlets(site, port)
        for turn in range(_ROUNDS):
            _call(site, names, "pause")
            alone += decisions_ms(site, 2 * turn)
            _call(site, names, "resume")
            wait_until(lambda: _are_failing(site), 60, "the outlets of the simulated site do not fail")
            beside += decisions_ms(site, 2 * turn + 1)
    return {"outlets_decide_p95_ratio": round(quantile(beside, 0.95) / quantile(alone, 0.95), 2)}


def _add_outlets(site: SimulatedSite, port: int) -> list[str]:
    """Add outlets to a server that accepts and says nothing, and to a port at which no one listens."""
    closed = free_port()
    stated: dict[str, dict[str, Any]] = {
        "silent": {"kind": "webhook", "url": f"http://localhost:{port}/"},
        "closed": {"kind": "webhook", "url": f"http://localhost:{closed}/"},
        "handshake": {"kind": "webhook", "url": f"https://localhost:{port}/"},
        "broker": {"kind": "mqtt", "url": f"mqtts://localhost:{port}", "discovery": True},
        "siem": {"kind": "syslog", "url": f"syslog+tls://localhost:{port}", "kinds": ["access_denied"]},
        "mail": {"kind": "mail", "url": f"smtps://localhost:{port}", "kinds": ["access_denied"], **_MAIL},
    }
    for name, fields in stated.items():
        site.api.post("/outlets", {"name": name, **fields})
        if fields["kind"] == "webhook":
            site.api.call("PUT", f"/outlets/{name}/secret", json={})
    return list(stated)


def _call(site: SimulatedSite, names: list[str], verb: str) -> None:
    for name in names:
        site.api.post(f"/outlets/{name}/{verb}", {})


def _are_failing(site: SimulatedSite) -> bool:
    """Return True once the one that is refused at once says so: by then all have begun."""
    return any(one["name"] == "closed" and one["state"] == "failing" for one in site.api.get("/outlets"))


@contextmanager
def _silent() -> Iterator[int]:
    """Accept connections and say nothing on them."""
    held: list[socket.socket] = []
    with socket.create_server((HOST, 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    held.append(server.accept()[0])

        threading.Thread(target=accept, name="bench-silent", daemon=True).start()
        yield server.getsockname()[1]
    for line in held:
        line.close()
