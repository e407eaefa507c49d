"""Devices: a technician finds, adds, tests and removes a simulated camera; each part looks well everywhere."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from drivers.sim.onvif.simulator import SimulatedOnvif
from tests.support.browser import Desk

HOST = f"127.39.{os.getpid() % 250}.2"
HOSTILE = "<img src=x onerror=alert(1)>\"'`${7*7}{{7*7}}"


@pytest.fixture
def camera() -> Iterator[SimulatedOnvif]:
    with SimulatedOnvif(host=HOST, discovery_port=3702) as found:
        yield found


@pytest.fixture
def added(site: Any, camera: SimulatedOnvif) -> Iterator[str]:
    """The camera as a device of the site."""
    body = {"name": "aimed", "driver": "onvif_camera", "address": camera.address, "username": "admin"}
    site.api.post("/devices", body | {"password": "admin"})
    yield "aimed"
    site.api.call("DELETE", "/devices/aimed")


def test_a_technician_finds_adds_tests_and_removes_a_camera(
    open_desk: Callable[..., Desk], site: Any, camera: SimulatedOnvif, wait_for: Callable[..., Any]
) -> None:
    desk = open_desk("technician", page="devices")
    desk.find("[data-find]").click()
    desk.find("textarea[name=hosts]").fill(HOST)
    desk.find("input[name=seconds]").fill("1")
    desk.find("[data-search-now]").click()
    row = desk.find(f"tr[data-row*='{camera.base}']")
    row.locator("[data-choose]").click()
    desk.find("input[name=device]").fill("found-cam")
    desk.find("input[name=user]").fill("admin")
    desk.find("input[name=secret]").fill("admin")
    desk.find("[data-save]").click()
    desk.find("[data-test]").wait_for()
    assert desk.page.url.endswith("#/devices/found-cam")
    shown = site.api.get("/devices/found-cam")
    assert (shown["driver"], shown["has_password"]) == ("onvif_camera", True)
    desk.find("[data-test]").click()
    desk.find("[data-tested]").wait_for()
    desk.find("[data-identify]").click()
    assert "SIM" in desk.find("[data-identity]").inner_text()
    desk.page.go_back()
    desk.find("input[name=device]").wait_for()
    assert desk.find("input[name=secret]").input_value() == ""
    desk.visit("devices/found-cam?part=edit")
    desk.find("[data-remove]").click()
    desk.find("input[name=typed]").fill("found-cam")
    desk.find("[data-confirm]").click()
    wait_for(lambda: "found-cam" not in [one["name"] for one in site.api.get("/devices")], "the removal")
    desk.find("[data-find]").wait_for()


def test_a_search_is_canceled_and_found_again_after_a_reload(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("technician", page="devices?part=find")
    desk.find("input[name=seconds]").fill("60")
    desk.find("[data-search-now]").click()
    desk.find("[data-cancel-job]").wait_for()
    desk.page.reload()
    desk.find("[data-cancel-job]").click()
    desk.find(".outcome.unknown").wait_for()
    desk.find("[data-search-now]:enabled").wait_for()


def test_a_picture_is_shown_and_forgotten(open_desk: Callable[..., Desk], site: Any, added: str) -> None:
    desk = open_desk("technician", page=f"devices/{added}?part=look")
    desk.find("[data-snapshot]").click()
    picture = desk.find("figure img")
    picture.wait_for()
    assert picture.get_attribute("src").startswith("blob:")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    answer = [url for url in desk.requests if url.endswith("/snapshot")]
    assert len(answer) == 1
    assert site.api.get("/events", kind="admin.device_snapshot_taken")[-1]["detail"]["device"] == added
    desk.find("[data-forget]").click()
    picture.wait_for(state="detached")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_part_looks_well(open_desk: Callable[..., Desk], added: str, theme: str) -> None:
    desk = open_desk("technician", page=f"devices/{added}", color_scheme=theme, locale="kk-KZ")
    for page, there in (
        (f"devices/{added}", "[data-test]"),
        (f"devices/{added}?part=setup", ".devices .panel"),
        (f"devices/{added}?part=look", "[data-snapshot]"),
        (f"devices/{added}?part=edit", "[data-remove]"),
        ("devices/lobby-gate?part=trace", "[data-follow]"),
        ("devices?part=find", "[data-search-now]"),
        ("devices?part=add&kind=onvif_camera&address=https://192.0.2.1", "[data-certificate]"),
    ):
        desk.visit(page)
        desk.find(there).first.wait_for()
        assert desk.findings() == [], page
        for width in (360, 768, 1280, 3840):
            desk.page.set_viewport_size({"width": width, "height": 800})
            assert desk.find("main#main").evaluate("main => main.scrollWidth - main.clientWidth") <= 0, (page, width)


def test_the_trace_of_a_line_is_followed_and_stopped(open_desk: Callable[..., Desk], site: Any) -> None:
    desk = open_desk("technician", page="devices/lobby-gate?part=trace")
    desk.find("[data-follow]").click()
    desk.find(".bytes tbody tr").nth(3).wait_for()
    desk.find("[data-stop]").click()
    desk.find("[data-follow]").wait_for()
    href = desk.find("[data-download]").get_attribute("href")
    assert desk.context.request.get(site.address.rstrip("/") + href).json()["trace"]


def test_an_auditor_looks_and_changes_nothing(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("auditor", page="devices/lobby-gate")
    desk.find(".facts").first.wait_for()
    for button in ("[data-test]", "[data-identify]", "[data-restart]", '[data-tab="edit"]', '[data-tab="trace"]'):
        assert desk.find(button).count() == 0, button


def test_hostile_text_stays_text(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("technician", page=f"devices?part=add&address={'x'}")
    desk.find("input[name=address]").fill(HOSTILE)
    desk.find("input[name=device]").fill(HOSTILE)
    desk.find("select[name=driver]").select_option("onvif_camera")
    desk.find("[data-save]").click()
    desk.find(".outcome.refused").wait_for()
    desk.visit("devices?part=add&options=%7B%22unit%22%3A%22%3Cb%3E%22%7D")
    desk.visit(f"devices/{'%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E'}")
    desk.find(".trouble").wait_for()
