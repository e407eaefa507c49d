"""Fixtures of outlets to a broker: a daemon in this process with a gate that tests steer, and a broker of Debian."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devicemgr.daemon.service import Daemon
from devicemgr.outlets import outbox
from devicemgr.outlets.mqtt import link
from devicemgr.site.outlets import changes
from devicemgr.site.outlets.fields import checked_fields
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.outlets import rows
from tests.scenarios.lobbies import furnish
from tests.support.mqtt import PASSWORD, USER, Broker, Watcher
from tests.support.webhook_receiver import wait_until


class NoPool:
    """No recognizer processes."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def start(self, _: Any) -> None: ...

    def set_lanes(self, _: Any) -> None: ...

    def set_encoder(self, _: str) -> None: ...

    def settle(self, *_: str) -> None: ...

    def stop(self, _: float) -> None: ...


@pytest.fixture
def broker(tmp_path) -> Iterator[Broker]:
    found = Broker(tmp_path / "broker")
    yield found
    found.close()


@pytest.fixture
def watcher(broker) -> Iterator[Watcher]:
    found = Watcher(broker)
    yield found
    found.close()


@pytest.fixture
def daemon(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A portal `lobby` with the gate `arm`; outlets try often."""
    monkeypatch.setattr("devicemgr.daemon.service.RecognizerPool", NoPool)
    monkeypatch.setattr(outbox, "MIN_WAIT_S", 0.05)
    monkeypatch.setattr(link, "MIN_RETRY_S", 0.05)
    with site.database.write() as session:
        furnish(session, site)
    found = Daemon(site)
    found.start()
    wait_until(lambda: all(one["state"] == "online" for one in found.status()["devices"]), "the devices")
    yield found
    found.stop(time.monotonic() + 3)


@pytest.fixture
def base(site) -> Callable[[str], str]:
    """base("zone/hall"): a topic of this site."""

    def of(rest: str) -> str:
        with site.database.read() as session:
            return f"devicemgr/{rows.site_id(session)}/{rest}"

    return of


@pytest.fixture
def add_outlet(site) -> Callable[..., None]:
    """add_outlet(broker, **fields): an outlet `hall` to a broker, by its certificate and password."""

    def add(broker: Any, name: str = "hall", **fields: Any) -> None:
        stated = {"kind": "mqtt", "url": broker.url, "tls_ca": getattr(broker, "ca", ""), "user": USER, **fields}
        with unit_of_work(site, "uid:0") as work:
            changes.add_outlet(work, name, checked_fields(stated))
            changes.set_secret(work, name, PASSWORD, keeps_last=False)

    return add


@pytest.fixture
def figures(daemon) -> Callable[[], dict[str, Any]]:
    """figures(): what the outbox of the outlet `hall` says."""
    return lambda: daemon._outlets.figures().get("hall", {"state": {}})
