"""`device provision --pair` against a simulated OSDP reader: the key is stored, proven, and never lost."""

import dataclasses

import pytest

from drivers import Catalog
from drivers.sim.osdp.readers import SimulatedReaders

pytestmark = pytest.mark.usefixtures("home")

OLD_KEY = bytes.fromhex("8f3a10c7be5520d94417fa6e02b3c85d")


@pytest.fixture
def parts(parts):
    """The real kinds."""
    return dataclasses.replace(parts, catalog=Catalog())


@pytest.fixture
def reader(done, monkeypatch):
    """reader(key, password) plugs one in and adds it as `front`."""
    plugged = []

    def add(key, password=None):
        sim = SimulatedReaders({1: key}).start()
        plugged.append(sim)
        given = ()
        if password is not None:
            monkeypatch.setenv("READER_KEY", password.hex())
            given = ("--password-env", "READER_KEY")
        done("device", "add", "front", "--driver", "osdp_reader", "--address", sim.path, "--option", "unit=1", *given)
        return sim

    yield add
    for sim in plugged:
        sim.stop()


@pytest.fixture
def stored(site):
    """The password that is kept for `front`, opened."""
    from devicemgr.store.site import devices as device_store

    def read():
        with site.database.read() as session:
            return device_store.device_config(device_store.device(session, "front"), site.vault).password

    return read


@pytest.fixture
def trail(cli):
    """What the record says of pairing."""
    return lambda: [
        {key: value for key, value in event["detail"].items() if key not in ("device", "cause")}
        for event in cli("events", "--kind", "admin.device_paired", "--json").lines
    ]


def test_a_reader_in_install_mode_gets_a_key_of_its_own(reader, cli, done, stored, trail):
    sim = reader(None)
    assert stored() is None
    refused = cli("device", "test", "front")
    assert refused.code == 1
    assert "waits for pairing; " in refused.error
    assert refused.error.endswith("; devicemgr device provision front --pair")
    ran = cli("device", "provision", "front", "--pair", "--json")
    assert (ran.code, ran.json) == (0, {"name": "front", "paired": True})
    key = stored()
    assert len(bytes.fromhex(key)) == 16
    assert sim.units[1].key == bytes.fromhex(key)
    assert len(sim.events.all("keyset")) == 1
    assert done("device", "test", "front")["found"]["secure"] == "on"
    assert trail() == [{"phase": "begun", "seconds": 60}, {"phase": "ended", "outcome": "paired"}]
    for shown in (ran.out + ran.err, cli("events", "--json").out, str(done("device", "show", "front"))):
        assert key not in shown


def test_a_reader_that_was_reset_gets_another_key(reader, cli, stored):
    sim = reader(None)
    keys = []
    for _ in range(2):
        sim.set_key(1, None)
        assert cli("device", "provision", "front", "--pair").code == 0
        keys.append(stored())
    assert keys[0] != keys[1]


def test_the_key_of_a_working_reader_is_replaced_in_its_session(reader, cli, done, stored, trail):
    sim = reader(OLD_KEY, OLD_KEY)
    assert cli("device", "provision", "front", "--pair").code == 0
    assert stored() == sim.units[1].key.hex() != OLD_KEY.hex()
    assert len(sim.events.all("keyset")) == 1
    assert trail() == [{"phase": "begun", "seconds": 60}, {"phase": "ended", "outcome": "paired"}]
    assert done("device", "test", "front")["ok"]


def test_a_new_key_whose_answer_is_lost_is_found_by_trying_both(reader, cli, done, stored):
    sim = reader(OLD_KEY, OLD_KEY)
    unit = sim.units[1]
    unit.faults.silent_after = "keyset"
    ran = cli("device", "provision", "front", "--pair", "--seconds", "4")
    assert ran.code == 3
    assert "the old and the new one are kept" in ran.err.splitlines()[-1]
    assert unit.faults.injected["silent"] > 1
    assert stored() == f"{unit.key.hex()},{OLD_KEY.hex()}"
    unit.faults.silent = False
    sim.set_key(1, unit.key)  # as after a power cut
    assert done("device", "test", "front")["ok"]
    assert cli("device", "provision", "front", "--pair").code == 0
    assert stored() == unit.key.hex()
    assert len(sim.events.all("keyset")) == 1


def test_a_new_key_that_never_arrived_is_sent_again_over_the_old_one(reader, cli, stored):
    sim = reader(OLD_KEY, OLD_KEY)
    sim.units[1].faults.silent_after = "keyset"
    assert cli("device", "provision", "front", "--pair", "--seconds", "4").code == 3
    sim.units[1].faults.silent = False
    sim.set_key(1, OLD_KEY)
    new = stored().split(",")[0]
    assert cli("device", "provision", "front", "--pair").code == 0
    assert sim.units[1].key.hex() == stored() == new
    assert len(sim.events.all("keyset")) == 2


def test_a_reader_that_refuses_to_replace_its_key_keeps_it_and_so_do_we(reader, cli, done, stored, trail):
    sim = reader(OLD_KEY, OLD_KEY)
    sim.units[1].faults.refuse = "keyset"
    ran = cli("device", "provision", "front", "--pair", "--seconds", "2")
    assert ran.code == 1
    assert "refuses to replace its key" in ran.err.splitlines()[-1]
    assert 1 <= sim.units[1].faults.injected["refused"] <= 3
    assert stored() == OLD_KEY.hex()
    assert trail()[-1] == {"phase": "ended", "outcome": "failed"}
    assert done("device", "test", "front")["ok"]


def test_a_reader_that_is_not_in_install_mode_keeps_its_key_and_so_do_we(reader, cli, stored, trail):
    other = bytes(reversed(OLD_KEY))
    sim = reader(other, OLD_KEY)
    ran = cli("device", "provision", "front", "--pair", "--seconds", "2")
    assert ran.code == 1
    assert "is not in install mode" in ran.err.splitlines()[-1]
    assert stored() == OLD_KEY.hex()
    assert sim.events.all("keyset") == []
    assert sim.units[1].key == other
    assert trail()[-1] == {"phase": "ended", "outcome": "failed"}


def test_a_confirmation_that_is_lost_is_made_up_for_in_the_same_window(reader, cli, stored, trail):
    sim = reader(None)
    sim.units[1].faults.lose_answer_to = "keyset"
    assert cli("device", "provision", "front", "--pair").code == 0
    assert sim.units[1].faults.injected == {"lost_answer": 1}
    assert sim.units[1].key.hex() == stored()
    assert trail()[-1]["outcome"] == "paired"


def test_a_reader_that_falls_silent_over_its_new_key_loses_neither(reader, cli, done, stored, trail):
    sim = reader(None, OLD_KEY)
    unit = sim.units[1]
    unit.faults.silent_after = "keyset"
    ran = cli("device", "provision", "front", "--pair", "--seconds", "2")
    assert ran.code == 3
    assert "did not confirm its new key; the old and the new one are kept" in ran.err.splitlines()[-1]
    assert unit.faults.injected["silent"] > 1
    assert stored() == f"{unit.key.hex()},{OLD_KEY.hex()}"
    assert trail()[-1]["outcome"] == "unknown"
    # The one that the reader took is found by itself, and the same command settles it.
    unit.faults.silent = False
    assert "two keys are kept" in done("device", "test", "front")["found"]["warning"]
    assert cli("device", "provision", "front", "--pair").code == 0
    assert stored() == unit.key.hex()
    assert len(sim.events.all("keyset")) == 1


def test_the_old_key_serves_when_the_new_one_never_arrived(reader, cli, done, stored):
    sim = reader(None, OLD_KEY)
    sim.units[1].faults.silent_after = "keyset"
    assert cli("device", "provision", "front", "--pair", "--seconds", "2").code == 3
    sim.units[1].faults.silent = False
    sim.set_key(1, OLD_KEY)
    assert done("device", "test", "front")["ok"]
    assert "two keys are kept" in done("device", "test", "front")["found"]["warning"]
    assert stored().endswith(f",{OLD_KEY.hex()}")


def test_only_what_can_be_paired(cli, done):
    done("device", "add", "relay", "--driver", "relay_gate", "--address", "/dev/gate/x", "--option", "model=lcus")
    assert "not paired" in cli("device", "provision", "relay", "--pair").err
    assert cli("device", "provision", "nobody", "--pair").code == 1
    assert cli("device", "provision", "relay").code == 1
    assert cli("device", "provision", "relay", "--pair", "--seconds", "301").code == 2


@pytest.mark.parametrize("key", ["30313233343536373839 3a3b3c3d3e3f".replace(" ", ""), "00" * 16, "12345"])
def test_a_weak_key_is_not_stored(cli, monkeypatch, key):
    monkeypatch.setenv("READER_KEY", key)
    ran = cli(
        "device", "add", "front", "--driver", "osdp_reader", "--address", "/dev/gate/x", "--password-env", "READER_KEY"
    )
    assert ran.code == 1
    assert "openssl rand -hex 16" in ran.error
    assert key not in ran.error
    assert cli("device", "show", "front").code == 1
