"""Passwords, the limit of tries, and what two admins must agree on."""

import sqlite3
import threading
from datetime import timedelta

import pytest

from devicemgr.cli.hints import message_of
from devicemgr.domain.model import Role
from devicemgr.errors import ApprovalNeeded, InvalidInput, NotAllowed, NotFound, TooManyTries
from devicemgr.security import approvals, passwords
from devicemgr.security.rate_limit import TryLimit, network_of
from devicemgr.site.site import Site
from devicemgr.store.site import operators as rows
from devicemgr.text import rfc3339
from tests.support.hints import hint_of


@pytest.mark.parametrize("password", ["", "short", "elevenchars", "a" * 40, "abababababab", "x" * 1001])
def test_passwords_that_are_guessed_at_once(password: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        passwords.hash_password(password)
    assert not password or password not in str(caught.value)


@pytest.mark.parametrize("password", ["twelve chars", "құпия сөз бес алты", "half \ud800 a character"])
def test_passwords_are_kept_as_argon2id(password: str) -> None:
    stored = passwords.hash_password(password)
    assert stored.startswith("$argon2id$v=19$m=32768,t=3,p=1$")
    assert passwords.verify_password(stored, password)
    assert not passwords.verify_password(stored, password + "x")
    assert not passwords.verify_password("damaged", password)


def test_the_same_letters_typed_on_another_keyboard() -> None:
    assert passwords.verify_password(passwords.hash_password("cafe\u0301 au lait!"), "café au lait!")


def test_nobody_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash that stands in for an account which is not there has the real ones' cost."""
    assert not passwords.verify_password(None, "anything at all")
    cost = passwords.hash_password("twelve chars").split("$")[1:4]
    assert passwords._UNUSED_HASH.split("$")[1:4] == cost
    worked: list[str] = []
    real = passwords._HASHER
    monkeypatch.setattr(passwords, "_HASHER", Spy(real, worked))
    passwords.verify_password(None, "x")
    passwords.verify_password(real.hash("twelve chars"), "x")
    assert worked == ["verify", "verify"]


class Spy:
    def __init__(self, real: object, worked: list[str]) -> None:
        self._real, self._worked = real, worked

    def verify(self, *given: object) -> bool:
        self._worked.append("verify")
        return self._real.verify(*given)  # type: ignore[attr-defined]


def test_a_flood_of_sign_ins_waits_and_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_MAX_WAIT_S", 0.05)
    monkeypatch.setattr(passwords, "_AT_WORK", threading.BoundedSemaphore(1))
    with passwords._AT_WORK, pytest.raises(TooManyTries):
        passwords.verify_password(None, "x")
    assert not passwords.verify_password(None, "x")


def test_five_tries_within_a_minute_of_the_clock_that_only_goes_forward() -> None:
    now = [0.0]
    limit = TryLimit(clock=lambda: now[0])
    assert [limit.take("a") for _ in range(6)] == [True] * 5 + [False]
    assert limit.take("b")
    now[0] = 59.9
    assert not limit.take("a")
    now[0] = 60.0
    assert limit.take("a")
    for _ in range(4):
        limit.take("a")
    limit.give_back("a")
    assert [limit.take("a"), limit.take("a")] == [True, False]


def test_the_limit_keeps_only_so_many_keys_and_pushes_none_out() -> None:
    now = [0.0]
    limit = TryLimit(room=100, clock=lambda: now[0])
    for _ in range(5):
        limit.take("victim")
    assert sum(limit.take(str(number)) for number in range(1000)) == 99
    assert not limit.take("victim")
    assert len(limit._tries) == 100
    now[0] = 61.0
    assert limit.take("fresh")
    assert len(limit._tries) == 1


def test_a_hundred_at_once_get_five_tries() -> None:
    limit, taken = TryLimit(), []
    threads = [threading.Thread(target=lambda: taken.append(limit.take("a"))) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(True) == 5


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("uid:0", "unknown"),
        ("", "unknown"),
    ],
)
def test_whom_a_limit_counts_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.fixture
def admins(site: Site) -> None:
    with site.database.write() as session:
        for name in ("a", "b"):
            rows.add(session, name, [Role.ADMIN], None, None, at="2026-01-01T00:00:00.000Z")


def open_requests(site: Site) -> list[str]:
    with site.database.read() as session:
        return [row.id for row in approvals.waiting(session)]


def asked(site: Site, actor: str, subject: str = "s") -> str:
    """Ask for `act` of the subject; the request's id."""
    with pytest.raises(ApprovalNeeded) as caught:
        approvals.require(site, actor, "act", subject)
    assert hint_of(caught) in ("approve", "add_admin_and_approve")
    assert caught.value.hint is not None
    return str(caught.value.hint.args["approval"])


def test_one_asks_another_approves_and_it_is_done_once(site: Site, admins: None) -> None:
    approval = asked(site, "operator:a")
    assert asked(site, "operator:a") == approval  # asking again asks nothing new
    approvals.approve(site, "operator:b", approval)
    approvals.require(site, "operator:a", "act", "s")
    assert open_requests(site) == []
    assert asked(site, "operator:a") != approval


@pytest.mark.parametrize(
    ("asker", "approver"),
    [
        ("operator:a", "operator:a"),
        ("token:a", "operator:a"),
        ("operator:a", "token:a"),
        ("operator:a", "token:b"),
        ("uid:0", "uid:1000"),
        ("uid:1000", "uid:0"),
    ],
)
def test_nobody_approves_their_own_in_any_guise_nor_a_program(
    site: Site, admins: None, asker: str, approver: str
) -> None:
    approval = asked(site, asker)
    with pytest.raises(NotAllowed):
        approvals.approve(site, approver, approval)
    asked(site, asker)


@pytest.mark.parametrize(("actor", "action", "subject"), [("operator:b", "act", "s"), ("operator:a", "act", "other")])
def test_an_approval_is_for_that_person_and_that_subject(
    site: Site, admins: None, actor: str, action: str, subject: str
) -> None:
    approvals.approve(site, "uid:0", asked(site, "operator:a"))
    with pytest.raises(ApprovalNeeded):
        approvals.require(site, actor, action, subject)
    approvals.require(site, "operator:a", "act", "s")


def test_after_a_quarter_of_an_hour_and_from_the_future_it_is_worth_nothing(site: Site, admins: None) -> None:
    for moment in ("2020-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z"):
        approval = asked(site, "operator:a", moment)
        approvals.approve(site, "operator:b", approval)
        with sqlite3.connect(site.home.database) as raw:
            raw.execute("UPDATE approvals SET asked = ? WHERE id = ?", (moment, approval))
        raw.close()
        asked(site, "operator:a", moment)
        with pytest.raises(NotFound):
            approvals.approve(site, "operator:b", approval)


def test_a_site_with_its_owner_alone_is_told_how_to_get_a_second_admin(site: Site) -> None:
    with pytest.raises(ApprovalNeeded) as caught:
        approvals.require(site, "uid:0", "act", "s")
    assert hint_of(caught) == "add_admin_and_approve"
    assert "operator add NAME --role admin --os-user USER" in message_of(caught.value)


def ago(site: Site, hours: float) -> str:
    return rfc3339(site.clock.now() - timedelta(hours=hours))


@pytest.mark.parametrize(("hours", "may"), [(0.0, False), (23.9, False), (24.1, True), (-1.0, False)])
@pytest.mark.parametrize("how", ["added", "password"])
def test_an_admin_settles_for_a_day_before_approving(
    site: Site, admins: None, how: str, hours: float, may: bool
) -> None:
    """Also one from the future: a clock that was set back shortens nothing."""
    with site.database.write() as session:
        row = rows.get(session, "b")
        if how == "added":
            row.created = ago(site, hours)
        else:
            row.password_reset, row.password_reset_by = ago(site, hours), "operator:a"
    approval = asked(site, "operator:a")
    if may:
        approvals.approve(site, "operator:b", approval)
    else:
        with pytest.raises(NotAllowed, match="less than 24 hours"):
            approvals.approve(site, "operator:b", approval)
        approvals.approve(site, "uid:0", approval)


@pytest.mark.parametrize("how", ["added", "password", "token"])
def test_nobody_approves_what_was_asked_in_a_guise_of_their_own_making(site: Site, admins: None, how: str) -> None:
    with site.database.write() as session:
        rows.add(session, "c", [Role.ADMIN], None, None, at="2026-01-01T00:00:00.000Z")
        row = rows.get(session, "b")
        if how == "added":
            row.created, row.created_by = ago(site, 1), "operator:a"
        elif how == "password":
            row.password_reset, row.password_reset_by = ago(site, 1), "token:a"
        else:
            rows.add_token(session, row, "0" * 64, [Role.ADMIN], "2999-01-01T00:00:00.000Z", "operator:a")
    approval = asked(site, "token:b" if how == "token" else "operator:b")
    with pytest.raises(NotAllowed, match="another admin must approve"):
        approvals.approve(site, "operator:a", approval)
    approvals.approve(site, "operator:c", approval)


def test_what_a_token_asked_for_ends_with_the_token(site: Site, admins: None) -> None:
    """Else its maker would take it back and approve."""
    with site.database.write() as session:
        row = rows.get(session, "b")
        made = rows.add_token(session, row, "0" * 64, [Role.ADMIN], "2999-01-01T00:00:00.000Z", "operator:a")
    approval = asked(site, "token:b")
    with site.database.write() as session:
        rows.remove_token(session, rows.get(session, "b"), made.id)
    with pytest.raises(NotFound):
        approvals.approve(site, "operator:a", approval)


def test_what_a_removed_operator_asked_for_is_not_approved(site: Site, admins: None) -> None:
    approval = asked(site, "operator:b")
    with site.database.write() as session:
        session.delete(rows.get(session, "b"))
    with pytest.raises(NotAllowed, match="no operator any more"):
        approvals.approve(site, "operator:a", approval)
