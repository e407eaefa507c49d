"""The desk's files: their policy, their tags, who gets them, and what a daemon without them answers."""

import gzip
import os

import httpx
import pytest

from devicemgr.api.app import create_app
from devicemgr.api.context import Context
from devicemgr.api.desk import files
from devicemgr.api.desk.files import read_built
from devicemgr.api.listeners import read
from devicemgr.api.server import ApiServer
from devicemgr.daemon.offline_runtime import DirectRuntime

SCRIPT = b"export const desk = 1;\n" * 20


@pytest.fixture
def built(tmp_path):
    """A desk as Vite builds it, with a file beside it that is none of it."""
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "secret.txt").write_text("not of the desk")
    dist = folder / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>devicemgr</title>")
    (dist / "assets" / "live-abc123.js").write_bytes(SCRIPT)
    (dist / "assets" / "live-abc123.js.gz").write_bytes(gzip.compress(SCRIPT))
    return read_built(dist)


@pytest.fixture
def get(site, home, built, monkeypatch):
    """get(path, **headers) over TCP, without signing in."""
    monkeypatch.setattr(files, "read_built", lambda: built)
    server = ApiServer(
        create_app(Context(site, DirectRuntime(site), os.getuid())),
        home.socket,
        read("127.0.0.1:0", None, None, ["panel.example"]),
    )
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
        yield lambda path, method="GET", **headers: client.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
    server.stop()


def test_the_page_is_for_callers_who_are_not_known_and_the_api_is_not(get):
    page = get("/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.text == "<!doctype html><title>devicemgr</title>"
    assert get("/api/v1/status").status_code == 401


def test_the_policy_lets_in_nothing_from_elsewhere_and_no_script_of_a_text(get):
    headers = get("/").headers
    policy = dict(one.partition(" ")[::2] for one in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["trusted-types"] == "lit-html"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["permissions-policy"] == "camera=(self), microphone=(), geolocation=()"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in get("/api/v1/status").headers["content-security-policy"]
    assert "script-src" not in get("/api/v1/status").headers["content-security-policy"]


def test_a_hashed_file_is_kept_for_good_and_the_page_is_asked_for_again(get):
    assert get("/web/assets/live-abc123.js").headers["cache-control"] == "public, max-age=31536000, immutable"
    assert get("/").headers["cache-control"] == "no-cache"


def test_a_browser_that_has_it_gets_nothing_again(get):
    tag = get("/").headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}'):
        again = get("/", if_none_match=sent)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert get("/", if_none_match='"other"').status_code == 200


@pytest.mark.parametrize(
    ("accepts", "packed"),
    [("gzip, br", True), ("br;q=1, gzip;q=0.5", True), ("*", True), ("br", False), ("gzip;q=0, *", False), ("", False)],
)
def test_it_is_compressed_for_those_who_take_it(get, accepts, packed):
    answer = get("/web/assets/live-abc123.js", accept_encoding=accepts)
    assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.content == SCRIPT


@pytest.mark.parametrize(
    "path",
    [
        "/web/",
        "/web/assets/",
        "/web/assets/live-abc123.js.gz",
        "/web/../secret.txt",
        "/web/%2e%2e/secret.txt",
        "/web/..%2fsecret.txt",
        "/web//etc/passwd",
        "/web/assets/live-abc123.js/",
        "/web/%00",
    ],
)
def test_a_caller_never_names_a_path(get, path):
    answer = get(path)
    assert answer.status_code in (400, 401, 404)
    assert "not of the desk" not in answer.text


def test_another_host_and_another_method_are_refused(get):
    assert get("/", host="evil.example").status_code == 421
    assert get("/", host="panel.example").status_code == 200
    assert get("/", method="POST").status_code in (401, 404, 405)
    assert get("/", method="HEAD").content == b""


def test_a_link_on_another_site_leads_to_the_desk_and_its_calls_do_not(get):
    assert get("/", sec_fetch_site="cross-site").status_code == 200
    assert get("/api/v1/session", sec_fetch_site="cross-site").status_code == 403


def test_without_a_built_desk_the_daemon_says_how_to_build_it(built, get):
    built.clear()
    answer = get("/")
    assert answer.status_code == 503
    assert "make desk" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
