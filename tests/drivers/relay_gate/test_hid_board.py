"""HID relay boards (16c0:05df). Golden reports: usbrelay's libusbrelay.c; ioctl numbers: the kernel's hidraw.h.

There is no /dev/uhid where these tests run, so the board stands in at the ioctl boundary.
"""

import pytest

from devicemgr.domain.device_events import GateAlarm
from devicemgr.domain.model import DeviceConfig, Direction, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceBusy, DeviceError, DeviceGarbled, DeviceRefused, DeviceUnreachable, OutcomeUnknown
from drivers import Catalog
from drivers.common.relays.inputs import InputOptions
from drivers.relay_gate.hid_board import HidRaw, HidRelayGate, get_feature, get_info, get_name, set_feature
from drivers.sim.gates.hid_relay_board import SimulatedHidRelay

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT


@pytest.fixture
def node(tmp_path):
    file = tmp_path / "hidraw0"
    file.touch()
    return str(file)


@pytest.fixture
def opened(node):
    """opened(board, **options) gives an open gate on the simulated board."""
    built = []

    def build(board, **options):
        gate = HidRelayGate("side", node, InputOptions(**options), lambda path: HidRaw(path, board.ioctl))
        built.append(gate)
        gate.open()
        return gate

    yield build
    for gate in built:
        gate.close()


def reports(board):
    return [event["bytes"] for event in board.events.all("ioctl") if event["number"] == 6]


def test_ioctl_numbers_are_those_of_the_kernel():
    """linux/hidraw.h: _IOR('H', 3, 8), _IOC(READ, 'H', 4, n), _IOC(WRITE|READ, 'H', 6, n) and 7."""
    assert [get_info(), get_name(128), set_feature(9), get_feature(9)] == [
        0x80084803,
        0x80804804,
        0xC0094806,
        0xC0094807,
    ]


def test_golden_reports_and_a_release_that_is_read_back(opened):
    board = SimulatedHidRelay()
    gate = opened(board, pulse_seconds=0.02)
    assert reports(board) == ["00 fd 01 00 00 00 00 00 00", "00 fd 02 00 00 00 00 00 00"]
    assert gate.release(1, EXIT, 60) is Delivery.CONFIRMED
    assert reports(board)[2:] == ["00 ff 02 00 00 00 00 00 00"]
    assert gate.check() == {
        "model": "usbrelay",
        "serial": "BITFT",
        "confirms": True,
        "relays": {"1": False, "2": True},
    }
    while board.relays.on[2]:
        gate.poll()
    assert reports(board)[3:] == ["00 fd 02 00 00 00 00 00 00"]


def test_it_says_what_it_is(node):
    board = SimulatedHidRelay(4)
    gate = HidRelayGate("side", node, InputOptions(), lambda path: HidRaw(path, board.ioctl))
    info = gate.open()
    assert (info.model, info.serial) == ("www.dcttech.com USBRelay4", "BITFT")
    gate.close()


def test_another_hid_device_is_not_written_to(opened):
    board = SimulatedHidRelay(ids=(0x046D, 0xC31C))
    with pytest.raises(DeviceRefused, match=r"is 046d:c31c .* not a relay board \(16c0:05df\)"):
        opened(board)
    assert reports(board) == []


def test_a_relay_that_the_board_has_not_is_named_with_those_it_has(opened):
    board = SimulatedHidRelay(1)
    with pytest.raises(DeviceRefused, match="has relays 1 to 1, not 2; see channel, relay_entry and relay_exit"):
        opened(board)
    opened(board, relay_exit=1)


def test_a_lost_answer_leaves_the_outcome_unknown_and_is_not_repeated(opened):
    board = SimulatedHidRelay()
    gate = opened(board)
    board.loses_answers = True
    with pytest.raises(OutcomeUnknown, match="may or may not be on"):
        gate.release(1, ENTRY, 60)
    assert reports(board)[2:] == ["00 ff 01 00 00 00 00 00 00"]


def test_a_relay_that_does_not_move_is_a_refusal(opened):
    board = SimulatedHidRelay()
    gate = opened(board)
    board.relays.stuck.add(1)
    with pytest.raises(DeviceRefused, match="did not switch"):
        gate.release(1, ENTRY, 60)


def test_a_pulled_cable_and_its_return(opened):
    board = SimulatedHidRelay()
    gate = opened(board)
    gate.release(1, ENTRY, 60)
    board.is_unplugged = True
    with pytest.raises(DeviceUnreachable, match="was lost or does not answer"):
        gate.poll()
    gate.close()
    assert board.relays.on[1]
    board.is_unplugged = False
    gate.open()
    assert board.relays.on == {1: False, 2: False}


def test_a_free_mode_that_something_moved_is_put_back(opened, monkeypatch):
    monkeypatch.setattr("drivers.common.relays.device.LOOK_S", 0.0)
    board = SimulatedHidRelay()
    gate = opened(board)
    assert gate.set_mode(1, PortalMode.FREE) is Delivery.CONFIRMED
    board.relays.switch(1, False)
    facts = [*gate.poll(), *gate.poll()]
    assert [type(fact) for fact in facts] == [GateAlarm]
    assert board.relays.on == {1: True, 2: True}


def test_a_report_that_is_no_boards_is_garbled(opened):
    board = SimulatedHidRelay(2)
    gate = opened(board)
    board.relays.on[7] = True
    with pytest.raises(DeviceGarbled, match="is it the right device"):
        gate.poll()


def test_a_node_is_used_by_one_program_only(opened, node):
    opened(SimulatedHidRelay())
    with pytest.raises(DeviceBusy, match="used by another program"):
        HidRaw(node)


def test_a_file_that_is_no_hidraw_node_is_one_line(node):
    """The real ioctl, on a plain file."""
    gate = Catalog().get("relay_gate").build(DeviceConfig("1", "x", "relay_gate", node, options={"model": "usbrelay"}))
    with pytest.raises(DeviceError) as caught:
        gate.open()
    assert "\n" not in str(caught.value)
    gate.close()
