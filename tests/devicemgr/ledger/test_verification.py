"""The quick check of `doctor`: the newest events and seals, in a time that does not grow with the ledger."""

import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest

from devicemgr.domain.ledger_events import Fact
from devicemgr.ledger import verification
from devicemgr.ledger.sealer import read_key
from devicemgr.ledger.verification import Recent
from devicemgr.operations import audit, doctor
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.store.ledger import events


class NoDaemon(Runtime):
    running = False

    def status(self) -> dict[str, Any]:
        return {"alarms": []}


def record(site: Site, count: int) -> None:
    with site.database.write(changes_site=False) as session:
        site.ledger.append(session, [Fact(f"test.{n}", datetime.now(UTC)) for n in range(count)])


def damage(site: Site, statement: str) -> None:
    with sqlite3.connect(site.home.database) as database:
        assert database.execute(statement).rowcount == 1
    database.close()


def check(site: Site) -> Recent:
    return verification.check_recent(site.ledger, site.database, read_key(site.home.seal_key))


def in_doctor(site: Site) -> dict[str, Any]:
    (found,) = [row for row in doctor.examine(site, NoDaemon()) if row["check"] == "ledger"]  # type: ignore[abstract]
    return found


@pytest.fixture
def long(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A ledger scaled down by a thousand: six seals over 120 events, and 10 events behind the last seal."""
    monkeypatch.setattr(verification, "MIN_RECENT", 20)
    monkeypatch.setattr(verification, "MAX_RECENT", 80)
    for _ in range(6):
        record(site, 20)
        site.sealer.seal()
    record(site, 10)
    return site


def head(site: Site) -> int:
    with site.database.read() as session:
        return events.head(session)[0]


def test_the_check_begins_at_the_newest_seal_that_leaves_enough_to_check(long: Site) -> None:
    found = check(long)
    assert (found.after, found.checked, found.flaw) == (head(long) - 30, 30, None)
    assert found.seal is not None


def test_only_those_events_are_read(long: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[int] = []
    walk = events.walk

    def counted(*given: Any) -> Any:
        for row in walk(*given):
            walked.append(row.seq)
            yield row

    monkeypatch.setattr(events, "walk", counted)
    row = in_doctor(long)
    assert row["ok"], row
    assert walked == list(range(head(long) - 29, head(long) + 1))
    assert f"30 events from event {head(long) - 29} on" in row["detail"]
    assert row["hint"] == {"code": "verify_audit_whole", "args": {}}


@pytest.mark.parametrize(
    ("back", "statement"),
    [
        (4, "UPDATE events SET body = replace(body, 'test.5', 'test.9') WHERE seq = {seq}"),
        (15, "UPDATE events SET kind = 'other' WHERE seq = {seq}"),
        (25, "DELETE FROM events WHERE seq = {seq}"),
    ],
    ids=["behind the last seal", "before the last seal", "behind the first seal of the check"],
)
def test_damage_behind_that_seal_is_found_by_doctor(long: Site, back: int, statement: str) -> None:
    victim = head(long) - back
    damage(long, statement.format(seq=victim))
    row = in_doctor(long)
    assert not row["ok"]
    assert f"event {victim}" in row["detail"]
    assert audit.verify(long)["first_bad_seq"] == victim


def test_damage_before_it_is_left_to_audit_verify(long: Site) -> None:
    damage(long, "UPDATE events SET kind = 'other' WHERE seq = 7")
    assert in_doctor(long)["ok"]
    assert audit.verify(long)["first_bad_seq"] == 7


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE seals SET signature = 'xyz' WHERE number = (SELECT max(number) FROM seals)",
        "DELETE FROM events WHERE seq = (SELECT max(seq) FROM seals)",
    ],
)
def test_a_changed_seal_or_a_cut_end_is_found(long: Site, statement: str) -> None:
    if statement.startswith("DELETE"):
        last = head(long)
        for seq in range(last, last - 10, -1):
            damage(long, f"DELETE FROM events WHERE seq = {seq}")
    damage(long, statement)
    assert check(long).flaw is not None


def test_without_seals_at_most_the_newest_events_are_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "MIN_RECENT", 20)
    monkeypatch.setattr(verification, "MAX_RECENT", 80)
    record(site, 200)
    found = check(site)
    assert (found.after, found.seal, found.checked, found.flaw) == (head(site) - 80, None, 80, None)
    damage(site, f"UPDATE events SET kind = 'other' WHERE seq = {head(site) - 70}")
    flaw = check(site).flaw
    assert flaw is not None
    assert flaw.seq == head(site) - 70


def test_a_short_ledger_is_checked_whole(site: Site) -> None:
    record(site, 5)
    site.sealer.seal()
    assert (check(site).after, check(site).checked) == (0, head(site))
    damage(site, "UPDATE events SET kind = 'other' WHERE seq = 1")
    assert check(site).flaw is not None


def test_a_look_through_the_file_ends_in_time_and_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    record(site, 3000)
    assert site.database.damage() == (None, True)
    assert site.database.damage(0.0) == (None, False)
    monkeypatch.setattr(doctor, "_DATABASE_S", 0.0)
    (row,) = [row for row in doctor.examine(site, NoDaemon()) if row["check"] == "database"]  # type: ignore[abstract]
    assert row["ok"]
    assert "no damage found within 0 s" in row["detail"]
