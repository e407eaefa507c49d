"""`devicemgr outlet …` without a daemon: set up, shown, changed, removed."""

import io

import pytest

pytestmark = pytest.mark.usefixtures("home")

HOOK = "https://hr.example/hooks"


def test_an_outlet_from_its_beginning_to_its_end(cli):
    assert "no outlets yet" in cli("outlet", "list").out
    added = cli("outlet", "add", "hr", "--url", HOOK, "--kinds", "access_granted, access_denied", "--fields", "name")
    assert added.code == 0, added.err
    assert "whsec_" in added.out
    shown = cli("outlet", "show", "hr", "--json").json
    assert (shown["kinds"], shown["fields"], shown["state"]) == (["access_denied", "access_granted"], ["name"], "ok")
    assert (shown["lag_events"] >= 0, shown["has_secret"]) == (True, True)
    assert cli("outlet", "edit", "hr", "--batch", "50", "--fields", "").code == 0
    assert cli("outlet", "show", "hr", "--json").json["fields"] == []
    assert cli("outlet", "pause", "hr").code == 0
    assert "paused" in cli("outlet", "list").out
    assert cli("outlet", "resume", "hr").code == 0
    assert cli("outlet", "replay", "hr", "--from", "1").code == 0
    assert cli("outlet", "show", "hr", "--json").json["cursor"] == 0
    assert cli("outlet", "remove", "hr", "--yes").code == 0
    assert cli("outlet", "list", "--json").json == []


def test_a_secret_of_one_s_own_is_read_and_not_shown(cli, monkeypatch):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwQ2hhbmdl"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{secret}\n"))
    added = cli("outlet", "add", "hr", "--url", HOOK, "--secret-stdin")
    assert added.code == 0, added.err
    assert "whsec_" not in added.out
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    wrong = cli("outlet", "secret", "hr", "--secret-stdin")
    assert wrong.code == 1
    assert "whsec_" in wrong.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("add", "hr"), "--url"),
        (("add", "hr", "--url", "http://hr.example"), "https"),
        (("add", "hr", "--url", HOOK, "--kind", "fax"), "kind"),
        (("edit", "hr"), "nothing to change"),
        (("show", "hr"), "no outlet"),
        (("replay", "hr"), "--from"),
        (("add", "hr", "--url", HOOK, "--ca-file", "/nowhere.pem"), "PEM"),
    ],
)
def test_a_mistake_is_one_line(cli, arguments, word):
    found = cli("outlet", *arguments)
    assert found.code in (1, 2)
    assert word in found.err
    assert "Traceback" not in found.err


def test_a_test_message_that_does_not_arrive_fails(cli):
    cli("outlet", "add", "hr", "--url", "http://127.0.0.1:9/")
    found = cli("outlet", "test", "hr")
    assert found.code == 1
    assert "did not arrive" in found.err
    assert cli("outlet", "test", "hr", "--json").json["delivered"] is False


def test_the_site_s_file_has_outlets_without_secrets(cli, tmp_path):
    cli("outlet", "add", "hr", "--url", HOOK, "--kinds", "access_*")
    file = tmp_path / "site.toml"
    text = cli("export").out
    file.write_text(text)
    assert "[outlets.hr]" in text
    assert "whsec_" not in text
    assert cli("outlet", "remove", "hr", "--yes").code == 0
    assert cli("apply", str(file)).code == 0
    assert cli("outlet", "show", "hr", "--json").json["kinds"] == ["access_*"]


MAIL = ("--kind", "mail", "--url", "smtps://mail.example", "--from", "gate@example.com", "--to", "hr@example.com")


def test_an_outlet_of_mails_with_reports(cli):
    added = cli("outlet", "add", "office", *MAIL, "--language", "kk", "--report", "denials,week,06:30,csv")
    assert added.code == 0, added.err
    shown = cli("outlet", "show", "office", "--json").json
    assert shown["reports"] == [{"report": "denials", "every": "week", "at": "06:30", "format": "csv"}]
    assert "denials" in cli("outlet", "show", "office").out
    assert cli("outlet", "edit", "office", "--report", "").code == 0
    assert cli("outlet", "show", "office", "--json").json["reports"] == []


@pytest.mark.parametrize(
    ("report", "code", "words"),
    [
        ("denials", 2, "write one like hours,month,07:00,xlsx"),
        ("denials,week,07:00,csv,more", 2, "write one like"),
        ("sickness,week", 1, "report"),
        ("denials,year", 1, "every"),
        ("denials,week,7 am", 1, "07:00"),
        ("denials,week,07:00,pdf", 1, "format"),
        ("hours,month", 1, "attendance is off"),
    ],
)
def test_a_report_that_can_not_be_is_refused_in_words(cli, report, code, words):
    refused = cli("outlet", "add", "office", *MAIL, "--report", report)
    assert (refused.code, words in refused.err.replace("\n", " ")) == (code, True), refused.err
    assert cli("outlet", "list", "--json").json == []
