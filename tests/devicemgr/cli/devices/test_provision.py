"""`device provision` by a profile against simulated ONVIF devices: planned, applied, read back, never locked out."""

import dataclasses
import tomllib

import pytest

from devicemgr.domain.device_profile import Profile
from devicemgr.domain.model import DeviceConfig
from devicemgr.provisioning.provisioner import Provisioning
from devicemgr.store.site import devices as device_store, provisioning
from drivers import Catalog
from drivers.sim.onvif.simulator import SimulatedOnvif

pytestmark = pytest.mark.usefixtures("home")

PROFILE = """
[profiles.cameras]
hostname = "{name}"
ntp = ["192.0.2.1"]
time_zone = "<+05>-5"
discovery = "off"
https = true
users = [{ name = "viewer", role = "operator" }]
replace_default_password = true
stream = { codec = "h264", width = 1280, height = 720, fps = 10, gop = 20 }
osd = { text = "At {name}", clock = "on" }

[profiles.named]
hostname = "{name}"
users = [{ name = "viewer" }]

[profiles.login]
replace_default_password = true
discovery = "off"
"""
ALL = {
    "ntp",
    "time_zone",
    "stream",
    "osd_text",
    "osd_clock",
    "hostname",
    "discovery",
    "user viewer",
    "password",
    "https",
}


@pytest.fixture
def parts(parts):
    """The real kinds."""
    return dataclasses.replace(parts, catalog=Catalog())


@pytest.fixture
def camera():
    with SimulatedOnvif() as made:
        yield made


@pytest.fixture
def add(site):
    """add(device, name, profile) makes it known with the factory's password, and describes the profiles."""

    def make(device, name="cam-1", profile="cameras", **stream):
        with site.database.write() as session:
            for known, stated in tomllib.loads(PROFILE)["profiles"].items():
                wanted = stated | ({"stream": stated["stream"] | stream} if stream else {})
                provisioning.save(session, known, Profile.model_validate(wanted).stated())
                stream = {}
            config = DeviceConfig("", name, "onvif_camera", device.address, "admin", "admin")
            device_store.add_device(session, site.vault, config).profile = profile

    return make


@pytest.fixture
def file(done, tmp_path, camera):
    """The site's file, put in force."""
    path = tmp_path / "site.toml"
    path.write_text(
        f'{PROFILE}\n[devices.cam-1]\ndriver = "onvif_camera"\naddress = "{camera.address}"\nprofile = "cameras"\n'
    )
    done("apply", path)
    return path


@pytest.fixture
def vault(site):
    """vault(name) is the device's password, vault(name, user) one that was made here."""

    def read(name, user=None):
        with site.database.read() as session:
            row = device_store.device(session, name)
            if user is None:
                return device_store.device_config(row, site.vault).password
            return provisioning.secret(session, site.vault, row.id, user)

    return read


@pytest.fixture
def trail(cli):
    """What the record says of setting up."""
    return lambda: [
        {key: value for key, value in event["detail"].items() if key not in ("device", "cause")}
        for event in cli("events", "--kind", "admin.device_provisioned", "--json").lines
    ]


def outcomes(ran):
    (device,) = ran.json["devices"]
    return {step["step"]: step["outcome"] for step in device["steps"]}


def test_a_profile_in_the_sites_file_goes_round_and_is_used_once(file, cli, done):
    assert done("apply", file)["changes"] == []
    assert done("device", "show", "cam-1")["profile"] == "cameras"
    exported = cli("export").out
    assert cli("apply", file, "--plan").code == 0
    (file.parent / "again.toml").write_text(exported)
    assert cli("apply", file.parent / "again.toml", "--plan").code == 0
    text = file.read_text().replace('profile = "cameras"', 'profile = "other"')
    file.write_text(text)
    assert "no profile 'other'" in cli("apply", file).error
    file.write_text(text.replace('profile = "other"', "").replace("[profiles.cameras]", "[profiles.new]"))
    assert done("apply", file, "--prune", "--yes")["changes"]
    assert done("device", "show", "cam-1")["profile"] is None
    kinds = [event["kind"] for event in cli("events", "--json").lines]
    assert {"admin.profile_added", "admin.profile_removed"} <= set(kinds)


def test_a_profile_that_is_used_is_not_removed(file, cli):
    file.write_text("[profiles]\n")
    assert "has the profile" in cli("apply", file, "--prune", "--yes").error


def test_a_plan_touches_nothing_and_apply_empties_it(camera, add, cli, done, vault, trail):
    add(camera)
    plan = cli("device", "provision", "cam-1", "--plan", "--json")
    assert plan.code == 4, plan.err
    assert outcomes(plan) == dict.fromkeys(ALL, "differs")
    assert (camera.writes, trail(), vault("cam-1", "viewer")) == (0, [], None)
    ran = cli("device", "provision", "cam-1", "--json")
    assert (ran.code, outcomes(ran)) == (0, dict.fromkeys(ALL, "changed"))
    writes = camera.writes
    assert cli("device", "provision", "cam-1", "--plan").code == 0
    again = cli("device", "provision", "cam-1", "--json")
    assert (again.code, outcomes(again)) == (0, dict.fromkeys(ALL, "same"))
    assert camera.writes == writes
    assert [entry["phase"] for entry in trail()] == ["begun", "ended", "ended"]
    assert [entry.get("outcome") for entry in trail()] == [None, "changed", "unchanged"]
    assert set(trail()[1]["changed"]) == ALL
    assert done("device", "show", "cam-1")["provisioned"]["phase"] == "done"
    assert done("device", "test", "cam-1")["ok"]


def test_the_time_comes_first_and_the_own_password_before_https_alone(camera, add, cli):
    add(camera)
    assert cli("device", "provision", "cam-1").code == 0
    order = [event["operation"] for event in camera.events.all("switched")]
    assert order[:3] == ["SetNTP", "SetSystemDateAndTime", "SetSystemDateAndTime"]
    assert order[-3:] == ["CreateUsers", "SetUser", "SetNetworkProtocols"]


def test_passwords_are_long_kept_and_shown_nowhere(camera, add, cli, done, vault, site):
    add(camera)
    ran = cli("device", "provision", "cam-1")
    shown = ran.out + ran.err + cli("device", "provision", "cam-1", "--json").out
    own, viewer = vault("cam-1"), vault("cam-1", "viewer").password
    assert camera.state.users["admin"].password == own
    assert camera.state.users["viewer"].password == viewer
    assert len(own) >= 16
    assert len(viewer) >= 16
    assert own != viewer
    shown += cli("events", "--json").out + cli("export").out + str(done("device", "show", "cam-1"))
    shown += repr(vault("cam-1", "viewer"))
    raw = b"".join(path.read_bytes() for path in site.home.path.glob("*.db*"))
    for secret in (own, viewer):
        assert secret not in shown
        assert secret.encode() not in raw


def test_for_people_a_table_and_one_line_when_something_failed(camera, add, cli):
    add(camera)
    plan = cli("device", "provision", "cam-1", "--plan")
    assert plan.code == 4
    assert "192.0.2.1" in plan.out
    camera.faults.lacking = ["GetOSDs"]
    camera.faults.only, camera.faults.ignore_sets = "", True
    ran = cli("device", "provision", "cam-1")
    assert ran.code == 1
    assert "unsupported: the device does not offer this" in ran.out
    assert "has another value" in ran.out
    assert ran.err.splitlines()[-1].startswith("error: 1 of 1 device not as the profile says: cam-1; ")


def test_what_a_camera_lacks_is_no_failure(camera, add, cli, trail):
    add(camera)
    camera.faults.lacking = ["GetOSDs"]
    del camera.state.protocols["HTTPS"]
    ran = cli("device", "provision", "cam-1", "--json")
    assert ran.code == 0
    assert {n for n, o in outcomes(ran).items() if o == "unsupported"} == {"osd_text", "osd_clock", "https"}
    assert set(trail()[-1]["unsupported"]) == {"osd_text", "osd_clock", "https"}
    assert cli("device", "provision", "cam-1", "--plan").code == 0


def test_a_value_that_is_not_offered_is_refused_and_the_rest_is_done(camera, add, cli):
    add(camera, height=721)
    plan = cli("device", "provision", "cam-1", "--plan", "--json")
    assert (plan.code, outcomes(plan)["stream"]) == (1, "refused")
    ran = cli("device", "provision", "cam-1", "--json")
    assert ran.code == 1
    assert {n for n, o in outcomes(ran).items() if o == "changed"} == ALL - {"stream"}
    (step,) = [step for step in ran.json["devices"][0]["steps"] if step["step"] == "stream"]
    assert "nearest is 1280x720" in step["why"]
    assert camera.state.encoders[0].fps == 25.0, "not half of it"


@pytest.mark.parametrize(
    "operation", ["SetUser", "CreateUsers", "SetNTP", "SetHostname", "SetVideoEncoderConfiguration"]
)
def test_a_lost_answer_is_made_up_for_by_reading_back(camera, add, cli, done, vault, operation):
    add(camera)
    camera.faults.lose_answer = operation
    ran = cli("device", "provision", "cam-1", "--json")
    assert (ran.code, outcomes(ran)) == (0, dict.fromkeys(ALL, "changed"))
    assert [event["operation"] for event in camera.events.all("injected")] == [operation]
    assert camera.state.users["admin"].password == vault("cam-1")
    assert camera.state.users["viewer"].password == vault("cam-1", "viewer").password
    assert done("device", "test", "cam-1")["ok"]


@pytest.mark.parametrize("taken", [True, False])
def test_a_camera_that_falls_silent_over_its_new_password_loses_neither(
    camera, add, cli, done, vault, monkeypatch, taken
):
    monkeypatch.setattr("devicemgr.provisioning.provisioner._PAUSE_S", 0.01)
    add(camera, profile="login")
    silent = _Silenced(camera, taken)
    ran = cli("device", "provision", "cam-1", "--json")
    assert ran.code == 3
    assert silent.hit
    assert outcomes(ran)["password"] == "unknown"
    assert vault("cam-1") == "admin"
    assert vault("cam-1", "").phase == "sent"
    assert cli("device", "show", "cam-1", "--json").json["provisioned"]["phase"] == "failed"
    assert "not whole, by login" in cli("device", "show", "cam-1").out
    (found,) = [check for check in cli("doctor", "--json").json["checks"] if check["check"] == "profiles"]
    assert (found["ok"], found["fix"]) == (False, "devicemgr device provision cam-1")
    camera.down.clear()
    before = len(camera.events.all("refused"))
    assert (camera.state.users["admin"].password == "admin") is not taken
    assert cli("device", "provision", "cam-1").code == 0
    assert camera.state.users["admin"].password == vault("cam-1") != "admin"
    assert len(camera.events.all("refused")) - before <= (0 if taken else 2)
    assert cli("device", "provision", "cam-1", "--plan").code == 0
    assert done("device", "test", "cam-1")["ok"]


class _Silenced:
    """A camera whose power goes at SetUser, after it was carried out or before."""

    def __init__(self, camera, taken):
        self.hit = False
        real = camera.perform

        def perform(request, path, user):
            if request.name != "SetUser" or self.hit:
                return real(request, path, user)
            self.hit = True
            answer = real(request, path, user) if taken else ""
            camera.down.set()
            camera._http.drop_connections()
            return answer

        camera.perform = perform


def test_a_password_that_is_refused_is_given_up_and_the_old_one_serves(camera, add, cli, done, vault):
    add(camera, profile="login")
    camera.faults.lacking = ["SetUser"]
    ran = cli("device", "provision", "cam-1", "--json")
    assert outcomes(ran) == {"discovery": "changed", "password": "unsupported"}
    assert (vault("cam-1"), vault("cam-1", "")) == ("admin", None)
    assert done("device", "test", "cam-1")["ok"]


def test_a_camera_that_hangs_up_over_one_question_is_set_up_in_all_others(camera, add, cli):
    add(camera)
    camera.faults.drop, camera.faults.only = True, "GetNTP"
    ran = cli("device", "provision", "cam-1", "--json")
    assert ran.code == 1
    assert {n for n, o in outcomes(ran).items() if o == "changed"} == ALL - {"ntp"}
    camera.faults.only = "GetHostname"
    camera.faults.drop, camera.faults.malformed = False, "text"
    camera.state.hostname = "other"
    ran = cli("device", "provision", "cam-1", "--json")
    assert (ran.code, outcomes(ran)["ntp"], outcomes(ran)["hostname"]) == (1, "changed", "failed")


def test_a_profile_is_given_and_taken_away_by_hand(camera, add, cli, done):
    add(camera, profile=None)
    assert done("device", "edit", "cam-1", "--profile", "named")["profile"] == "named"
    assert cli("device", "provision", "cam-1").code == 0
    assert done("device", "edit", "cam-1", "--profile", "")["profile"] is None
    assert cli("device", "provision", "cam-1", "--plan").code == 0, "by the profile that it was set up by"
    assert "no profile 'x'" in cli("device", "edit", "cam-1", "--profile", "x").error


def test_a_password_that_a_person_gave_is_replaced_again(camera, add, cli, vault, monkeypatch):
    add(camera, profile="login")
    assert cli("device", "provision", "cam-1").code == 0
    first = vault("cam-1")
    camera.state.users["admin"].password = "hunter2"
    monkeypatch.setenv("BY_HAND", "hunter2")
    assert cli("device", "edit", "cam-1", "--password-env", "BY_HAND").code == 0
    assert cli("device", "provision", "cam-1", "--plan").code == 4
    assert cli("device", "provision", "cam-1").code == 0
    assert vault("cam-1") not in (first, "hunter2")
    assert camera.state.users["admin"].password == vault("cam-1")


def test_a_user_that_was_there_gets_a_password_from_here(camera, add, cli, vault):
    from drivers.sim.onvif.state import User

    camera.state.users["viewer"] = User("known to somebody", "User")
    add(camera, profile="named")
    plan = cli("device", "provision", "cam-1", "--plan")
    assert "its password was not made here" in plan.out
    assert cli("device", "provision", "cam-1").code == 0
    assert camera.state.users["viewer"].password == vault("cam-1", "viewer").password
    camera.state.users["viewer"].level = "Administrator"
    assert cli("device", "provision", "cam-1").code == 0
    assert camera.state.users["viewer"].level == "User"
    assert cli("device", "provision", "cam-1", "--plan").code == 0


def test_one_profile_for_all(camera, add, cli, done):
    add(camera)
    done("device", "add", "arm", "--driver", "relay_gate", "--address", "/dev/gate/x", "--option", "model=lcus")
    with SimulatedOnvif() as other:
        add(other, "cam-2", profile=None)
        assert [d["device"] for d in cli("device", "provision", "--all", "--plan", "--json").json["devices"]] == [
            "cam-1"
        ]
        ran = cli("device", "provision", "--all", "--profile", "named", "--json")
        assert (ran.code, [d["device"] for d in ran.json["devices"]]) == (0, ["cam-1", "cam-2"])
        assert other.state.hostname == "cam-2"
        assert cli("device", "provision", "cam-1", "cam-2", "--profile", "named", "--plan").code == 0
        other.stop()
        some = cli("device", "provision", "--all", "--profile", "named")
        assert some.code == 1
        assert some.err.splitlines()[-1].startswith("error: 1 of 2 devices not as the profile says: cam-2; ")
        assert cli("device", "provision", "cam-2", "--profile", "named").code == 3


def test_what_makes_no_sense_is_said_in_one_line(camera, add, cli, done):
    add(camera, profile=None)
    assert "has no profile; give one with --profile" in cli("device", "provision", "cam-1").err
    assert "no profile 'none'" in cli("device", "provision", "--all", "--profile", "none").err
    assert cli("device", "provision").code == 2
    assert cli("device", "provision", "cam-1", "--all").code == 2
    assert cli("device", "provision", "cam-1", "--pair", "--plan").code == 2
    done("device", "add", "arm", "--driver", "relay_gate", "--address", "/dev/gate/x", "--option", "model=lcus")
    assert "can't be set up from here" in cli("device", "provision", "arm", "--profile", "named").err
    assert "is how device 'cam-1' is reached" in _with_own_user(cli, done, camera)


def _with_own_user(cli, done, camera):
    done("device", "edit", "cam-1", "--username", "Viewer")
    return cli("device", "provision", "cam-1", "--profile", "named").err


def test_a_removed_device_leaves_no_passwords(camera, add, cli, site):
    from devicemgr.store.tables import DeviceSecretRow, ProvisioningRow

    add(camera)
    assert cli("device", "provision", "cam-1").code == 0
    assert cli("device", "remove", "cam-1", "--yes").code == 0
    with site.database.read() as session:
        assert session.query(DeviceSecretRow).count() == session.query(ProvisioningRow).count() == 0


def test_canceled_between_two_settings_it_is_recorded_and_goes_on_later(camera, add, cli, site):
    add(camera)
    recorded = []
    given = (None, lambda _, detail: recorded.append(detail), lambda: None, lambda step, done, of: done < 2)
    result = Provisioning(site, "cam-1", *given).apply()
    assert [step.outcome for step in result.steps] == ["changed", "changed", *["not_tried"] * (len(ALL) - 2)]
    assert (result.ok, recorded[-1]["cause"]) == (False, "it was canceled")
    ran = cli("device", "provision", "cam-1", "--json")
    assert (ran.code, set(outcomes(ran).values())) == (0, {"same", "changed"})
