"""Refused calls are recorded: the first of a caller at once, then a count a window, whatever the rate of the calls."""

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.domain.ledger_events import Fact
from devicemgr.ledger import refusals
from devicemgr.ledger.refusals import MAX_CALLERS, MAX_WINDOW_S, WINDOW_S, RefusedCalls, Tally
from devicemgr.site.site import Site
from devicemgr.store.ledger import events as ledger_rows


class Running(DirectRuntime):
    """A runtime with a daemon, as far as the record is concerned."""

    running = True


@pytest.fixture
def app(site: Site) -> Iterator[Any]:
    site.ledger.start()
    yield create_app(Context(site, Running(site), os.getuid()))
    site.ledger.stop()


@pytest.fixture
def recorded(app: Any, site: Site) -> Callable[[int], list[dict[str, Any]]]:
    """recorded(n) waits for n events of refused calls, and gives all of them."""

    def wait(count: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 20
        while True:
            with site.database.read() as session:
                found = ledger_rows.of_kinds(session, (refusals.CALL_REFUSED,))
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    return wait


def test_an_operators_refused_calls_are_one_event_and_a_count(
    app: Any, web: Callable[..., httpx.Client], operator: Any, token: Any, recorded: Any
) -> None:
    operator("panel", "guard")
    http = web(authorization=f"Bearer {token('panel', 'guard')}")
    assert http.get("/people/4711").status_code == 403
    (first,) = recorded(1)
    assert first["actor"].startswith("token:panel")
    assert first["detail"]["count"] == 1
    assert first["detail"]["calls"] == {"GET /people/{badge}: not-allowed": 1}
    for badge in range(300):
        assert http.delete(f"/people/{badge}").status_code == 403
    app.state.refusals.flush()
    second = recorded(2)[1]
    assert second["detail"]["count"] == 300
    assert len(recorded(2)) == 2
    assert "4711" not in json.dumps([first, second]), "no badge out of a path"


def test_strangers_share_one_count_and_cannot_make_the_record_grow(
    app: Any, web: Callable[..., httpx.Client], recorded: Any
) -> None:
    bad = [web(authorization=f"Bearer dmt_{number:040}") for number in range(20)]
    statuses = {http.get(f"/people/{number}").status_code for number in range(10) for http in bad}
    assert statuses <= {401, 429}
    app.state.refusals.flush()
    found = recorded(2)
    assert len(found) == 2
    assert {event["actor"] for event in found} == {None}
    assert sum(event["detail"]["count"] for event in found) == 200
    assert found[0]["detail"]["addresses"] == ["127.0.0.1"]


def test_a_local_user_without_a_role_is_named_by_the_kernels_word(caller: Any, recorded: Any) -> None:
    assert caller("uid:64999").get("/people").status_code == 403
    (event,) = recorded(1)
    assert (event["actor"], event["detail"]["calls"]) == ("uid:64999", {"GET /people: not-allowed": 1})


def test_what_is_allowed_is_no_refusal(http: httpx.Client, site: Site, app: Any) -> None:
    assert http.get("/people").status_code == 200
    assert http.get("/people/none").status_code == 404
    app.state.refusals.flush()
    with site.database.read() as session:
        assert ledger_rows.of_kinds(session, (refusals.CALL_REFUSED,)) == []


def test_windows_double_up_to_an_hour_and_a_day_of_flood_is_some_thirty_events() -> None:
    tally, events, now = Tally(), [], 1000.0
    for second in range(24 * 3600):
        tally.add("GET /people: not-allowed", "192.0.2.1")
        detail = tally.take(now + second)
        events += [(second, detail["count"])] if detail else []
    assert [second for second, _ in events[:4]] == [0, 60, 180, 420]
    assert len(events) < 35
    assert sum(count for _, count in events) + tally.count == 24 * 3600
    assert not tally.is_over(now + 24 * 3600)


def test_a_first_refusal_after_quiet_is_recorded_at_once_again() -> None:
    tally = Tally()
    tally.add("x", None)
    assert tally.take(0.0) is not None
    assert tally.due == WINDOW_S
    assert not tally.is_over(WINDOW_S + MAX_WINDOW_S)
    assert tally.is_over(WINDOW_S + MAX_WINDOW_S + 1)


def test_callers_lists_and_addresses_are_bounded() -> None:
    found: list[Fact] = []
    calls = RefusedCalls(found.append)
    for number in range(500):
        calls.note(f"uid:{number}", f"call {number}")
        calls.note(None, f"call {number}", f"192.0.2.{number}")
    calls.flush()
    assert len({fact.actor for fact in found}) <= MAX_CALLERS + 2
    assert sum(fact.detail["count"] for fact in found) == 1000  # type: ignore[misc]
    assert max(len(fact.detail["calls"]) for fact in found) <= 10  # type: ignore[arg-type]
    assert max(len(fact.detail.get("addresses", ())) for fact in found) <= 8  # type: ignore[arg-type]
    assert len(found) < 2 * (MAX_CALLERS + 2)
