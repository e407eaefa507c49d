"""The catalogue, and the contract that every driver kind keeps."""

import importlib
import re
import subprocess
import sys
import time

import pytest
from pydantic import BaseModel

from devicemgr.domain.model import Capability, DeviceConfig
from devicemgr.domain.ports.device import Gate, Replaying
from devicemgr.domain.ports.driver import Driver
from devicemgr.domain.ports.video import Camera
from devicemgr.errors import DeviceError, NotFound
from drivers import Catalog

KINDS = Catalog().kinds()
# What building needs where options have no default.
OPTIONS = {
    "http_relay": {"model": "shelly"},
    "ironlogic_controller": {"serial": 40646, "push_port": 0},
    "modbus_gate": {"profile": "lot"},
    "relay_gate": {"model": "lcus"},
    "uhppote_controller": {"controller": 423187757},
    "zkteco_terminal": {"serial": "3383154200002", "push_port": 0},
}
# Where nothing answers. Port 9 of loopback is closed; a camera's scheme differs.
DEAD = {
    "modbus_gate": "/dev/gate/not-there",
    "relay_gate": "/dev/gate/not-there",
    "rtsp_camera": "rtsp://127.0.0.1:9/stream",
    "osdp_reader": "/dev/gate/not-there",
    "uhppote_controller": "udp://127.0.0.1:9",
    "zkteco_controller": "tcp://127.0.0.1:9",
}
PROTOCOLS = {Capability.GATE: Gate, Capability.CAMERA: Camera, Capability.CONSOLE: Replaying}
DEVICE_METHODS = ("open", "poll", "check", "close")
VENDOR_LIBRARIES = (
    "pymodbus",
    "serial",
    "zeep",
    "onvif",
    "av",
    "osdp_sys",
    "osdp",
    "uhppoted",
    "httpx",
    "requests",
    "lxml",
    "httpcore",
)


def build(kind):
    address = DEAD.get(kind, "http://127.0.0.1:9")
    return Catalog().get(kind).build(DeviceConfig("1", "x", kind, address, options=OPTIONS.get(kind, {})))


def test_the_first_wave_is_there():
    assert {"modbus_gate", "relay_gate"} <= set(KINDS)
    assert sorted(KINDS) == KINDS
    assert not [kind for kind in KINDS if kind.startswith("_")]


def test_an_unknown_kind_says_where_to_look():
    with pytest.raises(NotFound, match=r"no driver kind 'nosuch'; `devicemgr device drivers` lists them"):
        Catalog().get("nosuch")


@pytest.mark.parametrize("kind", ["_serial", "../cli", "os", "modbus_gate\n", ""])
def test_only_kinds_are_imported(kind):
    with pytest.raises(NotFound) as caught:
        Catalog().get(kind)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_driver_says_of_itself(kind):
    driver = Catalog().get(kind)
    assert isinstance(driver, Driver)
    assert driver.kind == kind
    assert re.search(r"\w", driver.title)
    assert "\n" not in driver.title
    assert driver.capabilities
    assert driver.capabilities <= set(Capability)


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_explained_and_typos_are_refused(kind):
    options = Catalog().get(kind).options
    assert issubclass(options, BaseModel)
    assert [name for name, field in options.model_fields.items() if not (field.description or "").strip()] == []
    assert options.model_config.get("extra") == "forbid"


@pytest.mark.parametrize("kind", KINDS)
def test_importing_a_driver_imports_no_vendor_library(kind):
    script = (
        "import sys; from drivers import Catalog; Catalog().get(sys.argv[1])\n"
        "print(*[name for name in sys.argv[2:] if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, kind, *VENDOR_LIBRARIES], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_built_device_is_what_the_driver_says_and_closes_unopened(kind):
    device = build(kind)
    for capability in Catalog().get(kind).capabilities:
        assert isinstance(device, PROTOCOLS.get(capability, object))
    assert all(callable(getattr(device, method)) for method in DEVICE_METHODS)
    assert device.poll_interval > 0
    device.close()
    device.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_dead_address_is_one_line_in_bounded_time(kind):
    device = build(kind)
    began = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        device.open()
    # A bound against hanging for ever, not a measurement: the contract says about 5 s.
    assert time.monotonic() - began < 20
    assert str(caught.value)
    assert "\n" not in str(caught.value)
    device.close()


# Which options wire a fire input, where it is not always there.
FIRE = {
    "dahua_console": None,
    "rtsp_camera": None,
    "osdp_reader": None,
    "modbus_gate": {},
    "uhppote_controller": {},
    "hikvision_console": {},
    "zkteco_controller": None,
    "zkteco_terminal": None,
    "relay_gate": {"model": "numato", "fire_input": 1},
    "http_relay": {"fire_input": 1},
    "ironlogic_controller": {"fire_input": True},
    "onvif_camera": {"fire_input": "1"},
    "onvif_door": {"fire_input": "1"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_driver_declares_the_fire_inputs_that_it_reports(kind):
    """A lock waits for the state of what is declared, and for nothing else."""
    driver = Catalog().get(kind)
    if FIRE[kind] is None:
        assert driver.fire_inputs is None
        return
    options = OPTIONS.get(kind, {})
    config = DeviceConfig("1", "x", kind, "http://127.0.0.1:9", options=options | FIRE[kind])
    assert driver.fire_inputs(config) == {""}
    if FIRE[kind]:
        assert driver.fire_inputs(DeviceConfig("1", "x", kind, "http://127.0.0.1:9", options=options)) == frozenset()


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """foreign(name, source) installs a third-party package with one driver kind of that name."""

    def install(name, source, attribute=""):
        (tmp_path / f"{name}_package.py").write_text(source)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[devicemgr.drivers]\n{name} = {name}_package{attribute}\n")
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(str(tmp_path))
    return install


GOOD = """
from pydantic import BaseModel
from devicemgr.domain.model import Capability
from devicemgr.domain.ports.driver import Driver
DRIVER = Driver("acme_gate", "Acme", frozenset({Capability.GATE}), BaseModel, lambda config: None)
"""


@pytest.mark.parametrize("attribute", ["", ":DRIVER"])
def test_third_party_drivers_come_by_entry_point(foreign, attribute):
    foreign("acme_gate", GOOD, attribute)
    sys.modules.pop("acme_gate_package", None)
    assert "acme_gate" in Catalog().kinds()
    assert Catalog().get("acme_gate").title == "Acme"


@pytest.mark.parametrize(
    "source",
    ["raise RuntimeError('boom\\n\\x1b[31m')", "import no_such_library", "x = (", "DRIVER = 3"],
)
def test_a_broken_third_party_driver_is_reported_and_hides_no_other(foreign, caplog, source):
    kind = f"broken_{len(source)}"
    foreign(kind, source)
    with pytest.raises(NotFound, match=f"driver kind '{kind}' does not load") as caught:
        Catalog().get(kind)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "does not load" in caplog.text
    drivers, broken = Catalog().survey()
    assert list(broken) == [kind]
    assert {driver.kind for driver in drivers} == set(KINDS)
