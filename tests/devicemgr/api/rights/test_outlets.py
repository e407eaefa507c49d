"""Who sends events elsewhere can read them there: an outlet gives out no more than who let it may see."""

import json

import pytest

from devicemgr.domain.model import Role
from devicemgr.store.outlets import rows

HOOK = {"kind": "webhook", "url": "https://hr.example/hooks"}


def state(http, name="hr"):
    return http.get(f"/outlets/{name}").json()["state"]


@pytest.mark.parametrize("way", ["post", "put", "file"])
def test_what_a_technician_sets_up_waits_for_someone_who_may_see_events(as_role, http, way):
    client = as_role(Role.TECHNICIAN)
    if way == "post":
        assert client.post("/outlets", json={"name": "hr", **HOOK}).status_code == 201
    elif way == "put":
        assert client.put("/outlets/hr", json=HOOK).status_code == 201
    else:
        toml = '[outlets.hr]\nkind = "webhook"\nurl = "https://hr.example/hooks"\n'
        assert client.post("/site/apply", json={"toml": toml}).status_code == 200
    assert state(http) == "paused"
    assert client.post("/outlets/hr/resume").status_code == 403
    assert client.post("/outlets/hr/replay", json={"from": 1}).status_code == 403
    assert client.put("/outlets/hr/secret", json={}).status_code == 403
    assert as_role(Role.ADMIN).post("/outlets/hr/resume").status_code == 200
    assert state(http) == "ok"


@pytest.mark.parametrize(
    "change", [{"url": "https://elsewhere.example/"}, {"fields": ["name"]}, {"kinds": ["admin.*"]}]
)
def test_a_change_by_a_technician_pauses_an_outlet_that_runs(as_role, http, change):
    http.post("/outlets", json={"name": "hr", **HOOK})
    assert state(http) == "ok"
    assert as_role(Role.TECHNICIAN).patch("/outlets/hr", json=change).status_code == 200
    assert state(http) == "paused"


def test_a_technician_may_pause_and_remove(as_role, http):
    http.post("/outlets", json={"name": "hr", **HOOK})
    client = as_role(Role.TECHNICIAN)
    assert client.post("/outlets/hr/pause").status_code == 200
    assert client.delete("/outlets/hr").status_code == 200


def test_duress_leaves_only_where_one_who_may_know_of_it_says_so(as_role, http):
    admin = as_role(Role.ADMIN)
    assert admin.post("/outlets", json={"name": "hr", **HOOK, "duress": True}).status_code == 201
    assert state(http) == "paused"
    refused = admin.post("/outlets/hr/resume")
    assert refused.status_code == 403
    assert http.post("/outlets/hr/resume").status_code == 200  # the owner of the host may


@pytest.mark.parametrize("role", [Role.GUARD, Role.AUDITOR])
def test_no_one_else_sets_one_up(as_role, http, role):
    client = as_role(role)
    http.post("/outlets", json={"name": "hr", **HOOK})
    calls = [
        client.post("/outlets", json={"name": "more", **HOOK}),
        client.put("/outlets/hr", json=HOOK),
        client.patch("/outlets/hr", json={"batch": 2}),
        client.delete("/outlets/hr"),
        client.put("/outlets/hr/secret", json={}),
        *(client.post(f"/outlets/hr/{verb}") for verb in ("test", "pause", "resume")),
        client.post("/outlets/hr/replay", json={"from": 1}),
    ]
    assert {answer.status_code for answer in calls} == {403}


def test_a_secret_is_shown_once_and_never_again(http, site):
    http.post("/outlets", json={"name": "hr", **HOOK})
    secret = http.put("/outlets/hr/secret", json={}).json()["secret"]
    assert secret.startswith("whsec_")
    everything = [http.get("/outlets").text, http.get("/outlets/hr").text, http.get("/site").text]
    everything += [http.get("/events", params={"limit": 100}).text, http.get("/status").text]
    assert not any(secret.removeprefix("whsec_") in text for text in everything)
    assert http.get("/outlets/hr").json()["has_secret"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"url": "http://hr.example/hooks"}, "https"),
        ({"url": "ftp://hr.example/"}, "none of kind webhook"),
        ({"url": "https://user:pw@hr.example/"}, "password"),
        ({"url": "https://hr.example/a b"}, "spaces"),
        ({"kinds": ["Access Granted"]}, "kind"),
        ({"fields": ["photo"]}, "fields"),
        ({"batch": 0}, "batch"),
        ({"portals": ["nowhere"]}, "portal"),
        ({"tls_ca": "no certificate"}, "PEM"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(http, fields, word):
    answer = http.post("/outlets", json={"name": "hr", **HOOK, **fields})
    assert answer.status_code in (400, 422), answer.text
    assert word in answer.text
    assert http.get("/outlets").json() == []


def test_of_an_ed25519_key_only_the_public_one_is_shown(http, site):
    http.post("/outlets", json={"name": "hr", **HOOK})
    answer = http.put("/outlets/hr/secret", json={"asymmetric": True}).json()
    assert (answer["secret"], answer["public_key"][:5]) == (None, "whpk_")
    with site.database.read() as session:
        (private,) = rows.secrets_of(rows.outlet(session, "hr"), site.vault)
    assert private.startswith("whsk_")
    everything = [http.get("/outlets").text, http.get("/site").text, http.get("/events", params={"limit": 100}).text]
    assert not any(private.removeprefix("whsk_") in text for text in everything)
    refused = http.put("/outlets/hr/secret", json={"secret": "whsec_" + "A" * 44, "asymmetric": True})
    assert refused.status_code == 422


def test_a_token_in_the_query_of_an_address_stays_out_of_the_record(http):
    http.post("/outlets", json={"name": "hr", **HOOK, "url": "https://hr.example/hooks?token=T0KEN"})
    http.patch("/outlets/hr", json={"url": "https://hr.example/hooks?token=T0KEN2"})
    http.delete("/outlets/hr")
    events = http.get("/events", params={"limit": 100}).text
    assert "https://hr.example/hooks?…" in events
    assert "T0KEN" not in events


def test_a_portal_that_an_outlet_names_is_not_removed(http):
    http.post("/devices", json={"name": "g", "driver": "fake_gate", "address": "tty"})
    http.post("/portals", json={"name": "lobby", "gate": "g"})
    http.post("/outlets", json={"name": "hr", **HOOK, "portals": ["lobby"]})
    refused = http.delete("/portals/lobby")
    assert refused.status_code == 400
    assert "outlet 'hr'" in refused.text


EVERY_KIND = {
    "hr": {**HOOK, "kinds": ["access_denied"], "fields": ["name"], "batch": 50, "on_poison": "skip", "duress": True},
    "guards": {
        **{"kind": "mail", "url": "smtps://mail.example", "to": ["a@b.example"], "sender": "c@b.example"},
        **{"user": "gate", "language": "kk"},
        "reports": [{"report": "denials", "every": "day", "at": "06:30", "format": "csv"}],
    },
    "building": {
        **{"kind": "mqtt", "url": "mqtt://broker.example", "insecure": True, "user": "gate"},
        **{"discovery": True, "commands": True},
    },
    "siem": {
        **{"kind": "syslog", "url": "syslog+udp://siem.example", "insecure": True},
        **{"format": "cef", "enterprise": 4711},
    },
}


def test_outlets_of_each_kind_go_through_the_sites_file_and_back(http):
    for name, fields in EVERY_KIND.items():
        assert http.post("/outlets", json={"name": name, **fields}).status_code == 201
    http.put("/outlets/guards/secret", json={"secret": "Pa55-w0rd"})
    toml = http.get("/site").json()["toml"]
    assert "Pa55-w0rd" not in toml
    again = http.post("/site/apply", json={"toml": toml, "prune": True}).json()
    assert again["changes"] == []
    before = {one["name"]: one for one in http.get("/outlets").json()}
    assert before["guards"]["has_secret"]
    for name in EVERY_KIND:
        http.delete(f"/outlets/{name}")
    planned = http.post("/site/apply", json={"toml": toml, "plan": True}).json()
    assert {(one["change"], one["name"]) for one in planned["changes"]} == {("add", name) for name in EVERY_KIND}
    assert http.get("/outlets").json() == []
    assert http.post("/site/apply", json={"toml": toml, "digest": planned["digest"]}).json()["applied"]
    after = {one["name"]: one for one in http.get("/outlets").json()}
    for name, fields in EVERY_KIND.items():
        assert {key: after[name][key] for key in fields} == {key: before[name][key] for key in fields}
    assert not after["guards"]["has_secret"], "a file holds no passwords"


def test_a_file_of_before_outlets_leaves_them_unless_it_prunes(http):
    http.post("/outlets", json={"name": "hr", **HOOK})
    answer = http.post(
        "/site/apply", json={"toml": '[schedules.night]\nwindows = ["mon-fri 20:00-23:00"]\ntimezone = "UTC"\n'}
    ).json()
    assert [one["kind"] for one in answer["changes"]] == ["schedules"]
    assert [one["name"] for one in http.get("/outlets").json()] == ["hr"]


CHANGES = [
    {"kinds": []},
    {"kinds": ["access_granted", "admin.*"]},
    {"duress": True},
    {"fields": ["evidence"]},
    {"fields": ["comments"]},
    {"insecure": True},
    {"on_poison": "skip"},
    {"url": "https://elsewhere.example/hooks"},
]


@pytest.mark.parametrize("way", ["patch", "put", "file", "again"])
def test_by_no_way_does_a_technician_let_more_leave(as_role, http, way):
    """An outlet that an admin lets run and a technician changes waits, however the change is made."""
    client = as_role(Role.TECHNICIAN)
    first = {**HOOK, "kinds": ["access_denied"]}
    for number, change in enumerate(CHANGES):
        name, wanted = f"hr{number}", {**first, **change}
        http.post("/outlets", json={"name": name, **first})
        if way == "patch":
            done = client.patch(f"/outlets/{name}", json=change)
        elif way == "put":
            done = client.put(f"/outlets/{name}", json=wanted)
        elif way == "file":
            lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in wanted.items())
            done = client.post("/site/apply", json={"toml": f"[outlets.{name}]\n{lines}"})
        else:
            assert client.delete(f"/outlets/{name}").status_code == 200
            done = client.post("/outlets", json={"name": name, **wanted})
        assert done.is_success, done.text
        assert state(http, name) == "paused", change
        assert client.post(f"/outlets/{name}/resume").status_code == 403
        assert client.post(f"/outlets/{name}/replay", json={"from": 1}).status_code == 403


REPORTS = {
    "kind": "mail",
    "url": "smtps://mail.example",
    "to": ["hr@example.com"],
    "sender": "gate@example.com",
    "reports": [{"report": "hours", "every": "month"}],
}


def test_reports_leave_only_where_the_report_itself_may_be_made(as_role, http):
    refused = http.post("/outlets", json={"name": "hr", **REPORTS})
    assert (refused.status_code, refused.json()["code"]) == (409, "attendance_off")
    assert http.post("/site/apply", json={"toml": "[site]\nattendance = true\n"}).status_code == 200
    client = as_role(Role.TECHNICIAN)
    assert client.get("/reports/hours", params={"from": "2026-11-01", "to": "2026-11-30"}).status_code == 403
    made = client.post("/outlets", json={"name": "hr", **REPORTS})
    assert made.status_code == 201, made.text
    assert state(http) == "paused"
    assert client.post("/outlets/hr/resume").status_code == 403
    assert as_role(Role.ADMIN).post("/outlets/hr/resume").status_code == 200
    assert http.get("/outlets/hr").json()["reports"] == [
        {"report": "hours", "every": "month", "at": "07:00", "format": "xlsx"}
    ]
