"""kill -9 while cameras are set up: the same command again finishes, and no camera is locked out."""

import dataclasses
import os
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from devicemgr.cli.transport.api_client import daemon_answers
from devicemgr.domain.model import DeviceConfig
from devicemgr.store.database import Database
from devicemgr.store.site import devices as device_store, provisioning
from devicemgr.vault import Vault
from drivers import Catalog
from drivers.sim.onvif.simulator import SimulatedOnvif

MANY = int(os.environ.get("DEVICEMGR_CAMERAS", "200"))
PROFILE = {
    "hostname": "{name}",
    "ntp": ["192.0.2.1"],
    "time_zone": "<+05>-5",
    "discovery": False,
    "https": True,
    "users": [{"name": "viewer", "role": "operator"}],
    "replace_default_password": True,
    "stream": {"codec": "h264", "width": 1280, "height": 720, "fps": 10, "gop": 20},
    "osd": {"text": "At {name}"},
}
# What a camera is told for it: SetNTP, SetSystemDateAndTime twice, the encoder, the text, SetHostname, discovery,
# CreateUsers, SetUser, SetNetworkProtocols.
WRITES = 10

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def parts(parts):
    """The real kinds."""
    return dataclasses.replace(parts, catalog=Catalog())


class Fleet:
    """Simulated cameras that a home knows with the password of the factory and one profile."""

    def __init__(self, home, cli, count):
        self.cli = cli
        self.stack = ExitStack()
        self.cameras = [self.stack.enter_context(SimulatedOnvif()) for _ in range(count)]
        self.database, self.vault = Database.open(home.database), Vault.load(home.key)
        with self.database.write() as session:
            provisioning.save(session, "cameras", PROFILE)
            for number, camera in enumerate(self.cameras):
                config = DeviceConfig("", f"cam-{number:03}", "onvif_camera", camera.address, "admin", "admin")
                device_store.add_device(session, self.vault, config).profile = "cameras"

    @property
    def writes(self):
        return sum(camera.writes for camera in self.cameras)

    def begin(self):
        """Set all of them up, in another process."""
        return started("device", "provision", "--all", "--json")

    def wait_for(self, running, writes):
        """Until the cameras were told so much since."""
        while self.writes < writes:
            assert running.poll() is None, running.stderr.read()[-2000:]
            time.sleep(0.002)

    def locked_out(self):
        """The cameras that take neither password that is kept, and those whose vault is not told yet."""
        lost, late = [], []
        with self.database.read() as session:
            for row, camera in zip(device_store.devices(session), self.cameras, strict=True):
                has = camera.state.users["admin"].password
                made = provisioning.secret(session, self.vault, row.id, "")
                if has != device_store.device_config(row, self.vault).password:
                    late.append(row.name)
                    lost += [] if made is not None and made.password == has else [row.name]
        return lost, late

    def users_that_differ(self):
        with self.database.read() as session:
            rows = zip(device_store.devices(session), self.cameras, strict=True)
            kept = [(provisioning.secret(session, self.vault, row.id, "viewer"), camera) for row, camera in rows]
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
        plan = self.cli("device", "provision", "--all", "--plan", "--json")
        assert plan.code == 0, plan.err
        assert self.writes == before, "a plan touches nothing"

    def close(self):
        self.database.close()
        self.stack.close()


def started(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def fleet(home, cli):
    made = []

    def make(count):
        made.append(Fleet(home, cli, count))
        return made[-1]

    yield make
    for one in made:
        one.close()


def kill_and_run_again(fleet, shares):
    """Killed at each share of all that is to be told; then it ends. What happened, in words."""
    said, whole = [], WRITES * len(fleet.cameras)
    for share in shares:
        running = fleet.begin()
        fleet.wait_for(running, share * whole)
        running.kill()
        running.communicate()
        assert running.returncode == -9
        lost, late = fleet.locked_out()
        assert lost == []
        said.append(f"killed after {fleet.writes} of {whole} writes; {len(late)} passwords were not settled")
    began = time.monotonic()
    ran = fleet.cli("device", "provision", "--all", "--json")
    assert ran.code == 0, ran.err
    return [*said, f"the rest took {time.monotonic() - began:.1f} s"]


def test_a_killed_run_is_gone_on_with(fleet, cli):
    found = fleet(6)
    kill_and_run_again(found, (0.7,))
    found.check_done()
    assert cli("audit", "verify").code == 0
    phases = [e["detail"]["phase"] for e in cli("events", "--kind", "admin.device_provisioned", "--json").lines]
    assert phases.count("ended") >= 6


@pytest.mark.parametrize("operation", ["SetUser", pytest.param("CreateUsers", marks=pytest.mark.faults)])
def test_killed_when_a_password_was_just_taken(fleet, cli, operation):
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
    assert cli("device", "show", "cam-000", "--json").json["provisioned"]["phase"] == "running"
    assert cli("device", "provision", "cam-000").code == 0
    found.check_done()
    events = cli("events", "--kind", "admin.device_provisioned", "--json").lines
    begun = [event["detail"] for event in events if event["detail"]["phase"] == "begun"]
    assert [detail.get("resumed") for detail in begun] == [None, True]


@pytest.mark.faults
def test_a_killed_daemon_is_gone_on_with(fleet, cli, home):
    found = fleet(4)
    daemon = _daemon(home)
    running = found.begin()
    found.wait_for(running, 0.6 * WRITES * len(found.cameras))
    daemon.kill()
    daemon.communicate()
    _, words = running.communicate(timeout=60)
    assert running.returncode == 3
    assert "run the same command again" in words.splitlines()[-1]
    assert found.locked_out()[0] == []
    daemon = _daemon(home)
    again = started("device", "provision", "--all")
    assert again.communicate(timeout=120) is not None
    assert again.returncode == 0
    online = _online(cli, len(found.cameras))
    daemon.terminate()
    daemon.communicate()
    assert online, "the daemon goes on with the new passwords by itself"
    found.check_done()


def _daemon(home):
    running = started("run")
    until = time.monotonic() + 60
    while not daemon_answers(home):
        assert running.poll() is None, running.stderr.read()[-2000:]
        assert time.monotonic() < until
        time.sleep(0.05)
    return running


def _online(cli, count):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        states = [device["state"] for device in cli("status", "--json").json["devices"]]
        if len([state for state in states if state in ("online", "degraded")]) == count:
            return True
        time.sleep(0.2)
    return False


@pytest.mark.faults
def test_two_hundred_cameras(fleet, capsys):
    found = fleet(MANY)
    said = kill_and_run_again(found, (0.1, 0.3, 0.5, 0.7, 0.9))
    found.check_done()
    said.append(f"{found.writes} writes in all, {WRITES * MANY} needed; no camera locked out, the plan is empty")
    with capsys.disabled():
        print("", f"{MANY} cameras", *said, sep="\n")
