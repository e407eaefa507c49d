"""kill -9 under load: what was acknowledged is there, and no gate moved without a record."""

import contextlib
import os
import threading
from typing import Any

import pytest

from devicemgr.cli.transport.api_client import ApiProblem
from devicemgr.errors import DevicemgrError

KILLS = int(os.environ.get("DEVICEMGR_KILLS", "4"))

pytestmark = [pytest.mark.e2e, pytest.mark.scaled, pytest.mark.timeout(60 + 15 * KILLS)]


class Load:
    """Adds people and opens the gate as fast as answers come; remembers what was acknowledged."""

    def __init__(self, box: Any, cycle: int) -> None:
        self.badges: list[str] = []
        self.requests: list[str] = []
        self.enough = threading.Event()
        self._box = box
        self._threads = [threading.Thread(target=self._add, args=(f"{cycle}-{n}",)) for n in range(2)]
        self._threads.append(threading.Thread(target=self._open))
        for thread in self._threads:
            thread.start()

    def _until_it_dies(self, act: Any) -> None:
        try:
            api = self._box.api()
            for number in range(100_000):
                # Refused, and so not acknowledged: the gate's line is not open yet.
                with contextlib.suppress(ApiProblem):
                    act(api, number)
                if len(self.badges) >= 15 and len(self.requests) >= 3:
                    self.enough.set()
        except DevicemgrError:
            return
        except BaseException:  # pytest.fail: the socket is gone
            return

    def _add(self, prefix: str) -> None:
        def act(api: Any, number: int) -> None:
            badge = f"K{prefix}-{number}"
            api.post("/people", {"name": "Load", "badge": badge})
            self.badges.append(badge)

        self._until_it_dies(act)

    def _open(self) -> None:
        def act(api: Any, _: int) -> None:
            self.requests.append(api.post("/portals/lobby/open", {})["request"])

        self._until_it_dies(act)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)


def test_nothing_acknowledged_is_lost(box: Any, turnstile: Any, record_property: Any) -> None:
    box.cli("device", "add", "arm", "--driver", "modbus_gate", "--address", turnstile.path, "--option", "profile=lot")
    box.cli("portal", "add", "lobby", "--gate", "arm")
    badges: list[str] = []
    requests: list[str] = []
    slowest = 0.0
    for cycle in range(KILLS):
        slowest = max(slowest, box.start())
        load = Load(box, cycle)
        assert load.enough.wait(60), box.log()[-2000:]
        box.kill()
        load.join()
        badges += load.badges
        requests += load.requests
    box.start()
    _check(box, turnstile, badges, requests)
    record_property("slowest_ready_s", round(slowest, 2))
    print(f"\n{KILLS} kills, {len(badges) + len(requests)} acknowledged, none lost, ready within {slowest:.1f} s")


def _check(box: Any, turnstile: Any, badges: list[str], requests: list[str]) -> None:
    events = box.events()
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    added = {event["person"] for event in events if event["kind"] == "admin.person_added"}
    assert set(badges) <= added
    unlocked = [event["request"] for event in events if event["kind"] == "portal_unlocked"]
    assert set(requests) <= set(unlocked)
    assert len(unlocked) == len(set(unlocked)), "one decision, one unlock"
    asked = {event["request"] for event in events if event["kind"] == "admin.portal_open"}
    ended = {event["request"] for event in events if event["kind"].startswith("portal_unlock")}
    assert asked == ended, "every intent is confirmed, failed or marked unconfirmed"
    assert len(turnstile.events.all("release")) <= len(asked), "no release without a record"
    assert box.cli("audit", "verify")["ok"] is True
