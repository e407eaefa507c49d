"""Web relay boards against simulated ones on loopback: releases, what is proven, and what goes wrong."""

import pytest

from devicemgr.domain.device_events import FireRelease, GateAlarm, RexPressed
from devicemgr.domain.model import DeviceConfig, Direction, PortalMode
from devicemgr.domain.ports.device import Delivery
from devicemgr.errors import DeviceRefused, DeviceUnreachable, InvalidInput, NotYet, OutcomeUnknown
from drivers import Catalog
from drivers.sim.web_relay.board import SimulatedWebRelay

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
MODELS = ("shelly", "tasmota", "dingtian", "devantech", "kmtronic")
TIMED = MODELS[:-1]
# A request that switches: Tasmota's Power, and a word of each other maker's.
COMMANDS = {
    "shelly": "/rpc",
    "tasmota": "Power",
    "dingtian": "relay_cgi.cgi",
    "devantech": "io.cgi",
    "kmtronic": "/FF",
}


def build(board, username=None, password=None, **options):
    options = {"model": board.model} | options
    config = DeviceConfig("1", "gate-a", "http_relay", board.address, username, password, options)
    return Catalog().get("http_relay").build(config)


@pytest.fixture(params=MODELS)
def board(request):
    with SimulatedWebRelay(request.param) as simulated:
        yield simulated


@pytest.fixture
def opened():
    built = []

    def build_and_open(board, **options):
        device = build(board, **options)
        built.append(device)
        device.open()
        return device

    yield build_and_open
    for device in built:
        device.close()


def commands(board):
    found = [target for target in board.requests(COMMANDS[board.model]) if "PulseTime" not in target]
    return [target for target in found if board.model != "shelly" or target == "/rpc"]


def test_a_release_is_one_command_and_is_confirmed(board, opened):
    device = opened(board)
    before = len(commands(board))
    assert device.release(1, ENTRY, 20) is Delivery.CONFIRMED
    assert board.relays.on == {1: True, 2: False}
    assert len(commands(board)) == before + 1


@pytest.mark.parametrize("board", TIMED, indirect=True)
def test_the_board_ends_the_pulse_by_itself(board, opened):
    device = opened(board, pulse_seconds=0.2)
    device.release(1, EXIT, 30)
    event = board.events.wait_for("on")
    assert (event["relay"], event["timed"]) == (2, True)
    sent = len(commands(board))
    while board.relays.on[2]:
        board.events.wait_for("off")
    assert len(commands(board)) == sent


@pytest.mark.parametrize("board", ["kmtronic"], indirect=True)
def test_a_board_without_a_timer_says_so_and_is_ended_from_here(board, opened):
    device = opened(board, pulse_seconds=0.05)
    assert "if this computer dies mid-pulse, the relay stays on" in device.complaint
    device.release(1, ENTRY, 30)
    board.events.wait_for("on")
    while board.relays.on[1]:
        device.poll()
    assert commands(board)[-1] == "/FF0100"


@pytest.mark.parametrize("board", ["devantech"], indirect=True)
def test_a_pulse_that_the_board_can_not_time_is_refused(board, opened):
    device = opened(board)
    before = len(commands(board))
    with pytest.raises(
        DeviceRefused, match=r"at most 25.5 s; lower the release time of the portal, or set pulse_seconds"
    ):
        device.release(1, ENTRY, 30.5)
    assert len(commands(board)) == before


def test_modes(board, opened):
    device = opened(board)
    assert device.set_mode(1, PortalMode.FREE) is Delivery.CONFIRMED
    assert board.relays.on == {1: True, 2: True}
    assert not any(event["timed"] for event in board.events.all("on"))
    device.set_mode(1, PortalMode.LOCKED)
    assert board.relays.on == {1: False, 2: False}
    with pytest.raises(DeviceRefused, match="locked"):
        device.release(1, ENTRY, 1)


@pytest.mark.parametrize("board", ["tasmota"], indirect=True)
def test_a_tasmota_relay_that_is_free_is_not_ended_by_the_pulse_time_of_a_release(board, opened):
    device = opened(board)
    device.release(1, ENTRY, 5)
    assert board.pulse_times[1] == 50
    device.set_mode(1, PortalMode.FREE)
    assert board.pulse_times[1] == 0
    device.set_mode(1, PortalMode.NORMAL)
    device.release(1, ENTRY, 12)
    assert board.pulse_times[1] == 112


@pytest.mark.parametrize("board", ["tasmota"], indirect=True)
def test_a_pulse_time_that_reads_back_differently_switches_nothing(board, opened):
    device = opened(board)
    board.forced_pulse_time = 7
    with pytest.raises(DeviceRefused, match="did not take PulseTime1 50"):
        device.release(1, ENTRY, 5)
    assert not board.events.all("on")


def test_a_lost_answer_is_proven_by_what_the_board_reports(board, opened):
    """Rule 8: the command is not repeated; the relay that was off is on now."""
    device = opened(board)
    device.poll()
    before = len(commands(board))
    board.plan.once("lost-ack")
    assert device.release(1, ENTRY, 20) is Delivery.CONFIRMED
    assert [event["fault"] for event in board.events.all("fault")] == ["lost-ack"]
    assert len(commands(board)) == before + 1


def test_a_lost_answer_while_a_pulse_runs_proves_nothing(board, opened):
    device = opened(board)
    device.poll()
    device.release(1, ENTRY, 20)
    board.plan.once("lost-ack")
    if board.model == "kmtronic":
        assert device.release(1, ENTRY, 20) is Delivery.CONFIRMED  # on is all that it can be; the end is timed here
        return
    with pytest.raises(OutcomeUnknown, match="no answer came"):
        device.release(1, ENTRY, 20)


def test_a_command_that_was_never_done_is_unknown_and_not_repeated(board, opened):
    device = opened(board)
    device.poll()
    before = len(commands(board))
    board.plan.once("silence")
    with pytest.raises(OutcomeUnknown):
        device.release(1, ENTRY, 20)
    assert board.events.all("fault")
    assert len(commands(board)) == before + 1
    assert not board.relays.on[1]


def test_busy_is_not_yet_for_a_release_and_repeated_for_a_reading(board, opened):
    device = opened(board, pulse_seconds=20)
    board.plan.once("busy")
    device.check()
    assert len(board.events.all("fault")) == 1
    if board.model in ("shelly", "tasmota"):
        return  # their command is not the first request of a release
    board.plan.once("busy")
    with pytest.raises(NotYet, match="busy and did nothing"):
        device.release(1, ENTRY, 20)
    assert device.release(1, ENTRY, 20) is Delivery.CONFIRMED
    board.plan.once("busy")
    assert device.set_mode(1, PortalMode.FREE) is Delivery.CONFIRMED
    assert board.relays.on[1]


def test_a_relay_that_does_not_move_is_a_refusal(board, opened):
    device = opened(board)
    board.relays.stuck.add(1)
    with pytest.raises(DeviceRefused, match=r"still off|has it that relay"):
        device.release(1, ENTRY, 20)


def test_three_silent_readings_are_an_unreachable_board_and_never_a_wrong_password(board, opened):
    device = opened(board)
    board.__exit__()
    assert device.poll() == device.poll() == []
    with pytest.raises(DeviceUnreachable) as caught:
        device.poll()
    assert "password" not in str(caught.value)


def test_relays_that_the_board_has_not_are_named_with_those_it_has(board):
    device = build(board, relay_entry=2, relay_exit=3)
    with pytest.raises(DeviceRefused, match="reports relays 1, 2, not 3; see channel, relay_entry and relay_exit"):
        device.open()
    device.close()


@pytest.mark.parametrize("board", ["shelly", "tasmota"], indirect=True)
def test_inputs(board, opened):
    device = opened(board, rex_input=1, fire_input=2)
    assert device.poll() == [FireRelease(False)]
    board.inputs.update({1: True, 2: True})
    assert device.poll() == [FireRelease(True), RexPressed(1)]
    with pytest.raises(DeviceRefused, match="fire"):
        device.set_mode(1, PortalMode.LOCKED)


@pytest.mark.parametrize("board", ["shelly", "tasmota"], indirect=True)
def test_an_input_that_is_not_reported_is_a_complaint_and_no_state(board, opened):
    device = opened(board, rex_input=1, fire_input=7)
    assert device.poll() == []
    assert "does not report input 7, only 1, 2" in device.complaint


def test_a_shelly_input_that_is_a_button_has_no_state(opened):
    with SimulatedWebRelay("shelly") as board:
        board.inputs[1] = None
        device = opened(board, rex_input=1)
        assert device.poll() == []
        assert "does not report input 1" in device.complaint


def test_a_mode_that_something_else_moved_is_put_back(board, opened, monkeypatch):
    monkeypatch.setattr("drivers.common.relays.device.LOOK_S", 0.0)
    device = opened(board)
    device.set_mode(1, PortalMode.FREE)
    with board.lock:
        board.relays.switch(1, False)
    facts = [*device.poll(), *device.poll()]
    assert [type(fact) for fact in facts] == [GateAlarm]
    assert board.relays.on[1]


@pytest.mark.parametrize("model", MODELS)
def test_a_password_and_what_is_said_without_it(model, opened):
    password = "3789" if model == "dingtian" else "s3cret"
    with SimulatedWebRelay(model, password=password) as board:
        basic = {} if model == "shelly" else {"allow_basic": True}
        device = opened(board, password=password, **basic)
        assert device.release(1, ENTRY, 20) is Delivery.CONFIRMED
        link = {"shelly": None, "kmtronic": "stays on"}.get(model, "weak link: the board's password goes over")
        assert device.complaint is None if link is None else link in device.complaint
        wrong = build(board, password="1234" if model == "dingtian" else "wrong", **basic)
        with pytest.raises(DeviceRefused, match="password"):
            wrong.open()
        wrong.close()
        none = build(board)
        with pytest.raises(DeviceRefused, match="password"):
            none.open()
        none.close()


def test_an_old_tasmota_refuses_with_status_200():
    """Before 8.2.3: the warning comes with status 200."""
    with SimulatedWebRelay("tasmota", password="s3cret") as board:
        board.refusal = 200
        with pytest.raises(DeviceRefused, match="asks for a password"):
            build(board).open()


@pytest.mark.parametrize("model", ["tasmota", "dingtian", "devantech", "kmtronic"])
def test_a_readable_password_needs_allow_basic(model):
    config = DeviceConfig("1", "x", "http_relay", "http://127.0.0.1:9", "admin", "1234", {"model": model})
    with pytest.raises(InvalidInput, match="set allow_basic=true"):
        Catalog().get("http_relay").build(config)


def test_an_open_board_is_a_complaint(opened):
    with SimulatedWebRelay("shelly") as board:
        assert "asks for no password" in opened(board).complaint


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (-114, NotYet, "can't do it now"),
        (-108, NotYet, "can't do it now"),
        (-109, DeviceRefused, "protects itself"),
        (-104, OutcomeUnknown, "did not finish in time|no answer came|unknown"),
    ],
)
def test_shelly_errors_by_their_documented_codes(opened, code, error, words):
    with SimulatedWebRelay("shelly") as board:
        device = opened(board)
        board.error = code
        with pytest.raises(error, match=words):
            device.release(1, ENTRY, 5)


def test_garbage_is_one_line(board):
    board.plan.stand("garbage")
    device = build(board)
    with pytest.raises(Exception, match=r"check the option model|right device|restart it") as caught:
        device.open()
    assert "\n" not in str(caught.value)
    assert board.events.all("fault")
    device.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "dingtian", "rex_input": 1}, "tell no inputs over HTTP.*Modbus TCP"),
        ({"model": "kmtronic", "rex_input": 1}, "tell no inputs over HTTP"),
        ({"model": "kmtronic", "channel": 9}, "relays 1 to 8"),
        ({"model": "x"}, "model"),
        ({}, "model"),
    ],
)
def test_options_that_can_not_be(options, words):
    with pytest.raises(InvalidInput, match=words):
        Catalog().get("http_relay").build(DeviceConfig("1", "x", "http_relay", "http://127.0.0.1:9", options=options))
