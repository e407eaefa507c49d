"""/imports: a file is sent, looked at, begun, followed by its id and stopped; nothing is done by halves."""

import io
import threading
import zipfile

import pytest

from devicemgr.api import authorization
from devicemgr.domain.model import Role
from devicemgr.people.imports import jobs as import_jobs
from devicemgr.people.tables import apply

BINARY = {"content-type": "application/octet-stream"}
ENDED = ("planned", "done", "stopped", "failed")


@pytest.fixture
def jobs(app):
    return app.state.imports


@pytest.fixture
def settled(http, jobs):
    """Return a function that waits for an import's thread, and returns its state."""

    def wait(job, client=http):
        for thread in list(jobs._threads):
            thread.join(30)
        return client.get(f"/imports/{job['id']}").json()

    return wait


@pytest.fixture
def send(http, settled):
    def post(data, name="staff.csv", client=http, **query):
        data = data if isinstance(data, bytes) else data.encode()
        answer = client.post("/imports", content=data, headers=BINARY, params={"name": name} | query)
        assert answer.status_code == 201, answer.text
        return settled(answer.json(), client)

    return post


def rows(http, job, **query):
    return http.get(f"/imports/{job['id']}/rows", params=query).json()["rows"]


def archive(**entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, data in entries.items():
            opened.writestr(name.replace("__", "."), data)
    return buffer.getvalue()


def test_a_table_is_looked_at_first_and_changes_nothing(http, send):
    job = send("badge,name\n7,Anna\n,Nameless\n8,Boris\n")
    assert (job["phase"], job["kind"], job["total"], job["done"]) == ("planned", "table", 2, 0)
    assert (job["counts"]["add"], job["counts"]["refused"]) == (2, 1)
    assert "commas" in job["read_as"]
    found = rows(http, job)
    assert [row["what"] for row in found] == ["refused", "add", "add"]
    assert (found[0]["line"], found[0]["why"]) == (3, "it has no badge")
    assert http.get("/people").json() == []


def test_a_table_is_taken_in_and_followed_by_its_id(http, send, settled):
    job = send("badge,name\n7,Anna\n,Nameless\n8,Boris\n")
    assert http.post(f"/imports/{job['id']}/start", json={}).json()["phase"] in ("running", "done")
    job = settled(job)
    assert (job["phase"], job["done"], job["total"]) == ("done", 2, 2)
    assert [person["name"] for person in http.get("/people").json()] == ["Anna", "Boris"]
    assert [one["id"] for one in http.get("/imports").json()] == [job["id"]]
    again = http.post(f"/imports/{job['id']}/start", json={})
    assert (again.status_code, again.json()["code"]) == (400, "import_not_planned")
    (event,) = [one for one in http.get("/events").json() if one["kind"] == "admin.people_imported"]
    assert (event["detail"]["add"], event["detail"]["refused"]) == (2, 1)


def test_what_is_refused_is_a_file_that_no_spreadsheet_runs(http, send):
    job = send('badge,name,level\n7,"Anna ",nosuch\n"@x(1)",B,\n"@x(1)",C,\n')
    answer = http.get(f"/imports/{job['id']}/failures")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "line,badge,file,reasons,why,duplicate_of"
    assert len(lines) > 2
    assert not any(cell.startswith("@") for line in lines for cell in line.split(","))


@pytest.mark.parametrize("data", ["", "name\nAnna\n", b"PK\x03\x04broken"])
def test_a_file_that_is_none_says_so(http, jobs, settled, data):
    data = data if isinstance(data, bytes) else data.encode()
    answer = http.post("/imports", content=data, headers=BINARY, params={"name": "a.csv"})
    if data:
        job = settled(answer.json())
        assert (job["phase"], job["error"]["code"]) == ("failed", "invalid_input")
        assert http.post(f"/imports/{job['id']}/start", json={}).status_code == 400
    else:
        assert answer.status_code == 422
    assert http.get("/people").json() == []


@pytest.fixture
def held(monkeypatch):
    """The first batch of changes waits until `release` is set; `begun` says that it is at work."""
    begun, release, real = threading.Event(), threading.Event(), apply._apply_batch

    def slow(*args, **options):
        begun.set()
        assert release.wait(30)
        return real(*args, **options)

    monkeypatch.setattr(apply, "_apply_batch", slow)
    yield begun, release
    release.set()


TABLE = "badge,name,host\n" + "".join(f"{n},Person {n},{n + 1 if n < 139 else 100}\n" for n in range(100, 140))


def test_a_stop_comes_between_people_and_the_same_file_does_the_rest(http, send, settled, held):
    begun, release = held
    job = send(TABLE)
    http.post(f"/imports/{job['id']}/start", json={})
    assert begun.wait(30)
    assert http.post(f"/imports/{job['id']}/stop").json()["phase"] == "stopping"
    release.set()
    job = settled(job)
    people = http.get("/people").json()
    assert (job["phase"], job["done"], len(people)) == ("stopped", 8, 8)
    assert sum(person["host"] is not None for person in people) == 7, "only the last one's host is not here"
    rest = settled(http.post(f"/imports/{send(TABLE, update=True)['id']}/start", json={}).json())
    assert rest["phase"] == "done"
    people = http.get("/people").json()
    assert len(people) == 40
    assert all(person["host"] for person in people)


def test_one_runs_at_a_time_and_can_be_forgotten(http, send, settled, held):
    begun, release = held
    first, second = send("badge,name\n1,A\n"), send("badge,name\n2,B\n")
    http.post(f"/imports/{first['id']}/start", json={})
    assert begun.wait(30)
    busy = http.post(f"/imports/{second['id']}/start", json={})
    assert (busy.status_code, busy.json()["code"]) == (400, "import_running")
    release.set()
    settled(first)
    assert http.delete(f"/imports/{first['id']}").status_code == 200
    assert http.get(f"/imports/{first['id']}").status_code == 404
    assert http.delete(f"/imports/{first['id']}").status_code == 404


def test_the_daemons_end_stops_between_people(http, send, held, jobs):
    begun, release = held
    job = send(TABLE)
    http.post(f"/imports/{job['id']}/start", json={})
    assert begun.wait(30)
    threading.Timer(0.05, release.set).start()
    jobs.close(30)
    assert http.get(f"/imports/{job['id']}").json()["phase"] == "stopped"
    assert len(http.get("/people").json()) == 8


def test_few_are_kept_and_files_that_wait_have_a_bound(http, send, monkeypatch):
    monkeypatch.setattr(import_jobs, "MAX_JOBS", 2)
    over = send("no table")
    assert over["phase"] == "failed"
    send("badge,name\n1,A\n")
    send("badge,name\n2,B\n")
    assert http.get(f"/imports/{over['id']}").status_code == 404
    full = http.post("/imports", content=b"badge,name\n3,C\n", headers=BINARY, params={"name": "c.csv"})
    assert (full.status_code, full.json()["code"]) == (400, "imports_full")
    waiting = http.get("/imports").json()
    monkeypatch.setattr(import_jobs, "MAX_HELD_BYTES", 20)
    http.post(f"/imports/{waiting[0]['id']}/stop")
    full = http.post("/imports", content=b"badge,name\n3,C\n", headers=BINARY, params={"name": "c.csv"})
    assert full.json()["code"] == "imports_full"
    monkeypatch.setattr(import_jobs, "MAX_WAIT_S", -1.0)
    assert [job["phase"] for job in http.get("/imports").json()] == ["stopped", "stopped"]


def test_a_plan_that_takes_away_from_many_is_accepted_by_its_digest(http, send, settled):
    people = "badge,name\n" + "".join(f"{n},P\n" for n in range(20))
    settled(http.post(f"/imports/{send(people)['id']}/start", json={}).json())
    job = send("badge,name\n0,P\n", missing="suspend")
    assert job["taken_away"] > job["max_taken_away"]
    refused = http.post(f"/imports/{job['id']}/start", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_held")
    http.post(f"/imports/{job['id']}/start", json={"accept": job["digest"]})
    assert settled(job)["phase"] == "done"
    assert sum(person["suspended"] for person in http.get("/people").json()) == 19


def test_photos_come_with_a_consent_alone(http, send, settled):
    data = archive(**{"1_Anna__jpg": b"face:a", "2_Boris__jpg": b"bad:blurred", "3_Twin__jpg": b"face:a:9"})
    job = send(data, name="photos.zip")
    assert (job["kind"], job["phase"], job["counts"]["new"], job["counts"]["photos"]) == ("photos", "planned", 3, 3)
    without = http.post(f"/imports/{job['id']}/start", json={})
    assert (without.status_code, without.json()["code"]) == (422, "consent_missing")
    assert http.post(f"/imports/{job['id']}/start", json={"consent": " "}).status_code == 422
    assert http.get("/people").json() == []
    http.post(f"/imports/{job['id']}/start", json={"consent": "forms"})
    job = settled(job)
    assert (job["phase"], job["counts"]["enrolled"], job["counts"]["refused"]) == ("done", 1, 2)
    failed = {row["badge"]: row for row in rows(http, job, refused=True)}
    assert failed["2"]["reasons"] == ["blurred"]
    assert (failed["3"]["reasons"], failed["3"]["duplicate_of"]) == (["duplicate_of"], "1")
    assert {p["badge"]: p["templates"] for p in http.get("/people").json()} == {"1": 1, "2": 0, "3": 0}


def test_an_archive_is_read_as_the_command_line_reads_it(http, send, settled):
    table = "badge,name,photo,valid_to\n5,Dana,in/d.jpg,2030-01-01\n6,Omar,gone.jpg,\n"
    job = send(archive(**{"in/d__jpg": b"face:d", "people__csv": table}), name="p.zip")
    assert [(row["what"], row["badge"]) for row in rows(http, job)] == [("refused", "6"), ("enroll", "5")]
    settled(http.post(f"/imports/{job['id']}/start", json={"consent": "forms"}).json())
    (person,) = http.get("/people").json()
    assert (person["name"], person["templates"], person["valid_to"][:4]) == ("Dana", 1, "2030")


def test_an_archive_that_leads_out_is_refused_whole(http, send):
    job = send(archive(**{"../1_Anna__jpg": b"face:a"}), name="p.zip")
    assert (job["phase"], "leads out" in job["error"]["detail"]) == ("failed", True)


@pytest.mark.parametrize("change", ["add", "face"])
def test_each_change_needs_its_own_right(http, send, operator, token, web, monkeypatch, change):
    admin = web(authorization=f"Bearer {token(operator('hr', 'admin'), 'admin')}")
    allowed = authorization.PEOPLE_CHANGES | {change: frozenset({Role.AUDITOR})}
    monkeypatch.setattr(authorization, "PEOPLE_CHANGES", allowed)
    data = archive(**{"1_Anna__jpg": b"face:a"}) if change == "face" else "badge,name\n1,A\n"
    job = send(data, "a.zip" if change == "face" else "a.csv", client=admin)
    assert (job["phase"], job["error"]["code"]) == ("failed", "not_allowed")
    assert http.get("/people").json() == []


def test_an_operator_who_is_removed_stops_the_import(http, send, settled, operator, token, web, held):
    begun, release = held
    admin = web(authorization=f"Bearer {token(operator('hr', 'admin'), 'admin')}")
    job = send(TABLE, client=admin)
    admin.post(f"/imports/{job['id']}/start", json={})
    assert begun.wait(30)
    http.delete("/operators/hr")
    release.set()
    job = settled(job)
    assert (job["phase"], job["error"]["code"], job["done"]) == ("stopped", "not_allowed", 8)


@pytest.mark.parametrize("role", ["guard", "technician", "auditor"])
def test_only_admins_may(operator, token, web, role):
    client = web(authorization=f"Bearer {token(operator('someone', role), role)}")
    assert client.get("/imports").status_code == 403
    assert client.post("/imports", content=b"x", headers=BINARY, params={"name": "a"}).status_code == 403
    assert client.post("/imports/x/start", json={}).status_code == 403


def test_another_type_is_refused(http):
    answer = http.post("/imports", json={"rows": []}, params={"name": "a.json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
