"""A daemon with all that has figures, which Prometheus reaches over TLS."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from devicemgr.domain.ledger_events import Fact
from devicemgr.store.database import Database
from devicemgr.store.ledger import events
from drivers.sim.gates.turnstile import SimulatedTurnstile
from tests.e2e.conftest import Box, wait_for
from tests.support.certificates import self_signed

PORTALS = {"lobby": "arm", "yard": "far"}


class Monitored(Box):
    """A box that listens on TCP, with a token for Prometheus."""

    port: int
    token: str
    certificate: Path

    def listen(self, certificate: tuple[Path, Path]) -> None:
        """Start the daemon on a free port of this computer."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.certificate = certificate[0]
        tls = ["--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1])]
        command = [sys.executable, "-m", "cli", "run", "--listen", f"127.0.0.1:{self.port}", *tls]
        with (self.folder / "daemon.log").open("ab") as log:
            self.daemon = subprocess.Popen(command, env=self.environment, stderr=log)
        wait_for(lambda: "devicemgr_ready 1.0" in self.metrics(), f"readiness: {self.log()}")

    def metrics(self, **headers: str) -> str:
        """Return what Prometheus gets; "" while nothing answers."""
        known = {"Authorization": f"Bearer {self.token}"} | headers
        try:
            answer = self.get(known)
        except httpx.TransportError:
            return ""
        return answer.text if answer.status_code == 200 else ""

    def get(self, headers: dict[str, str]) -> httpx.Response:
        """Ask for /metrics over TLS."""
        trusted = ssl.create_default_context(cafile=str(self.certificate))
        return httpx.get(f"https://localhost:{self.port}/metrics", headers=headers, verify=trusted)

    def record(self, *facts: Fact) -> None:
        """Record events as another process does."""
        database = Database.open(self.home.database)
        with database.write(changes_site=False) as session:
            events.append(session, facts)
        database.close()


@pytest.fixture(scope="session")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    folder = tmp_path_factory.mktemp("monitored")
    found = Monitored(folder)
    with SimulatedTurnstile(folder / "turnstile") as turnstile, closing(found):
        build(found, str(turnstile.path))
        found.listen(self_signed(folder, ["localhost"], ["127.0.0.1"]))
        now: Any = datetime.now(UTC)
        latency = {"capture_to_decision": 12.0, "total": 30.0}
        found.record(
            Fact("access_granted", now, portal="lobby", latency_ms=latency),
            Fact("access_denied", now, portal="lobby", reason="expired", latency_ms=latency),
        )
        wait_for(lambda: 'devicemgr_portal_decisions_total{outcome="granted"' in found.metrics(), "decisions")
        wait_for(lambda: 'state="failing"' in found.metrics(), "an outlet that fails")
        yield found


def build(box: Monitored, turnstile: str) -> None:
    """Make a site with gates, one of them away, a zone, an outlet without a receiver, and a source of people."""
    box.cli("init")
    box.cli("device", "add", "arm", "--driver", "modbus_gate", "--address", turnstile, "--option", "profile=lot")
    for name in ("far", "spare"):
        address = str(box.folder / name)
        box.cli("device", "add", name, "--driver", "modbus_gate", "--address", address, "--option", "profile=lot")
    box.cli("zone", "add", "building", "--max", "40")
    for name, gate in PORTALS.items():
        box.cli("portal", "add", name, "--gate", gate)
    with socket.create_server(("127.0.0.1", 0)) as free:
        nothing = free.getsockname()[1]
    box.cli("outlet", "add", "siem", "--kind", "syslog", "--url", f"syslog+tcp://localhost:{nothing}")
    box.cli("source", "add", "hr", "--file", "staff.csv", "--every", "1h")
    box.cli("operator", "add", "prometheus", "--role", "auditor")
    box.token = box.cli("operator", "token", "prometheus", "--scope", "auditor")["token"]
