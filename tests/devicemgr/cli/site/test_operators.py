"""`devicemgr operator …`, and `person export --templates`, which one admin alone can't have."""

import os
import pwd
import sqlite3

import pytest

from devicemgr.api.server import bind
from devicemgr.cli.transport import api_client
from devicemgr.errors import DaemonUnreachable
from devicemgr.store.tables import ApprovalRow

pytestmark = pytest.mark.usefixtures("home")

SOMEBODY = next(user.pw_name for user in pwd.getpwall() if user.pw_uid not in (0, os.getuid()))
PASSWORD = "correct horse battery"


def test_an_operator_from_added_to_removed(cli, done, monkeypatch):
    monkeypatch.setenv("PW", PASSWORD)
    added = done("operator", "add", "aigul", "--role", "guard", "--role", "auditor", "--password-env", "PW")
    assert (added["roles"], added["password"]) == (["auditor", "guard"], True)
    done("operator", "add", "tech", "--role", "technician", "--os-user", SOMEBODY)
    assert [(o["name"], o["os_user"]) for o in done("operator", "list")] == [("aigul", None), ("tech", SOMEBODY)]
    assert "aigul" in cli("operator", "list").out
    assert "exists" in cli("operator", "add", "aigul", "--role", "guard").error
    assert "works as operator 'tech'" in cli("operator", "add", "x", "--role", "guard", "--os-user", SOMEBODY).error
    done("operator", "remove", "aigul", "--yes")
    assert "no operator 'aigul'" in cli("operator", "remove", "aigul", "--yes").error
    kinds = [event["kind"] for event in map(dict, cli("events", "--json").lines)]
    assert kinds == ["admin.operator_added", "admin.operator_added", "admin.operator_removed"]


@pytest.mark.parametrize("user", ["root", "no-such-user-here", "a b"])
def test_users_who_can_not_be_operators(cli, user):
    ran = cli("operator", "add", "x", "--role", "admin", "--os-user", user)
    assert ran.code == 1
    assert "owns the box" in ran.error or "has no user" in ran.error


def test_a_token_is_shown_once_and_taken_back(cli, done):
    done("operator", "add", "panel", "--role", "guard")
    ran = cli("operator", "token", "panel", "--scope", "guard", "--days", "7")
    assert ran.out.startswith("dm_")
    assert "shown only now" in ran.err
    (made,) = done("operator", "list")[0]["tokens"]
    assert ran.out.strip() not in str(done("operator", "list"))
    assert "is no admin" in cli("operator", "token", "panel", "--scope", "admin").error
    assert "--scope" in cli("operator", "token", "panel").error
    done("operator", "token", "panel", "--revoke", made["id"])
    assert done("operator", "list")[0]["tokens"] == []
    assert "has no token" in cli("operator", "token", "panel", "--revoke", made["id"]).error
    secret = ran.out.strip()
    assert secret not in cli("events", "--json").out


def test_a_password_is_read_and_never_shown(cli, done, monkeypatch):
    done("operator", "add", "aigul", "--role", "guard")
    monkeypatch.setenv("PW", PASSWORD)
    ran = cli("operator", "password", "aigul", "--password-env", "PW")
    assert (ran.code, ran.out) == (0, "aigul has a new password\n")
    monkeypatch.setenv("PW", "too short")
    assert "at least 12 characters" in cli("operator", "password", "aigul", "--password-env", "PW").error
    assert PASSWORD not in cli("events", "--json").out


def test_templates_leave_only_with_a_second_admin(cli, done, site, photo, monkeypatch):
    done("person", "add", "A", "--badge", "1")
    done("enroll", "photo", "1", photo("a.jpg", "face:a:1"), "--consent", "form 1")
    assert "vector" not in done("person", "export", "1")["templates"][0]
    refused = cli("person", "export", "1", "--templates")
    assert (refused.code, refused.out) == (1, "")
    assert "operator add NAME --role admin" in refused.error
    (waiting,) = done("operator", "requests")
    assert (waiting["action"], waiting["subject"]) == ("export of templates", "1")
    assert "another admin must approve" in cli("operator", "approve", waiting["id"]).error
    with site.database.write() as session:
        session.get_one(ApprovalRow, waiting["id"]).approved_by = "operator:b"
    (template,) = done("person", "export", "1", "--templates")["templates"]
    assert len(template["vector"]) == 128
    assert cli("person", "export", "1", "--templates").code == 1
    kinds = [event["kind"] for event in cli("events", "--json").lines]
    assert kinds.count("admin.approval_used") == 1


def test_an_operator_who_may_not_look_into_the_home_finds_the_shared_socket(home, monkeypatch, tmp_path):
    """And without one is told what is missing, not that there is no home."""
    listener = bind(tmp_path / "o.sock")
    real = api_client._listens

    def listens(place):
        if place == home.socket:
            raise PermissionError(13, "Permission denied")
        return real(place)

    monkeypatch.setattr(api_client, "_listens", listens)
    monkeypatch.setenv("DEVICEMGR_SOCKET", str(tmp_path / "o.sock"))
    assert api_client._socket_of(home) == tmp_path / "o.sock"
    listener.close()
    for place in (str(tmp_path / "o.sock"), str(tmp_path / "none"), ""):
        monkeypatch.setenv("DEVICEMGR_SOCKET", place)
        with pytest.raises(DaemonUnreachable, match="group devicemgr"):
            api_client._socket_of(home)


def test_a_third_admin_takes_two(cli, done, home):
    for name in ("one", "two"):
        done("operator", "add", name, "--role", "admin")
    done("operator", "add", "guard", "--role", "guard")
    refused = cli("operator", "add", "three", "--role", "guard", "--role", "admin")
    assert refused.code == 1
    assert "two admins must agree" in refused.error
    (waiting,) = done("operator", "requests")
    assert (waiting["action"], waiting["subject"]) == ("new admin", "three")
    assert "three" not in {operator["name"] for operator in done("operator", "list")}
    assert "exists" in cli("operator", "add", "one", "--role", "admin").error
    with sqlite3.connect(home.database) as raw:
        raw.execute("UPDATE approvals SET approved_by = 'operator:one'")
    raw.close()
    refused = cli("operator", "add", "three", "--role", "admin", "--os-user", SOMEBODY)
    assert "two admins must agree" in refused.error, "it was agreed on without that user of the box"
    done("operator", "add", "three", "--role", "admin")


def test_removing_an_admin_lets_the_other_make_none_alone(cli, done):
    for name in ("one", "two"):
        done("operator", "add", name, "--role", "admin")
    done("operator", "remove", "two", "--yes")
    assert "two admins must agree" in cli("operator", "add", "three", "--role", "admin").error
    done("operator", "remove", "one", "--yes")
    done("operator", "add", "three", "--role", "admin")


def test_who_made_what_is_kept(done, home, monkeypatch):
    monkeypatch.setenv("PW", PASSWORD)
    owner = f"uid:{os.getuid()}"
    done("operator", "add", "one", "--role", "admin", "--password-env", "PW")
    done("operator", "token", "one", "--scope", "admin")
    with sqlite3.connect(home.database) as raw:
        assert raw.execute("SELECT created_by, password_reset FROM operators").fetchall() == [(owner, None)]
        assert raw.execute("SELECT made_by FROM api_tokens").fetchall() == [(owner,)]
    raw.close()
    done("operator", "password", "one", "--password-env", "PW")
    with sqlite3.connect(home.database) as raw:
        ((reset, by),) = raw.execute("SELECT password_reset, password_reset_by FROM operators").fetchall()
    raw.close()
    assert reset
    assert by == owner


def test_roles_sessions_and_refusals(cli, done):
    done("operator", "add", "dana", "--role", "guard")
    assert done("operator", "roles", "dana", "--role", "technician", "--role", "guard")["roles"] == [
        "guard",
        "technician",
    ]
    assert "becomes none by a change of roles" in cli("operator", "roles", "dana", "--role", "admin").error
    assert "no one is signed in" in cli("operator", "sessions").out
    assert "no session 'x' is open" in cli("operator", "sessions", "--end", "x").error
    assert "no open request 'x'" in cli("operator", "refuse", "x").error
