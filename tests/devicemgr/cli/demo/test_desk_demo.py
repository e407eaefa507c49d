"""`demo --desk`: one command from which anyone can sign in and see people pass."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from devicemgr.cli.demo.desk_demo import showings
from devicemgr.cli.demo.simulated_site import HOLDERS, PORTALS, ROLES, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
def demo() -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    command = [sys.executable, "-m", "cli", "demo", "--desk", "--port", str(port), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process, port
    process.terminate()  # a killed one would leave its simulators behind
    process.communicate(timeout=60)


def test_it_prints_where_one_signs_in_and_people_pass_until_ctrl_c(demo: Any) -> None:
    process, port = demo
    found = json.loads(process.stdout.readline())
    assert found["address"] == f"http://127.0.0.1:{port}/"
    assert [operator["name"] for operator in found["operators"]] == list(ROLES)
    guard = found["operators"][0]
    with httpx.Client(base_url=f"{found['address']}api/v1", timeout=30) as client:
        signed_in = client.post("/session", json={"operator": guard["name"], "password": guard["password"]})
        assert signed_in.status_code == 201
        deadline = time.monotonic() + 60
        while not client.get("/events", params={"kind": "passage_completed"}).json():
            assert time.monotonic() < deadline
            time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(30) == 0


def test_people_enter_before_they_leave_and_some_are_refused() -> None:
    seen = list(itertools.islice(showings(random.Random(7)), 300))
    assert {portal for portal, _, _ in seen} == set(PORTALS)
    for holder in HOLDERS:
        readers = [reader for portal, card, reader in seen if card == holder.card and portal != "lab-door"]
        assert readers == [1 if number % 2 == 0 else 2 for number in range(len(readers))]
    lab = {card for portal, card, _ in seen if portal == "lab-door"}
    assert {holder.card for holder in HOLDERS if "laboratory" not in holder.levels} & lab
