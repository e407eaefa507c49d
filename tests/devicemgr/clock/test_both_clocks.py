"""Tokens, approvals, consents, retention and devices go by the clock of the rights, whatever this computer's shows."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from devicemgr.clock import mark, ntp
from devicemgr.clock.monitor import ClockWatch
from devicemgr.domain.desired_state import Policy, desired, entitled_keys
from devicemgr.domain.model import AccessLevel, Person, Portal, Role, Schedule
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.schedules import parse_window
from devicemgr.domain.trusted_clock import WallClock
from devicemgr.errors import ApprovalNeeded, NotAllowed, NotFound, NotSignedIn
from devicemgr.people import consents, retention
from devicemgr.people.retention import Retention
from devicemgr.security import approvals as two_person
from devicemgr.security.passwords import TOKEN_START, digest
from devicemgr.security.sessions import SignIns
from devicemgr.site.site import Site
from devicemgr.store.database import Session, set_meta
from devicemgr.store.people import consents as rows, people
from devicemgr.store.site import approvals, operators
from devicemgr.store.tables import MetaRow
from devicemgr.text import rfc3339
from tests.scenarios.lobbies import furnish

HOUR, DAY = 3600.0, 86_400.0


class Box:
    """A computer whose clock and whose time since its start the test sets."""

    def __init__(self, site: Site) -> None:
        self.site, self.set_by, self.ran = site, 0.0, 0.0
        clock = WallClock(wall=lambda: time.time() + self.ran + self.set_by, ticks=lambda: time.monotonic() + self.ran)
        site.database.clock = clock
        object.__setattr__(site, "clock", clock)

    def ahead(self, **more: float) -> str:
        """A time after the true one."""
        return rfc3339(datetime.now(UTC) + timedelta(seconds=self.ran) + timedelta(**more))

    def jump(self, seconds: float) -> None:
        self.set_by += seconds
        self.site.clock.look()

    def go(self, seconds: float) -> None:
        self.ran += seconds
        self.site.clock.look()


@pytest.fixture
def box(site: Site) -> Box:
    return Box(site)


def token(box: Box, expires: str) -> str:
    secret = TOKEN_START + "x" * 40
    with box.site.database.write() as session:
        row = operators.add(session, "op", [Role.GUARD], None, None)
        operators.add_token(session, row, digest(secret), [Role.GUARD], expires)
    return secret


def test_a_token_that_has_expired_is_not_revived_by_a_clock_that_is_set_back(box: Box) -> None:
    """Never shown while it was expired, so nothing had noted that."""
    secret = token(box, box.ahead(hours=1))
    box.go(2 * HOUR)
    box.jump(-10 * HOUR)
    with pytest.raises(NotSignedIn, match="expired"):
        SignIns(box.site).of_token(secret)


def test_a_forged_jump_ahead_ends_no_token_for_good(box: Box) -> None:
    secret = token(box, box.ahead(days=1))
    box.jump(10 * DAY)
    signs = SignIns(box.site)
    with pytest.raises(NotSignedIn, match="expired"):
        signs.of_token(secret)
    box.jump(-10 * DAY)
    assert signs.of_token(secret).actor == "token:op"


@pytest.fixture
def admins(box: Box) -> None:
    with box.site.database.write() as session:
        for name in ("a", "b"):
            operators.add(session, name, [Role.ADMIN], None, None, at=box.ahead(days=-2))


def asked(box: Box) -> str:
    with pytest.raises(ApprovalNeeded) as caught:
        two_person.require(box.site, "operator:a", "act", "s")
    assert caught.value.hint is not None
    return str(caught.value.hint.args["approval"])


def test_an_approval_that_has_run_out_is_not_revived_by_a_clock_that_is_set_back(box: Box, admins: None) -> None:
    two_person.approve(box.site, "operator:b", asked(box))
    box.go(16 * 60)
    box.jump(-15 * 60)
    with pytest.raises(ApprovalNeeded):
        two_person.require(box.site, "operator:a", "act", "s")


def test_an_approval_lasts_its_quarter_of_an_hour_through_a_jump_and_no_longer(box: Box, admins: None) -> None:
    box.jump(6 * HOUR)
    approval = asked(box)
    two_person.approve(box.site, "operator:b", approval)
    box.jump(-6 * HOUR)
    box.go(6 * HOUR + 60)
    with pytest.raises(ApprovalNeeded):
        two_person.require(box.site, "operator:a", "act", "s")
    two_person.approve(box.site, "operator:b", asked(box))
    box.jump(6 * HOUR)
    two_person.require(box.site, "operator:a", "act", "s")


def test_a_new_admin_is_not_settled_by_a_forged_day(box: Box, admins: None) -> None:
    with box.site.database.write() as session:
        operators.add(session, "c", [Role.ADMIN], None, None, at=box.ahead())
    box.jump(25 * HOUR)
    approval = asked(box)
    with pytest.raises(NotAllowed, match="24 hours"):
        two_person.approve(box.site, "operator:c", approval)


def test_approvals_are_void_when_the_clock_is_accepted(box: Box, admins: None) -> None:
    approval = asked(box)
    with box.site.database.write() as session:
        approvals.void(session)
    with pytest.raises(NotFound):
        two_person.approve(box.site, "operator:b", approval)


@pytest.fixture
def anna(box: Box) -> str:
    with box.site.database.write() as session:
        return furnish(session, box.site)[0].id


def consented(box: Box) -> tuple[bool, bool]:
    """By the rules' reading, and by the one of a single person."""
    with box.site.database.read() as session:
        (person,) = people.models(session)
        return person.face_consent, rows.in_force(people.get(session, "A1")) is not None


def test_a_consent_that_has_ended_is_not_revived_by_a_clock_that_is_set_back(box: Box, anna: str) -> None:
    with box.site.database.write() as session:
        rows.give(session, people.get(session, "A1"), "form 2", None, box.ahead(hours=1))
    assert consented(box) == (True, True)
    box.go(2 * HOUR)
    assert consented(box) == (False, False)
    box.jump(-10 * HOUR)
    assert consented(box) == (False, False)


def test_an_end_that_is_counted_while_the_clock_is_forged_comes_no_later(box: Box, anna: str) -> None:
    box.jump(1000 * DAY)
    with box.site.database.write() as session:
        set_meta(session, "settings", '{"consent_days": 2000}')
        terms = consents.agreed(session, "form 3")
    assert terms.until is not None
    assert terms.until < box.ahead(days=2001)


class Removals:
    """Retention whose runs are noted instead of done."""

    def __init__(self, box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at: list[datetime] = []
        self.done = threading.Event()
        self.one = Retention(box.site, lambda: time.monotonic() + box.ran)
        monkeypatch.setattr(retention, "run", self._run)

    def _run(self, site: Site, now: datetime, stopping: object) -> None:
        self.at.append(now)
        with site.database.write(changes_site=False) as session:
            set_meta(session, "retention_ran", rfc3339(now))
        self.done.set()

    def consider(self) -> None:
        self.one.consider()
        self.one.stop(10)


def test_nothing_is_removed_while_a_jump_ahead_is_not_accepted(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    removals = Removals(box, monkeypatch)
    box.jump(400 * DAY)
    box.go(30 * HOUR)
    removals.consider()
    assert removals.at == []
    box.site.clock.accept()
    removals.consider()
    assert len(removals.at) == 1


def test_a_start_with_a_clock_of_years_ahead_removes_a_week_a_day(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """The computer was off, or so it seems: its clock is believed, but not with everything at once."""
    with box.site.database.write() as session:
        set_meta(session, "retention_ran", box.ahead(days=-3650))
    removals = Removals(box, monkeypatch)
    for _ in range(3):
        box.go(2 * HOUR)
        removals.consider()
    assert len(removals.at) == 1
    assert rfc3339(removals.at[0]) < box.ahead(days=-3642)
    box.go(20 * HOUR)
    removals.consider()
    assert removals.at[1] - removals.at[0] == timedelta(days=7)


NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NIGHT = NOON + timedelta(hours=10)
RULES = Snapshot(
    version=1,
    people={
        "p": Person("p", "A1", "Anna", levels=frozenset({"staff"})),
        "q": Person("q", "B2", "Bert", valid_to=NOON, levels=frozenset({"staff"})),
    },
    levels={"staff": AccessLevel("staff", {"door": "office"})},
    schedules={"office": Schedule("office", "UTC", (parse_window("daily 08:00-18:00"),))},
    portals={"door": Portal("door", "box")},
    cards={"11": "p", "22": "q"},
)


@pytest.mark.parametrize(("times", "doors"), [((NOON,), {1}), ((NIGHT,), set()), ((NOON, NIGHT), set())])
def test_a_device_is_given_only_doors_that_are_open_by_both_clocks(times: Any, doors: set[int]) -> None:
    held = desired("box", Policy("people"), RULES, times, {}).wanted
    assert held["A1"].holding.doors == doors


def test_a_device_keeps_only_whom_both_clocks_let_in() -> None:
    earlier = NOON - timedelta(hours=1)
    assert set(entitled_keys("box", RULES, (earlier,))) == {"A1", "B2", "11", "22"}
    assert set(entitled_keys("box", RULES, (NOON, earlier))) == {"A1", "11"}


@pytest.fixture
def watched(box: Box) -> Iterator[Box]:
    ClockWatch.of_process(box.site.clock, box.site.database, box.site.ledger)
    yield box
    ntp.doubt_when(lambda: False)


@pytest.mark.parametrize("seconds", [6 * HOUR, -6 * HOUR])
def test_no_device_s_clock_is_set_by_a_clock_that_jumped(watched: Box, seconds: float) -> None:
    assert not ntp.is_doubted()
    watched.jump(seconds)
    assert ntp.is_doubted()
    watched.site.clock.accept()
    assert not ntp.is_doubted()


def kept(session: Session) -> Any:
    return mark.load(session)


def test_what_is_kept_is_known_exactly_in_the_same_run_of_the_computer_only(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = WallClock()
    mark.save(box.site.database, clock)
    with box.site.database.read() as session:
        assert kept(session).offset == clock.offset
        monkeypatch.setattr(mark, "boot_id", lambda: "another run")
        assert (kept(session).offset, kept(session).restarted) == (None, True)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"boot":1}', '{"boot":"x","offset":"y"}', None])
def test_a_kept_run_that_is_damaged_or_of_0_1_0_counts_as_another(box: Box, text: str | None) -> None:
    with box.site.database.write() as session:
        mark.put(session, WallClock().offset)
        if text is None:
            session.execute(delete(MetaRow).where(MetaRow.key == "clock_run"))
        else:
            set_meta(session, "clock_run", text)
    with box.site.database.read() as session:
        assert (kept(session).offset, kept(session).restarted) == (None, False)


def test_an_offset_of_another_clock_is_left_alone(box: Box) -> None:
    """A container with a CLOCK_MONOTONIC of its own: the mark is later than the offset says."""
    with box.site.database.write() as session:
        mark.put(session, WallClock().offset)
        set_meta(session, "clock_mark", box.ahead(days=1))
    with box.site.database.read() as session:
        assert kept(session).offset is None
