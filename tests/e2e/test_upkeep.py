"""A technician's commands on devices that a running daemon holds: it lets go, comes back, and tells the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from drivers.sim.hikvision.server import PASSWORD, SimulatedHikvision
from drivers.sim.onvif.simulator import SimulatedOnvif

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
NEW = b"SIMULATED V9.9.9\n" + bytes(200_000)


@pytest.mark.parametrize(
    ("kind", "simulated", "password", "before", "after"),
    [
        ("onvif_camera", SimulatedOnvif, "admin", "1.0.0", "V9.9.9"),
        ("hikvision_console", SimulatedHikvision, PASSWORD, "V3.2.30 build 260101", "V9.9.9 build 260101"),
    ],
)
def test_reboot_picture_record_and_firmware(
    box: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    simulated: Any,
    password: str,
    before: str,
    after: str,
) -> None:
    # Away for longer than it takes to look, on a busy box too.
    monkeypatch.setattr(SimulatedOnvif.reboot, "__defaults__", (3.0,))
    with simulated() as sim:
        sim.down_seconds = 3.0
        box.start()
        device = {"name": "dev", "driver": kind, "address": sim.address, "username": "admin", "password": password}
        box.api().post("/devices", device)
        online = box.wait_for_event("device_online")

        (row,) = box.cli("device", "inventory")
        assert (row["firmware"], row["error"]) == (before, None)
        picture = tmp_path / "view.jpg"
        assert box.cli("device", "snapshot", "dev", str(picture))["bytes"] == picture.stat().st_size
        assert picture.read_bytes()[:2] == b"\xff\xd8"
        written = tmp_path / "dev.json"
        box.cli("device", "record", "dev", str(written))
        assert json.loads(written.read_text())["device"]["firmware"] == before

        back = box.cli("device", "reboot", "dev", "--yes")
        assert (back["outcome"], back["was_away"]) == ("confirmed", True)
        sim.events.wait_for("booted")
        box.wait_for_event("device_offline", after=online["seq"])
        offline = box.events(kind="device_offline")[-1]
        online = box.wait_for_event("device_online", after=offline["seq"])

        file = tmp_path / "new.bin"
        file.write_bytes(NEW)
        told = box.cli("device", "firmware", "dev", str(file), "--yes")
        assert (told["before"], told["after"]) == (before, after)
        box.wait_for_event("device_online", after=online["seq"])
        (row,) = box.cli("device", "inventory")
        assert row["firmware"] == after
        actors = {event["kind"] for event in box.events() if event["kind"].startswith("admin.device_")}
        assert {
            "admin.device_rebooted",
            "admin.device_snapshot_taken",
            "admin.device_recorded",
            "admin.device_firmware",
        } <= actors
        assert [name for name in (box.home.path).iterdir() if name.name.startswith(".firmware")] == []
        assert box.stop() == 0
