"""What a site's file may change by whom: what each change's own route allows, and nothing more."""

import pytest

from devicemgr.api import authorization
from devicemgr.domain.model import Role
from devicemgr.store.site import settings

BASE = """
[calendars.kz]
days = ["2026-12-16 holiday"]

[schedules.office]
windows = ["mon-fri 08:00-18:00"]
timezone = "Asia/Almaty"

[profiles.cam]
discovery = false

[devices.gate-1]
driver = "fake_gate"
address = "/dev/gate/a"

[zones.building]
max = 40

[portals.main]
gate = "gate-1"

[portals.back]
gate = "gate-1"
channel = 3

[interlocks.trap]
portals = ["back", "main"]
settle_seconds = 3.0

[levels.staff]
portals = ["main@office"]

[levels.back]
portals = ["back"]

[threats.lockdown]
order = 9

[departments.Kitchen]
levels = ["staff"]

[sources.hr]
kind = "csv"
file = "staff.csv"
map = { Office = "staff" }

[plans.ground]
placements = [{ kind = "portal", name = "main", x = 10.0, y = 20.0 }]

[outlets.chat]
kind = "webhook"
url = "https://chat.example/hooks"
"""
TECHNICIAN, ADMIN = {Role.TECHNICIAN, Role.ADMIN}, {Role.ADMIN}
MORE = {
    "calendars": '[calendars.de]\ndays = ["2026-12-25 holiday"]\n',
    "schedules": '[schedules.night]\nwindows = ["mon-fri 20:00-23:00"]\ntimezone = "Asia/Almaty"\n',
    "profiles": "[profiles.more]\ndiscovery = true\n",
    "devices": '[devices.gate-2]\ndriver = "fake_gate"\naddress = "/dev/gate/b"\n',
    "zones": '[zones.lab]\nparent = "building"\n',
    "interlocks": '[interlocks.other]\nportals = ["back", "main"]\n',
    "portals": '[portals.side]\ngate = "gate-1"\nchannel = 2\n',
    "departments": '[departments.Yard]\nlevels = ["staff"]\n',
    "levels": '[levels.guests]\nportals = ["main"]\n',
    "threats": '[threats.alert]\nallow = ["staff"]\n',
    "plans": "[plans.first]\n",
    "sources": '[sources.agency]\nkind = "csv"\nfile = "agency.csv"\n',
    "outlets": '[outlets.hr]\nkind = "webhook"\nurl = "https://hr.example/hooks"\n',
}
EDITS = {
    "calendars": ("2026-12-16 holiday", "2026-12-16 short-day 09:00-16:00"),
    "schedules": ("18:00", "23:59"),
    "profiles": ("discovery = false", "discovery = true"),
    "devices": ("/dev/gate/a", "/dev/gate/c"),
    "zones": ("max = 40", "max = 41"),
    "interlocks": ("settle_seconds = 3.0", "settle_seconds = 4.0"),
    "portals": ("[portals.main]", "[portals.main]\nrelease_seconds = 30"),
    "levels": ("main@office", "main"),
    "departments": ('levels = ["staff"]', 'levels = ["staff", "back"]'),
    "threats": ("order = 9", "order = 8"),
    "sources": ("staff.csv", "all.csv"),
    "plans": ("x = 10.0", "x = 11.0"),
    "outlets": ("chat.example", "news.example"),
}
ALONE = {
    ("calendars", "add"): ("POST", "/calendars"),
    ("calendars", "edit"): ("POST", "/calendars"),
    ("calendars", "remove"): ("DELETE", "/calendars/{name}"),
    ("schedules", "add"): ("POST", "/schedules"),
    ("schedules", "edit"): ("POST", "/schedules"),
    ("schedules", "remove"): ("DELETE", "/schedules/{name}"),
    ("devices", "add"): ("POST", "/devices"),
    ("devices", "edit"): ("PATCH", "/devices/{name}"),
    ("devices", "remove"): ("DELETE", "/devices/{name}"),
    ("portals", "add"): ("POST", "/portals"),
    ("portals", "edit"): ("PATCH", "/portals/{name}"),
    ("portals", "remove"): ("DELETE", "/portals/{name}"),
    ("zones", "add"): ("POST", "/zones"),
    ("zones", "edit"): ("PATCH", "/zones/{name}"),
    ("zones", "remove"): ("DELETE", "/zones/{name}"),
    ("interlocks", "add"): ("POST", "/interlocks"),
    ("interlocks", "edit"): ("PUT", "/interlocks/{name}"),
    ("interlocks", "remove"): ("DELETE", "/interlocks/{name}"),
    ("departments", "add"): ("PUT", "/departments/{name}"),
    ("departments", "edit"): ("PUT", "/departments/{name}"),
    ("departments", "remove"): ("DELETE", "/departments/{name}"),
    ("levels", "add"): ("POST", "/levels"),
    ("levels", "edit"): ("POST", "/levels"),
    ("levels", "remove"): ("DELETE", "/levels/{name}"),
    ("threats", "add"): ("POST", "/threats"),
    ("threats", "edit"): ("PATCH", "/threats/{name}"),
    ("threats", "remove"): ("DELETE", "/threats/{name}"),
    ("sources", "add"): ("POST", "/sources"),
    ("sources", "edit"): ("PATCH", "/sources/{name}"),
    ("sources", "remove"): ("DELETE", "/sources/{name}"),
    ("plans", "add"): ("PUT", "/plans/{name}"),
    ("plans", "edit"): ("PUT", "/plans/{name}/placements"),
    ("plans", "remove"): ("DELETE", "/plans/{name}"),
    ("outlets", "add"): ("POST", "/outlets"),
    ("outlets", "edit"): ("PATCH", "/outlets/{name}"),
    ("outlets", "remove"): ("DELETE", "/outlets/{name}"),
}
"""The route that makes the same change alone."""
SETTINGS = {
    "anchors": '["syslog:"]',
    "on_storage_failure": '"allow_known"',
    "notice": '"2026-11"',
    "consent_days": "30",
    "escalate_after": "60.0",
    "language": '"kk"',
    "attendance": "true",
    "day_starts": '"05:00"',
    "keep_samples": "false",
    "show_photos": "true",
    "retention_days": "0",
    "samples_days": "7",
    "visits_days": "7",
    "consent_grace_days": "1",
}
"""A value for each setting that differs from before; two are set to their opposite first."""


def bodies():
    """(what, kinds and changes, who may, TOML, prune) of a file that changes one thing."""
    for kind, more in MORE.items():
        may = authorization.TABLE[ALONE[kind, "add"]] if (kind, "add") in ALONE else TECHNICIAN
        yield (kind, "add"), may, more, False
        yield (kind, "edit"), may, BASE.replace(*EDITS[kind]), False
        yield (kind, "remove"), may, BASE, True
    for field, value in SETTINGS.items():
        yield ("site", field), ADMIN, f"[site]\n{field} = {value}\n", False
    yield ("model", "edit"), ADMIN, "[model]\n", False


@pytest.fixture
def furnish(http, site):
    """furnish() makes the site the one of BASE, with settings that a file can change back."""

    def make() -> dict:
        answer = http.post("/site/apply", json={"toml": BASE, "prune": True})
        assert answer.status_code == 200, answer.text
        with site.database.write() as session:
            model = {"name": "mine", "path": "/srv/mine.onnx", "dimension": 128}
            found = {"keep_samples": True, "retention_days": 30, "model": model}
            settings.save(session, settings.Settings.model_validate(found))
        return http.get("/site").json()

    return make


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("plan", [False, True], ids=["apply", "plan"])
def test_a_role_changes_by_a_file_what_it_may_change_alone(as_role, furnish, http, role, plan):
    client, wrong = as_role(role), []
    for what, may, toml, prune in bodies():
        before = furnish()
        if what[1] == "remove":
            assert http.post("/site/apply", json={"toml": MORE[what[0]]}).status_code == 200
            before = http.get("/site").json()
        answer = client.post("/site/apply", json={"toml": toml, "prune": prune, "plan": plan})
        allowed, changed = role in may, http.get("/site").json() != before
        kinds = [change["kind"] for change in answer.json().get("changes", [])]
        expected = (200, [what[0]], not plan) if allowed else (403, [], False)
        if (answer.status_code, kinds, changed) != expected:
            wrong.append((what, answer.status_code, kinds, changed, answer.text))
    assert wrong == []


def test_every_change_of_a_file_is_in_the_table_and_is_its_routes():
    """A kind of entry that is added later is the owner's alone until it is in the table."""
    assert {(kind, change) for kind, change in authorization.SITE_CHANGES if kind not in ("site", "model")} == {
        (kind, change) for kind in MORE for change in ("add", "edit", "remove")
    }
    assert {key: authorization.SITE_CHANGES[key] for key in ALONE} == {
        key: authorization.TABLE[alone] for key, alone in ALONE.items()
    }


def test_one_forbidden_change_refuses_the_whole_file(as_role, furnish, http):
    before = furnish()
    toml = BASE.replace("/dev/gate/a", "/dev/gate/c").replace("main@office", "main")
    answer = as_role(Role.TECHNICIAN).post("/site/apply", json={"toml": toml})
    assert (answer.status_code, answer.json()["detail"]) == (
        403,
        "token:the-technician may not edit levels staff in the site's file; it is for: admin",
    )
    assert http.get("/site").json() == before


@pytest.mark.parametrize(
    ("setting", "subject"),
    [
        ("keep_samples = true", "keep_samples false to true"),
        ("retention_days = 30", "retention_days 0 to 30"),
        ("keep_samples = true\nretention_days = 1", "keep_samples false to true, retention_days 0 to 1"),
    ],
)
def test_two_admins_agree_on_keeping_faces_and_on_dropping_events_sooner(as_role, http, setting, subject):
    admin, toml = as_role(Role.ADMIN), f"[site]\n{setting}\n"
    planned = admin.post("/site/apply", json={"toml": toml, "plan": True})
    assert planned.json()["two_admins"] == subject.split(", ")
    assert http.get("/approvals").json() == []
    refused = admin.post("/site/apply", json={"toml": toml})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:devicemgr:problem:approval-needed")
    assert http.get("/site").json()["site"]["site"] == settings.Settings().model_dump(mode="json", exclude={"model"})
    (waiting,) = http.get("/approvals").json()
    assert waiting["subject"] == subject
    assert http.post(f"/approvals/{waiting['id']}").status_code == 200
    shorter = {"toml": "[site]\nretention_days = 7\n"}
    assert admin.post("/site/apply", json=shorter).status_code == 409, "it was agreed on for other values"
    assert admin.post("/site/apply", json={"toml": toml}).status_code == 200
    assert admin.post("/site/apply", json={"toml": toml}).json()["changes"] == []


@pytest.mark.parametrize("setting", ["keep_samples = false", "retention_days = 31", "retention_days = 0"])
def test_one_admin_keeps_events_longer_and_faces_no_longer(as_role, furnish, setting):
    furnish()
    assert as_role(Role.ADMIN).post("/site/apply", json={"toml": f"[site]\n{setting}\n"}).status_code == 200


def test_a_month_of_events_is_shortened_by_two(as_role, furnish):
    furnish()
    assert as_role(Role.ADMIN).post("/site/apply", json={"toml": "[site]\nretention_days = 29\n"}).status_code == 409


def test_the_owner_sets_a_new_site_up_alone_and_once_people_are_there_not(http):
    assert http.post("/site/apply", json={"toml": "[site]\nretention_days = 90\n"}).status_code == 200
    assert http.post("/people", json={"name": "A", "badge": "1"}).status_code == 201
    refused = http.post("/site/apply", json={"toml": "[site]\nretention_days = 30\n"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:devicemgr:problem:approval-needed")
