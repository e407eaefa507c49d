"""A simulated site in which each button of the desk has something to stand on."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from devicemgr.cli.demo.subprocesses import START_SECONDS, wait_until
from tests.desk.test_plan import PLACED, place, put_picture

OFFLINE = "http://127.0.0.1:9"
PASSWORD = "a long enough one"


@pytest.fixture(scope="module")
def named(site: Any) -> dict[str, str]:
    """Fill the site, and return what stands for the capital words in the addresses of the table."""
    _threaten(site)
    _furnish(site)
    _equip(site)
    _give_out(site)
    _request_approval(site)
    site.show("lobby", "0F00FBD601")
    _first(site, "passage_completed")
    site.show("staff-entrance", "0F00FBD602")
    denial = _first(site, "access_denied")
    drill = site.api.post("/musters", {"zone": "building", "drill": True})
    put_picture(site, "ground")
    place(site, "ground", PLACED)
    visit = {"name": "A guest", "host": "1001", "valid_to": "2099-12-31"}
    here, expected = (site.api.post("/visitors", visit)["badge"] for _ in range(2))
    site.api.post(f"/visitors/{here}/arrive")
    return {"DENIAL": str(denial["seq"]), "DRILL": drill["id"], "EXPECTED": expected}


def _first(site: Any, kind: str) -> dict[str, Any]:
    """Wait for an event."""
    wait_until(lambda: bool(site.api.get("/events", kind=kind, limit=1)), START_SECONDS, f"no {kind}")
    found: dict[str, Any] = site.api.get("/events", kind=kind, limit=1)[0]
    return found


def _threaten(site: Any) -> None:
    site.api.post("/threats", {"name": "lockdown", "scope": ["site"]})
    site.api.post("/threats", {"name": "siege", "allow": ["staff"], "scope": ["lab"]})
    site.api.post("/threats/siege/set", {"reason": "a drill"})


def _furnish(site: Any) -> None:
    """People with all that can be taken from them, and one entry of each kind in the site."""
    site.api.post("/people/1006/suspend")
    for number, until in (("80:1", None), ("80:2", None), ("80:3", "2099-01-01")):
        site.api.post("/people/1002/cards", {"number": number} | ({"until": until} if until else {}))
    site.api.call("PUT", "/cards/80:2/block", json={"reason": "lost"})
    site.api.call("PUT", "/people/1002/pin", json={"pin": "4711"})
    site.api.call("PATCH", "/people/1002", json={"valid_to": "2020-01-01"})
    site.api.post("/schedules", {"name": "office", "windows": ["mon-fri 08:00-18:00"], "timezone": "UTC"})
    site.api.post("/calendars", {"name": "kz", "days": []})
    site.api.call("PUT", "/departments/kitchen", json={"levels": ["staff"]})
    site.api.call("PATCH", "/people/1003", json={"department": "kitchen"})
    site.api.post("/interlocks", {"name": "trap", "portals": ["lobby", "staff-entrance"]})


def _give_out(site: Any) -> None:
    for name in ("hr", "shop"):
        site.api.post("/outlets", {"name": name, "kind": "webhook", "url": OFFLINE})
    site.api.post("/outlets/shop/pause")


def _equip(site: Any) -> None:
    for name, driver in (("console", "hikvision_console"), ("camera", "onvif_camera")):
        body = {"name": name, "driver": driver, "address": OFFLINE, "username": "admin", "password": PASSWORD}
        site.api.post("/devices", body)


def _request_approval(site: Any) -> None:
    """Let a second admin ask for a third one, which another admin must agree on; and give a guard a token."""
    site.api.post("/operators/guard/tokens", {"roles": ["guard"], "days": 1})
    site.api.post("/operators", {"name": "second", "roles": ["admin"], "password": PASSWORD})
    token = site.api.post("/operators/second/tokens", {"roles": ["admin"], "days": 1})["token"]
    body = json.dumps({"name": "third", "roles": ["admin"], "password": PASSWORD}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{site.address}api/v1/operators", body, headers)
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=10)
    assert site.api.get("/approvals")
