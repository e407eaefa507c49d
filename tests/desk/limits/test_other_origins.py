"""What pages of others can do to a signed-in guard's desk: nothing, also from the same host, whose cookies are sent."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.support.browser import Desk, browser_of

NAME = "attacker.example"
RULES = f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
OPEN = """async (address) => {
  const body = JSON.stringify({ direction: "entry" });
  const options = { method: "POST", credentials: "include", body };
  const plain = await fetch(address, { ...options, mode: "no-cors" }).then((a) => a.type, () => "refused");
  const json = await fetch(address, { ...options, headers: { "Content-Type": "application/json" } })
    .then((a) => a.status, () => "refused");
  return [plain, json];
}"""
READ = """(address) => fetch(address, { credentials: "include" }).then((a) => a.text(), () => "refused")"""


class Attacker(BaseHTTPRequestHandler):
    """Serves an empty page at every address."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>attacker</title><body></body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def attacker() -> Iterator[int]:
    """The port of another program on this host."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Attacker) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def victim(chromium: None, site: Any, attacker: int) -> Iterator[Desk]:
    """A signed-in guard who has gone to the attacker's page."""
    with browser_of(RULES) as browser:
        desk = Desk(browser, site)
        desk.visit("live")
        desk.sign_in("guard")
        desk.page.goto(f"http://127.0.0.1:{attacker}/")
        yield desk
        desk.context.close()


def test_another_origin_reads_nothing_and_opens_nothing(victim: Desk, site: Any) -> None:
    before = site.head()
    address = f"{site.address}api/v1/portals/lobby/open"
    assert victim.page.evaluate(OPEN, address) == ["refused", "refused"]
    assert victim.page.evaluate(READ, f"{site.address}api/v1/portals") == "refused"
    assert site.api.get("/events", after=before, kind="admin.portal_open", limit=10) == []


def test_a_form_of_another_page_opens_nothing(victim: Desk, site: Any) -> None:
    before = site.head()
    make = """(address) => {
      const form = document.body.appendChild(document.createElement("form"));
      Object.assign(form, { method: "post", action: address, enctype: "text/plain" });
      const field = form.appendChild(document.createElement("input"));
      Object.assign(field, { name: '{"direction":"entry","x":"', value: '"}' });
      form.submit();
    }"""
    with victim.page.expect_response("**/portals/lobby/open") as answer:
        victim.page.evaluate(make, f"{site.address}api/v1/portals/lobby/open")
    # The attack is real: the browser sends the guard's session along, since a port is no other site.
    assert "devicemgr=" in answer.value.request.all_headers()["cookie"]
    assert answer.value.status == 403
    assert site.api.get("/events", after=before, kind="admin.portal_open", limit=10) == []


def test_no_other_page_can_frame_the_desk(victim: Desk, site: Any) -> None:
    frame = """(address) => new Promise((done) => {
      const frame = document.body.appendChild(document.createElement("iframe"));
      frame.onload = () => done(true);
      frame.src = address;
    })"""
    victim.page.evaluate(frame, site.address)
    inside = victim.page.frames[1]
    assert inside.url.startswith("chrome-error:")
    assert inside.locator("desk-app").count() == 0


def test_a_foreign_name_for_this_host_is_refused(victim: Desk, site: Any) -> None:
    answer = victim.page.goto(f"http://{NAME}:{site.port}/")
    assert answer.status == 421
    assert victim.find("desk-app").count() == 0
    assert victim.page.evaluate(READ, "/api/v1/session") == "refused"


def test_the_session_is_out_of_reach_of_scripts(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("guard")
    desk.find("nav.menu").wait_for()
    assert desk.page.evaluate("document.cookie") == ""
    kept = desk.page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })")
    assert "csrf" not in kept
