"""Long actions at devices as jobs, certificates to compare, and what a device offers."""

import hashlib
import socket
import ssl
import threading

import pytest

from devicemgr.api.authentication import Entry
from devicemgr.api.context import Caller
from devicemgr.domain.model import Role
from devicemgr.provisioning import discovery
from tests.support.certificates import self_signed


@pytest.fixture
def gate(http):
    assert http.post("/devices", json={"name": "gate", "driver": "fake_gate", "address": "tcp://192.0.2.1:502"})
    return "gate"


@pytest.fixture
def ended(app, http):
    """Return a function that waits for a job's end and returns it."""

    def wait(answer):
        assert answer.status_code == 202, answer.text
        assert app.state.jobs.get(answer.json()["id"]).ended.wait(20)
        return http.get(f"/jobs/{answer.json()['id']}").json()

    return wait


def test_a_test_as_a_job_answers_what_the_test_does(http, gate, ended):
    job = ended(http.post(f"/devices/{gate}/test/jobs"))
    assert (job["phase"], job["kind"], job["subject"]) == ("done", "test", "gate")
    assert job["result"] == http.post(f"/devices/{gate}/test").json()
    assert "result" not in http.get("/jobs").json()[0]


def test_a_job_that_fails_says_why_in_codes(http, gate, ended):
    http.patch(f"/devices/{gate}", json={"address": "tcp://gone"})
    job = ended(http.post(f"/devices/{gate}/test/jobs"))
    assert job["phase"] == "failed"
    assert job["problem"]["code"] == "device_unreachable"
    assert "check its cable" in job["problem"]["detail"]


def test_what_cannot_begin_is_refused_at_once(http):
    assert http.post("/devices/nothing/test/jobs").status_code == 404
    assert http.post("/devices/nothing/sync/jobs").status_code == 404
    assert http.post("/devices/nothing/provision/jobs", json={}).status_code == 404
    assert http.post("/discoveries/jobs", json={"hosts": ["x"]}).status_code == 422
    assert http.get("/jobs").json() == []


def test_a_search_is_canceled_and_seen_by_those_who_may_search(app, http, caller, monkeypatch, ended):
    asked, going_on = threading.Event(), threading.Event()

    def look(*_):
        asked.set()
        going_on.wait(20)
        return {"found": [], "notes": []}

    monkeypatch.setattr(discovery, "discover", look)
    begun = http.post("/discoveries/jobs", json={"seconds": 60}).json()
    assert asked.wait(10)
    assert http.post("/discoveries/jobs", json={}).status_code == 409
    monkeypatch.setattr(Entry, "_identify", lambda self, scope: Caller("operator:g", frozenset({Role.GUARD})))
    guard = caller("a guard")
    assert guard.get("/jobs").json() == []
    assert guard.get(f"/jobs/{begun['id']}").status_code == 404
    assert guard.delete(f"/jobs/{begun['id']}").status_code == 404
    monkeypatch.setattr(Entry, "_identify", lambda self, scope: Caller("operator:t", frozenset({Role.TECHNICIAN})))
    assert caller("a technician").delete(f"/jobs/{begun['id']}").json()["phase"] == "canceled"
    going_on.set()


def test_the_certificate_that_an_address_shows(http, tmp_path):
    certificate, key = self_signed(tmp_path, ["box"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            for _ in range(2):
                line, _peer = listener.accept()
                try:
                    context.wrap_socket(line, server_side=True).close()
                except OSError:
                    line.close()

        thread = threading.Thread(target=answer)
        thread.start()
        address = f"https://127.0.0.1:{listener.getsockname()[1]}/onvif"
        shown = http.post("/certificates", json={"address": address}).json()
        thread.join(10)
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()
    assert shown["fingerprint"].removeprefix("sha256:").replace(":", "").lower() == digest
    assert (shown["subject"], shown["trusted"]) == ("CN=box", False)
    assert http.post("/certificates", json={"address": address}).json()["code"] == "device_unreachable"
    assert http.post("/certificates", json={"address": "http://127.0.0.1"}).status_code == 422


def test_a_device_says_what_it_offers(http, gate):
    assert http.get(f"/devices/{gate}").json()["can"] == []
    assert http.get("/profiles").json() == []
