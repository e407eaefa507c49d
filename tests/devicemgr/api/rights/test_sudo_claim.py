"""Who ran a command by sudo stands in what the box's owner does, as a claim; no other caller can make one."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from devicemgr.api.authentication import _sudo_claim
from devicemgr.api.context import Caller
from devicemgr.api.csrf import DOOR, Door
from devicemgr.domain.ledger_events import Fact
from devicemgr.domain.model import Role
from devicemgr.site.site import Site
from devicemgr.store.ledger.sudo_claim import HEADER, claimed, headers, parse

OWNER = f"uid:{os.getuid()}"


def latest(http: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = http.get("/events").json()[-1]
    return found


def test_what_the_owner_does_by_sudo_names_the_caller(http: httpx.Client) -> None:
    answer = http.post("/people", json={"name": "A", "badge": "1"}, headers={HEADER: "1000"})
    assert answer.status_code == 201
    event = latest(http)
    assert (event["kind"], event["actor"], event["detail"]["sudo_uid"]) == ("admin.person_added", OWNER, 1000)
    http.post("/people", json={"name": "B", "badge": "2"})
    assert "sudo_uid" not in latest(http)["detail"], "the claim is the request's alone"
    assert http.get("/audit/verify").json()["ok"]


@pytest.mark.parametrize("claim", ["", "-1", "1e3", "٣", "root", "1000, 0", "4294967295", "1" * 40, "uid:0"])
def test_what_is_no_user_is_no_claim(http: httpx.Client, claim: str) -> None:
    sent = httpx.Headers([(HEADER.encode(), claim.encode())])
    assert http.post("/people", json={"name": "A", "badge": "1"}, headers=sent).status_code == 201
    assert "sudo_uid" not in latest(http)["detail"]


def test_only_the_owner_can_claim(web: Any, operator: Any, http: httpx.Client) -> None:
    operator("aigul", "admin")
    client = web()
    signed_in = client.post("/session", json={"operator": "aigul", "password": "correct horse battery"}).json()
    client.headers.update({"x-csrf-token": signed_in["csrf"], HEADER: "1000"})
    assert client.post("/people", json={"name": "A", "badge": "1"}).status_code == 201
    event = latest(http)
    assert (event["actor"], "sudo_uid" in event["detail"]) == ("operator:aigul", False)


@pytest.mark.parametrize(
    "caller", [None, Caller("operator:aigul", frozenset({Role.ADMIN}))], ids=["unknown", "operator"]
)
def test_no_other_callers_header_is_a_claim(caller: Caller | None) -> None:
    """Beside the check of the actor, which stands where an event is recorded."""
    scope = {"state": {"caller": caller}, "headers": [(HEADER.lower().encode(), b"1000")]}
    assert _sudo_claim(scope) is None
    owner = {**scope, "state": {"caller": Caller(OWNER, frozenset(Role), is_owner=True)}}
    assert _sudo_claim(owner) == "1000"
    assert _sudo_claim({**owner, DOOR: Door(frozenset({"box.example"}), tls=True)}) is None


def test_the_claim_is_no_second_person(http: httpx.Client, operator: Any) -> None:
    """Two users with sudo are one owner still: the actor stays the same, and so does who may approve."""
    for claim in ("1000", "1001"):
        http.post("/people", json={"name": "A", "badge": claim}, headers={HEADER: claim})
        assert latest(http)["actor"] == OWNER
        assert http.get("/session", headers={HEADER: claim}).json()["actor"] == OWNER


def test_the_command_passes_on_what_sudo_says(
    cli: Callable[..., Any], http: httpx.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SUDO_UID", "1000")
    assert headers() == {HEADER: "1000"}
    assert cli("person", "add", "A", "--badge", "1").code == 0
    assert latest(http)["detail"]["sudo_uid"] == 1000
    monkeypatch.setenv("PHRASE", "correct horse battery staple")
    assert cli("backup", tmp_path / "b.dmb", "--passphrase-env", "PHRASE").code == 0
    made = [event for event in http.get("/events").json() if event["kind"].startswith("admin.backup")]
    assert [event["detail"]["sudo_uid"] for event in made] == [1000, 1000]
    monkeypatch.delenv("SUDO_UID")
    assert headers() == {}


def test_what_waits_for_the_writer_keeps_its_own_claim(site: Site, http: httpx.Client) -> None:
    site.ledger.start()
    with claimed("1000"):
        site.ledger.submit(Fact("opened_manually", datetime.now(UTC), actor=OWNER))
        site.ledger.submit(Fact("opened_manually", datetime.now(UTC), actor="operator:aigul"))
    site.ledger.submit(Fact("opened_manually", datetime.now(UTC), actor=OWNER))
    site.ledger.stop()
    assert [event["detail"].get("sudo_uid") for event in http.get("/events").json()] == [1000, None, None]


def test_numbers_of_users() -> None:
    assert [parse(text) for text in ("0", "1000", "4294967294", "4294967295", None)] == [0, 1000, 2**32 - 2, None, None]
