"""kill -9 while cameras are set up: the same command again finishes, and no camera is locked out."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from devicemgr.model import DeviceConfig
from devicemgr.store import places, profiles
from devicemgr.store.database import Database
from devicemgr.vault import Vault
from drivers._sim.onvif.simulator import SimulatedOnvif

MANY = int(os.environ.get("DEVICEMGR_CAMERAS", "200"))
PROFILE = {
    "hostname": "{name}", "ntp": ["192.0.2.1"], "time_zone": "<+05>-5", "discovery": False, "https": True,
    "users": [{"name": "viewer", "role": "operator"}], "replace_default_password": True,
    "stream": {"codec": "h264", "width": 1280, "height": 720, "fps": 10, "gop": 20}, "osd": {"text": "At {name}"},
}  # fmt: skip
# What a camera is told for it: SetNTP, SetSystemDateAndTime twice, the encoder, the text, SetHostname, discovery,
# CreateUsers, SetUser, SetNetworkProtocols.
WRITES = 10

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


class Fleet:
    """Simulated cameras that a home knows with the password of the factory and one profile."""

    def __init__(self, box, count):
        self.box = box
        self.stack = ExitStack()
        self.cameras = [self.stack.enter_context(SimulatedOnvif()) for _ in range(count)]
        self.database, self.vault = Database.open(box.home.database), Vault.load(box.home.key)
        with self.database.write() as session:
            profiles.save(session, "cameras", PROFILE)
            for number, camera in enumerate(self.cameras):
                config = DeviceConfig("", f"cam-{number:03}", "onvif_camera", camera.address, "admin", "admin")
                places.add_device(session, self.vault, config).profile = "cameras"

    @property
    def writes(self):
        return sum(camera.writes for camera in self.cameras)

    def begin(self):
        """Set all of them up, in another process."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "device", "provision", "--all", "--json"], env=self.box.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_for(self, running, writes):
        """Until the cameras were told so much since."""
        while self.writes < writes:
            assert running.poll() is None, running.stderr.read()[-2000:]
            time.sleep(0.002)

    def locked_out(self):
        """The cameras that take neither password that is kept, and those whose vault is not told yet."""
        lost, late = [], []
        with self.database.read() as session:
            for row, camera in zip(places.devices(session), self.cameras, strict=True):
                has = camera.state.users["admin"].password
                made = profiles.secret(session, self.vault, row.id, "")
                if has != places.device_config(row, self.vault).password:
                    late.append(row.name)
                    lost += [] if made is not None and made.password == has else [row.name]
        return lost, late

    def users_that_differ(self):
        with self.database.read() as session:
            rows = zip(places.devices(session), self.cameras, strict=True)
            kept = [(profiles.secret(session, self.vault, row.id, "viewer"), camera) for row, camera in rows]
        return [camera for made, camera in kept if made.password != camera.state.users["viewer"].password]

    def check_done(self):
        """Each camera is as the profile says, by passwords of its own that are in the vault."""
        assert self.locked_out() == ([], [])
        assert self.users_that_differ() == []
        states = [camera.state for camera in self.cameras]
        assert len({state.users["admin"].password for state in states}) == len(states)
        assert [state.hostname for state in states] == [f"cam-{number:03}" for number in range(len(states))]
        assert {state.discovery for state in states} == {"NonDiscoverable"}
        assert {state.encoders[0].fps for state in states} == {10.0}
        assert all(state.protocols["HTTPS"][0] for state in states)
        before = self.writes
        assert all(device["ok"] for device in self.box.cli("device", "provision", "--all", "--plan")["devices"])
        assert self.writes == before, "a plan touches nothing"

    def close(self):
        self.database.close()
        self.stack.close()


@pytest.fixture
def fleet(box):
    made = []

    def make(count):
        made.append(Fleet(box, count))
        return made[-1]

    yield make
    for one in made:
        one.close()


def kill_and_run_again(fleet, shares):
    """Killed at each share of all that is to be told; then it ends. How often it was killed in the middle."""
    whole = WRITES * len(fleet.cameras)
    for share in shares:
        running = fleet.begin()
        fleet.wait_for(running, share * whole)
        running.kill()
        running.communicate()
        assert running.returncode == -9
        lost, late = fleet.locked_out()
        assert lost == []
        print(f"killed after {fleet.writes} of {whole} writes; {len(late)} cameras had a password that was not settled")
    began = time.monotonic()
    running = fleet.begin()
    told, words = running.communicate(timeout=600)
    assert running.returncode == 0, told[-2000:] + words[-2000:]
    print(f"the rest took {time.monotonic() - began:.1f} s")


def test_a_killed_run_is_gone_on_with(fleet, capsys):
    found = fleet(6)
    kill_and_run_again(found, (0.25, 0.75))
    found.check_done()
    box = found.box
    assert box.cli("audit", "verify")["ok"]
    phases = [e["detail"]["phase"] for e in box.events_of("admin.device_provisioned")]
    assert phases.count("ended") >= 6


@pytest.mark.parametrize("operation", ["SetUser", "CreateUsers"])
def test_killed_when_a_password_was_just_taken(fleet, operation):
    found = fleet(1)
    (camera,) = found.cameras
    running = found.begin()
    real, killed = camera.perform, []

    def perform(request, path, user):
        answer = real(request, path, user)
        if request.name == operation and not killed:
            running.kill()
            running.wait()
            killed.append(operation)
        return answer

    camera.perform = perform
    running.communicate()
    assert (running.returncode, killed) == (-9, [operation])
    lost, late = found.locked_out()
    assert (lost, late) == ([], ["cam-000"] if operation == "SetUser" else [])
    assert found.box.cli("device", "show", "cam-000")["provisioned"]["phase"] == "running"
    done = found.box.cli("device", "provision", "cam-000")
    assert done["devices"][0]["ok"]
    found.check_done()
    begun = [e["detail"] for e in found.box.events_of("admin.device_provisioned") if e["detail"]["phase"] == "begun"]
    assert [e.get("resumed") for e in begun][-1] is True


def test_a_killed_daemon_is_gone_on_with(fleet):
    found = fleet(4)
    box = found.box
    box.start()
    running = found.begin()
    found.wait_for(running, 0.6 * WRITES * len(found.cameras))
    box.kill()
    _, words = running.communicate(timeout=60)
    assert running.returncode == 3
    assert "run the same command again" in words.splitlines()[-1]
    assert found.locked_out()[0] == []
    box.start()
    again = box.cli("device", "provision", "--all")
    assert all(device["ok"] for device in again["devices"])
    found.check_done()


@pytest.mark.faults
def test_two_hundred_cameras(fleet, capsys):
    found = fleet(MANY)
    with capsys.disabled():
        print(f"\n{MANY} cameras")
        kill_and_run_again(found, (0.1, 0.3, 0.5, 0.7, 0.9))
        found.check_done()
        print(f"{found.writes} writes in all, {WRITES * MANY} needed; no camera locked out, the plan is empty")
