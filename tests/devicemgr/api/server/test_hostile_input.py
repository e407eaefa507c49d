"""What no honest client sends, and what a big site makes expensive."""

import dataclasses
import threading
import time
from typing import Any

import httpx
import pytest

from devicemgr.cli.output import local
from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.site.site import Site

HALF = b'"\\ud800"'
GATE = {"driver": "fake_gate", "address": "/dev/gate"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/people", b'{"name":"A","badge":"1","levels":[%s]}' % HALF),
        ("POST", "/portals", b'{"name":"p","gate":%s}' % HALF),
        ("POST", "/levels", b'{"name":"l","portals":[%s]}' % HALF),
        ("POST", "/devices", b'{"name":"d","driver":"fake_gate","address":"/dev/x","username":%s}' % HALF),
        ("POST", "/devices", b'{"name":"d","driver":"fake_gate","address":"/dev/x","password":%s}' % HALF),
        ("POST", "/portals", b'{"name":"p","gate":"g","release_seconds":NaN}'),
        ("POST", "/portals", b'{"name":"p","gate":"g","channel":1%s}' % (b"0" * 400)),
        ("POST", "/portals", b"[" * 100_000),
        ("POST", "/people", b'{"name":"A","badge":"1","valid_to":"9999-12-31T23:00:00-23:00"}'),
    ],
)
def test_nonsense_is_the_callers_fault_and_told_in_one_line(
    http: httpx.Client, method: str, path: str, body: bytes
) -> None:
    answer = http.request(method, path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    detail = answer.json()["detail"]
    assert detail.isprintable()
    assert "�" not in detail


@pytest.mark.parametrize("after", [10**30, -1, -(10**30)])
def test_a_seq_that_no_database_holds(http: httpx.Client, after: int) -> None:
    assert http.get("/events", params={"after": after}).status_code == 422
    assert http.get("/events/stream", headers={"Last-Event-ID": str(after)}).status_code == 422


def test_a_list_of_devices_asks_for_the_status_once(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        assert http.post("/devices", json=GATE | {"name": f"gate-{number}"}).is_success
    asked: list[int] = []
    real = DirectRuntime.status
    monkeypatch.setattr(DirectRuntime, "status", lambda self: (asked.append(1), real(self))[1])
    assert len(http.get("/devices").json()) == 4
    assert len(asked) == 1


def test_a_driver_that_loads_slowly_keeps_nobody_from_the_database(
    http: httpx.Client, site: Site, parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever changes a device may be the first to import its vendor's library: the ledger must not wait for that."""
    assert http.post("/devices", json=GATE | {"name": "gate-1"}).is_success
    written: list[bool] = []
    driver = parts.catalog.get("fake_gate")
    real = driver.build

    def build(config: Any) -> Any:
        done = threading.Event()
        threading.Thread(target=lambda: (_write(site), done.set()), daemon=True).start()
        written.append(done.wait(3))
        return real(config)

    monkeypatch.setattr(type(parts.catalog), "get", lambda *_: _with_build(driver, build))
    assert http.patch("/devices/gate-1", json={"options": {"unit": 2}}).json()["options"] == {"unit": 2}
    assert written == [True]


def _with_build(driver: Any, build: Any) -> Any:
    return dataclasses.replace(driver, build=build)


def _write(site: Site) -> None:
    with site.database.write():
        pass


def test_the_last_hours_of_the_calendar_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Almaty")
    time.tzset()
    assert "9999" in str(local("9999-12-31T23:00:00Z"))
    monkeypatch.undo()
    time.tzset()
