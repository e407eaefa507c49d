"""The plan: states where they stand, what one may do there, and editing that overwrites no one."""

import io
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devicemgr.cli.demo.simulated_site import HOLDERS, UNKNOWN_CARD
from tests.desk.test_away import go_on, pause
from tests.desk.test_looks import save
from tests.support.browser import Desk

DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 760">
<rect x="40" y="40" width="1120" height="680" fill="#fff" stroke="#333" stroke-width="8"/>
<path d="M440 40V320M440 420V720M440 380H800M900 380H1160M800 380V40" fill="none" stroke="#333" stroke-width="6"/>
<rect x="520" y="470" width="160" height="80" fill="none" stroke="#99a" stroke-width="3"/>
<text x="180" y="120" font-size="30" fill="#667">Lobby</text><text x="900" y="120" font-size="30" fill="#667">Lab</text>
<text x="760" y="640" font-size="30" fill="#667">Office</text></svg>"""
PLACED = [
    {"kind": "portal", "name": "lobby", "x": 3.5, "y": 50.0, "rotation": 90.0},
    {"kind": "portal", "name": "staff-entrance", "x": 60.0, "y": 94.5, "rotation": 0.0},
    {"kind": "portal", "name": "lab-door", "x": 71.0, "y": 50.0, "rotation": 0.0},
    {"kind": "device", "name": "lobby-gate", "x": 14.0, "y": 50.0, "rotation": 90.0},
    {"kind": "zone", "name": "building", "x": 20.0, "y": 30.0, "rotation": 0.0},
    {
        "kind": "zone",
        "name": "lab",
        "x": 82.0,
        "y": 26.0,
        "rotation": 0.0,
        "points": [[67.5, 6.5], [96, 6.5], [96, 49], [67.5, 49]],
    },
]


def put_picture(site: Any, name: str, drawing: str = DRAWING) -> Any:
    headers = {"Content-Type": "image/svg+xml", "Content-Length": str(len(drawing))}
    return site.api.call("PUT", f"/plans/{name}", content=io.BytesIO(drawing.encode()), headers=headers)


def place(site: Any, name: str, placements: list[dict[str, Any]]) -> Any:
    return site.api.call("PUT", f"/plans/{name}/placements", json={"placements": placements})


@pytest.fixture
def ground(site: Any) -> Iterator[str]:
    """A plan with something of each kind."""
    put_picture(site, "ground")
    place(site, "ground", PLACED)
    yield "ground"
    for plan in site.api.get("/plans"):
        site.api.call("DELETE", f"/plans/{plan['name']}")


def thing(desk: Desk, key: str) -> Any:
    return desk.find(f'[data-thing="{key}"]')


def hit(desk: Desk, key: str) -> Any:
    """Return the button of a symbol."""
    return thing(desk, key).locator(".hit")


def stored(site: Any, name: str = "ground") -> dict[str, Any]:
    return {f"{one['kind']}:{one['name']}": one for one in site.api.get(f"/plans/{name}")["placements"]}


def test_states_are_shown_where_they_stand(open_desk: Callable[..., Desk], site: Any, ground: str) -> None:
    desk = open_desk("guard", page="plan")
    lobby = thing(desk, "portal:lobby")
    desk.find('[aria-label="Portal lobby: shut"]').wait_for()
    assert lobby.locator(".symbol text").text_content() == "S"
    assert thing(desk, "zone:lab").locator(".zone-count").text_content().isdecimal()
    site.api.call("PUT", "/portals/lobby/mode", json={"mode": "locked"})
    desk.find(".thing.kind-portal.locked[data-portal=lobby]").wait_for()
    assert lobby.locator(".symbol text").text_content() == "L"
    site.api.call("PUT", "/portals/lobby/mode", json={"mode": "normal"})
    desk.find('[aria-label="Portal lobby: shut"]').wait_for()


def test_a_symbol_opens_its_panel_by_keyboard_and_by_pointer(
    open_desk: Callable[..., Desk], site: Any, ground: str, wait_for: Callable[..., Any]
) -> None:
    before = site.head()
    site.show("lobby", UNKNOWN_CARD)
    wait_for(lambda: [e for e in site.api.get("/events", after=before) if e["kind"] == "access_denied"], "a denial")
    desk = open_desk("guard", page="plan/ground")
    hit(desk, "portal:lobby").focus()
    desk.page.keyboard.press("ArrowRight")
    assert desk.page.evaluate("document.activeElement.closest('[data-thing]').dataset.thing") == "device:lobby-gate"
    desk.page.keyboard.press("ArrowLeft")
    desk.page.keyboard.press("Enter")
    desk.find("#thing-title:focus").wait_for()
    assert desk.find("#thing-title").inner_text() == "lobby"
    desk.find(".plan-events .bad").first.wait_for()
    assert 0 < desk.find(".plan-events li").count() <= 10
    desk.find(".plan-panel [data-mode]").click()
    desk.find("[data-confirm]").wait_for()
    desk.page.keyboard.press("Escape")
    desk.page.keyboard.press("Escape")
    desk.find(".plan-panel").wait_for(state="detached")
    assert desk.page.evaluate("document.activeElement.closest('[data-thing]').dataset.thing") == "portal:lobby"
    hit(desk, "zone:lab").click()
    assert desk.find("#thing-title").inner_text() == "lab"


def scale(desk: Desk) -> float:
    return float(desk.find(".plan-board img").evaluate("image => image.getBoundingClientRect().width"))


def test_the_drawing_is_zoomed_and_moved_by_buttons_keys_and_wheel(open_desk: Callable[..., Desk], ground: str) -> None:
    desk = open_desk("guard", page="plan")
    thing(desk, "portal:lobby").wait_for()
    whole = scale(desk)
    desk.find("[data-zoom-in]").click()
    closer = scale(desk)
    assert closer > whole * 1.2
    desk.find(".plan-board").focus()
    desk.page.keyboard.press("+")
    assert scale(desk) > closer
    desk.find("[data-whole]").click()
    assert scale(desk) == pytest.approx(whole, rel=0.01)
    box = desk.find(".plan-board").bounding_box()
    desk.page.mouse.move(box["x"] + 200, box["y"] + 200)
    at = thing(desk, "portal:lobby").bounding_box()["x"]
    desk.page.mouse.wheel(0, -400)
    desk.page.wait_for_timeout(50)
    assert scale(desk) > whole * 1.2
    desk.find("[data-whole]").click()
    desk.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    desk.page.mouse.down()
    desk.page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + 20, steps=4)
    desk.page.mouse.up()
    assert thing(desk, "portal:lobby").bounding_box()["x"] == pytest.approx(at + 60, abs=2)


def saved(desk: Desk) -> None:
    desk.find('[data-saving="saved"]').wait_for()


def test_a_technician_adds_a_plan_and_places_things(
    open_desk: Callable[..., Desk], site: Any, wait_for: Callable[..., Any]
) -> None:
    desk = open_desk("technician", page="plan")
    desk.find("[data-upload]").wait_for()
    desk.find("[name=plan-name]").fill("<img src=x onerror=alert(1)>")
    desk.find("[name=plan-picture]").set_input_files(
        {"name": "Upper Floor.svg", "mimeType": "image/svg+xml", "buffer": DRAWING.encode()}
    )
    desk.find("[data-upload]").click()
    desk.find("#plan-name-error").wait_for()
    desk.find("[name=plan-name]").fill("upper")
    desk.find("[data-upload]").click()
    desk.find(".plan-board img").wait_for()
    assert desk.page.url.endswith("#/plan/upper")
    desk.find("[data-edit]").click()
    desk.find("[data-add]").select_option("portal:lobby")
    saved(desk)
    lobby = hit(desk, "portal:lobby")
    at = stored(site, "upper")["portal:lobby"]
    assert (at["x"], at["y"]) == (pytest.approx(50, abs=1), pytest.approx(50, abs=1))
    lobby.focus()
    for _ in range(4):
        desk.page.keyboard.press("ArrowRight")
    desk.page.keyboard.press("r")
    wait_for(lambda: stored(site, "upper")["portal:lobby"]["rotation"] == 15, "the rotation")
    assert stored(site, "upper")["portal:lobby"]["x"] == pytest.approx(at["x"] + 2, abs=0.02)
    desk.page.keyboard.press("Control+z")
    desk.page.keyboard.press("Control+z")
    wait_for(lambda: stored(site, "upper")["portal:lobby"] == at, "the undone steps")
    desk.find("[data-redo]").click()
    wait_for(lambda: stored(site, "upper")["portal:lobby"]["x"] != at["x"], "the step that was made again")
    desk.find("[data-add]").select_option("zone:lab")
    wait_for(lambda: "zone:lab" in stored(site, "upper"), "the zone")
    assert len(stored(site, "upper")["zone:lab"]["points"]) == 4
    desk.find('[data-corner="0"]').focus()
    desk.page.keyboard.press("Shift+ArrowLeft")
    desk.find("[data-corner-add]").click()
    wait_for(lambda: len(stored(site, "upper")["zone:lab"]["points"]) == 5, "the corner")
    desk.find("[data-take-off]").click()
    wait_for(lambda: "zone:lab" not in stored(site, "upper"), "the zone to be off")
    desk.find("[data-remove-plan]").click()
    desk.find("[data-confirm]").click()
    desk.find("[data-upload]").wait_for()
    assert site.api.get("/plans") == []


def test_things_are_dragged(
    open_desk: Callable[..., Desk], site: Any, ground: str, wait_for: Callable[..., Any]
) -> None:
    desk = open_desk("technician", page="plan")
    desk.find("[data-edit]").click()
    box = thing(desk, "portal:lab-door").locator(".halo").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    desk.page.mouse.move(x, y)
    desk.page.mouse.down()
    desk.page.mouse.move(x - 100, y + 40, steps=5)
    desk.page.mouse.up()
    wait_for(lambda: stored(site)["portal:lab-door"]["x"] < 69, "the moved door")
    assert stored(site)["portal:lab-door"]["y"] > 51
    saved(desk)
    desk.find("[data-undo]").click()
    wait_for(lambda: stored(site)["portal:lab-door"] == PLACED[2], "the undone drag")


def test_two_editors_do_not_overwrite_each_other(
    open_desk: Callable[..., Desk], site: Any, ground: str, wait_for: Callable[..., Any]
) -> None:
    desk = open_desk("technician", page="plan")
    desk.find("[data-edit]").click()
    thing(desk, "portal:lobby").wait_for()
    place(site, "ground", PLACED[:2])
    hit(desk, "portal:lobby").focus()
    desk.page.keyboard.press("ArrowRight")
    desk.find(".said.bad").wait_for()
    assert "Someone else has changed this plan" in desk.find(".said").inner_text()
    thing(desk, "portal:lab-door").wait_for(state="detached")
    assert stored(site)["portal:lobby"] == PLACED[0]
    desk.page.keyboard.press("ArrowRight")
    wait_for(lambda: stored(site)["portal:lobby"]["x"] == 4.0, "the repeated change")


def test_old_states_are_not_shown_as_live(open_desk: Callable[..., Desk], site: Any, ground: str) -> None:
    desk = open_desk("guard", page="plan")
    desk.find('[aria-label="Portal lobby: shut"]').wait_for()
    pause(site)
    try:
        desk.find("[data-stale]").wait_for()
        assert desk.find(".thing:not(.stale)").count() == 0
        assert "not known since" in hit(desk, "portal:lobby").get_attribute("aria-label")
        assert thing(desk, "portal:lobby").locator(".symbol text").text_content() == "?"
    finally:
        go_on(site)
    desk.find('[aria-label="Portal lobby: shut"]').wait_for()
    assert desk.find("[data-stale]").count() == 0


# A stream of 200 portals, of which 20 change each second, in place of the daemon's; `deskChanges` counts them.
CHANGING = """
const names = Array.from({ length: 200 }, (_, at) => `door-${at}`);
const state = (name, state) => ({ name, mode: "normal", effective_mode: "normal", state, door: null });
const message = (data) => `event: state\\ndata: ${JSON.stringify(data)}\\n\\n`;
const fetched = window.fetch.bind(window);
window.deskRate = 0;
window.deskChanges = 0;
window.fetch = async (url, options) => {
  if (!String(url).includes("/events/stream")) return fetched(url, options);
  const encoder = new TextEncoder();
  const body = new ReadableStream({ start(out) {
    const whole = Object.fromEntries(names.map((name) => [name, state(name, "idle")]));
    out.enqueue(encoder.encode(message({ whole: true, portals: whole, devices: {}, zones: {} })));
    setInterval(() => {
      const name = names[Math.floor(Math.random() * names.length)];
      const one = ["idle", "released", "passing"][window.deskChanges % 3];
      const portals = window.deskRate > 0 ? { [name]: state(name, one) } : {};
      if (window.deskRate > 0) window.deskChanges += 1;
      out.enqueue(encoder.encode(message({ whole: false, portals })));
    }, 50);
  } });
  return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
};
"""
FRAMES = """async (rate) => {
  window.deskRate = rate;
  window.deskChanges = 0;
  const began = performance.now();
  let frames = 0;
  while (performance.now() - began < 3000) { await new Promise(requestAnimationFrame); frames += 1; }
  return [frames / (performance.now() - began) * 1000, window.deskChanges];
}"""


def test_two_hundred_symbols_change_and_frames_go_on(
    open_desk: Callable[..., Desk], ground: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = open_desk("guard", page="live")
    desk.find("[data-portal]").first.wait_for()
    many = [
        {"kind": "portal", "name": f"door-{at}", "x": at % 20 * 5 + 2, "y": at // 20 * 9 + 5, "rotation": 0}
        for at in range(200)
    ]
    picture = {"type": "image/svg+xml", "width": 1200, "height": 760, "sha256": "0" * 64}
    plan = {"name": "ground", "revision": 9, "picture": picture, "placements": many}
    desk.page.route("**/api/v1/plans/ground", lambda route: route.fulfill(json=plan))
    desk.page.add_init_script(CHANGING)
    desk.visit("plan")
    desk.page.reload()
    desk.find('[aria-label="Portal door-199: shut"]').wait_for()
    assert desk.find("[data-thing]").count() == 200
    idle, none = desk.page.evaluate(FRAMES, 0)
    busy, changes = desk.page.evaluate(FRAMES, 20)
    with capsys.disabled():
        print(f"\nplan: {idle:.0f} frames/s at rest, {busy:.0f} with {changes / 3:.0f} changes/s of 200 symbols")
    assert (none, changes > 20) == (0, True)
    assert busy >= idle / 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_desk: Callable[..., Desk], ground: str, theme: str) -> None:
    desk = open_desk("admin", page="plan", color_scheme=theme)
    hit(desk, "portal:lobby").press("Enter")
    desk.find("#thing-title").wait_for()
    assert desk.findings() == []
    desk.find("[data-edit]").click()
    desk.find("[data-replace]").click()
    desk.find("[data-upload]").wait_for()
    hit(desk, "zone:lab").press("Enter")
    desk.find("[data-corner]").first.wait_for()
    assert desk.findings() == []


def test_nothing_is_wider_than_the_window(open_desk: Callable[..., Desk], ground: str) -> None:
    desk = open_desk("admin", page="plan", locale="kk-KZ")
    hit(desk, "portal:lobby").press("Enter")
    desk.find("[data-edit]").click()
    for width in (360, 768, 1280, 3840):
        desk.page.set_viewport_size({"width": width, "height": 800})
        assert desk.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
        assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, width


@pytest.mark.skipif("DEVICEMGR_WRITE_DESK" not in os.environ, reason="DEVICEMGR_WRITE_DESK=1 writes docs/desk/")
def test_pictures_of_the_plan(open_desk: Callable[..., Desk], site: Any, ground: str) -> None:
    site.show("lobby", HOLDERS[0].card)
    for name, role, options in (
        ("plan", "guard", {"viewport": {"width": 1280, "height": 800}}),
        ("plan-edit", "technician", {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"}),
    ):
        desk = open_desk(role, page="plan", **options)
        if role == "technician":
            desk.find("[data-edit]").click()
        hit(desk, "portal:lobby" if role == "guard" else "portal:lab-door").press("Enter")
        desk.find("#thing-title").wait_for()
        save(desk, name)
