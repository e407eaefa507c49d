"""Ports, addresses and certificates of the API's TCP listener."""

import ssl

import httpx
import pytest

from devicemgr.api import listeners
from devicemgr.api.server import ApiServer
from devicemgr.errors import InvalidInput, SystemFault
from tests.devicemgr.api.server.test_tcp import PASSWORD, sign_in
from tests.support.hints import hint_of


@pytest.mark.parametrize(
    ("place", "message", "hint"),
    [
        ("0.0.0.0:8443", "a certificate", "pass_certificate"),
        ("[::]:8443", "a certificate", "pass_certificate"),
        ("192.0.2.7:8443", "a certificate", "pass_certificate"),
        ("8443", "address of this box", None),
        ("127.0.0.1:http", "address of this box", None),
        ("127.0.0.1:70000", "address of this box", None),
        ("example.org:80", "address of this box", None),
    ],
)
def test_open_addresses_without_a_certificate_and_nonsense(place, message, hint):
    with pytest.raises(InvalidInput, match=message) as refused:
        listeners.read(place, None, None, [])
    assert hint_of(refused) == hint


def test_a_port_that_is_taken_says_so(tcp):
    with pytest.raises(SystemFault, match="cannot listen on 127"):
        listeners.read(f"127.0.0.1:{tcp.port}", None, None, []).bind()


def test_certificates_that_can_not_be_used(certificate, tmp_path):
    cert, key = certificate
    for pair in ((cert, None), (None, key), (cert, tmp_path / "none"), (key, key), (cert, tmp_path / "locked.pem")):
        with pytest.raises(InvalidInput):
            listeners.read("0.0.0.0:8443", *pair, [])
    key.chmod(0o604)
    with pytest.raises(InvalidInput, match="chmod o="):
        listeners.read("0.0.0.0:8443", cert, key, [])


def test_over_tls_the_cookie_is_bound_to_the_host(app, home, certificate, operator):
    operator("aigul", "admin")
    running = ApiServer(app, home.socket, listeners.read("127.0.0.1:0", *certificate, []))
    running.start()
    try:
        trust = ssl.create_default_context(cafile=certificate[0])
        trust.check_hostname = False  # by address; the certificate has names
        base = f"https://127.0.0.1:{running.port}/api/v1"
        with httpx.Client(base_url=base, verify=trust) as client:
            answer = client.post("/session", json={"operator": "aigul", "password": PASSWORD})
            assert answer.status_code == 201
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-devicemgr=")
            assert "; Secure" in cookie
            assert answer.headers["strict-transport-security"].startswith("max-age=")
            for host, status in (("box.example", 200), ("a.in.example", 200), ("a.b.in.example", 421), ("x", 421)):
                assert client.get("/status", headers={"host": host}).status_code == status, host
            csrf = {"x-csrf-token": answer.json()["csrf"], "origin": "https://box.example", "host": "box.example"}
            assert client.post("/people", json={"name": "A", "badge": "1"}, headers=csrf).status_code == 201
            wrong = csrf | {"origin": "http://box.example"}
            assert client.post("/people", json={"name": "A", "badge": "2"}, headers=wrong).status_code == 403
    finally:
        running.stop()


def test_passwords_and_tokens_stay_out_of_the_log(web, operator, token, caplog):
    caplog.set_level("DEBUG")
    operator("aigul", "admin")
    key = token("aigul", "admin")
    client = web()
    sign_in(client, "aigul")
    web(authorization=f"Bearer {key}").get("/nowhere")
    secrets = [PASSWORD, key, client.cookies["devicemgr"], client.headers["x-csrf-token"]]
    ours = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore")))
    assert not [secret for secret in secrets if secret in ours]
