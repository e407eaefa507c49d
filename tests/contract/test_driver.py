"""The contract that every driver kind keeps; `pytest tests/contract --driver KIND` holds an installed one to it."""

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
from devicemgr.errors import DeviceError
from drivers import Catalog

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


@pytest.fixture
def config(kind, request):
    """A configuration of `kind` at which nothing answers; of a foreign kind as the command line has it."""
    address = request.config.getoption("--driver-address") or DEAD.get(kind, "http://127.0.0.1:9")
    given = dict(option.split("=", 1) for option in request.config.getoption("--driver-option"))
    return DeviceConfig("1", "x", kind, address, options=OPTIONS.get(kind, {}) | given)


@pytest.fixture
def device(kind, config):
    return Catalog().get(kind).build(config)


def test_what_a_driver_says_of_itself(kind):
    driver = Catalog().get(kind)
    assert isinstance(driver, Driver)
    assert driver.kind == kind
    assert re.search(r"\w", driver.title)
    assert "\n" not in driver.title
    assert driver.capabilities
    assert driver.capabilities <= set(Capability)


def test_every_option_is_explained_and_typos_are_refused(kind):
    options = Catalog().get(kind).options
    assert issubclass(options, BaseModel)
    assert [name for name, field in options.model_fields.items() if not (field.description or "").strip()] == []
    assert options.model_config.get("extra") == "forbid"


def test_importing_a_driver_imports_no_vendor_library(kind):
    script = (
        "import sys; from drivers import Catalog; Catalog().get(sys.argv[1])\n"
        "print(*[name for name in sys.argv[2:] if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, kind, *VENDOR_LIBRARIES], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == []


def test_a_built_device_is_what_the_driver_says_and_closes_unopened(kind, device):
    for capability in Catalog().get(kind).capabilities:
        assert isinstance(device, PROTOCOLS.get(capability, object))
    assert all(callable(getattr(device, method)) for method in DEVICE_METHODS)
    assert device.poll_interval > 0
    device.close()
    device.close()


def test_a_dead_address_is_one_line_in_bounded_time(device):
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


def test_a_driver_declares_the_fire_inputs_that_it_reports(kind, config):
    """A lock waits for the state of what is declared, and for nothing else."""
    driver = Catalog().get(kind)
    if kind not in FIRE:
        declared = driver.fire_inputs(config) if driver.fire_inputs else frozenset()
        assert isinstance(declared, frozenset)
        assert all(isinstance(name, str) for name in declared)
        return
    if FIRE[kind] is None:
        assert driver.fire_inputs is None
        return
    options = OPTIONS.get(kind, {})
    config = DeviceConfig("1", "x", kind, "http://127.0.0.1:9", options=options | FIRE[kind])
    assert driver.fire_inputs(config) == {""}
    if FIRE[kind]:
        assert driver.fire_inputs(DeviceConfig("1", "x", kind, "http://127.0.0.1:9", options=options)) == frozenset()
