"""Golden messages of web relay boards, each from its public document; the simulator has no part in this."""

import json

import pytest

from devicemgr.errors import DeviceGarbled, DeviceRefused, OutcomeUnknown
from drivers.common.http.client import Answer
from drivers.http_relay.boards import Devantech, Dingtian, KmTronic
from drivers.http_relay.shelly import Shelly
from drivers.http_relay.tasmota import Tasmota, pulse_time


class Script:
    """A client with answers written down: what was asked for, and what comes back."""

    def __init__(self, *answers, keys=None):
        self.sent, self._answers = [], list(answers)
        self.has_password, self.login_keys = False, keys or {}

    def _next(self, path, keys, body):
        query = "&".join(f"{name}={value}" for name, value in (keys or {}).items())
        self.sent.append((path + ("?" + query if query else ""), json.loads(body) if body else None))
        answer = self._answers.pop(0)
        return answer if isinstance(answer, Answer) else Answer(200, answer)

    def get(self, path, keys=None):
        return self._next(path, keys, b"")

    def command(self, path, keys=None, body=b""):
        return self._next(path, keys, body)


def test_shelly_switch_set():
    """shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Switch: Switch.Set with toggle_after, and was_on."""
    client = Script(b'{"id":1,"src":"shellyplus1-a8032abc7158","result":{"was_on":false}}')
    Shelly("x", client).pulse(1, 5)
    assert client.sent == [
        ("/rpc", {"id": 1, "method": "Switch.Set", "params": {"id": 0, "on": True, "toggle_after": 5}})
    ]


def test_shelly_status():
    """shelly-api-docs.shelly.cloud/gen2: status of switch:0 and input:0 as Shelly.GetStatus gives them."""
    status = (
        b'{"input:0":{"id":0,"state":false},"input:1":{"id":1,"state":null},'
        b'"switch:0":{"id":0,"source":"HTTP_in","output":true,"timer_started_at":1669000000.0,"timer_duration":5.0,'
        b'"temperature":{"tC":53.2,"tF":127.8}},"sys":{"uptime":5}}'
    )
    state = Shelly("x", Script(status)).state(with_inputs=True)
    assert (state.relays, state.inputs) == ({1: True}, {1: False})


def test_shelly_refusal():
    """An error object comes with status 500 (gen2, Common Errors)."""
    answer = Answer(500, b'{"code":-105,"message":"Argument \'id\', value 3 not found!"}')
    with pytest.raises(DeviceRefused, match=r"value 3 not found!; check channel, relay_entry and relay_exit"):
        Shelly("x", Script(answer)).switch(4, True)


@pytest.mark.parametrize(("seconds", "value"), [(0.1, 1), (0.5, 5), (11.1, 111), (11.2, 112), (12, 112), (60, 160)])
def test_tasmota_pulse_time(seconds, value):
    """tasmota.github.io/docs/Commands, PulseTime: 1..111 in 0.1 s, 112..64900 in seconds offset by 100."""
    assert pulse_time(seconds) == value


def test_tasmota_pulse_is_set_before_it_is_used():
    client = Script(
        b'{"PulseTime1":{"Set":50,"Remaining":50}}',
        b'{"POWER1":"ON"}',
        b'{"POWER1":"ON"}',
        keys={"user": "admin", "password": "joker"},
    )
    board = Tasmota("x", client)
    board.pulse(1, 5)
    board.pulse(1, 5)
    assert [target for target, _ in client.sent] == [
        "/cm?cmnd=PulseTime1 50&user=admin&password=joker",
        "/cm?cmnd=Power1 ON&user=admin&password=joker",
        "/cm?cmnd=Power1 ON&user=admin&password=joker",
    ]


@pytest.mark.parametrize("answer", [b'{"PulseTime1":"50 (Active 0)"}', b'{"PulseTime1":{"Set":50,"Remaining":0}}'])
def test_tasmota_pulse_time_of_old_and_new_firmware_with_one_relay(answer):
    client = Script(answer, b'{"POWER":"ON"}')
    Tasmota("x", client).pulse(1, 5)


def test_tasmota_status():
    """Status 11 and 10: StatusSTS with POWER1, StatusSNS with Switch1."""
    client = Script(
        b'{"StatusSTS":{"Time":"2026-11-30T01:00:00","POWER1":"OFF","POWER2":"ON","Wifi":{"AP":1}}}',
        b'{"StatusSNS":{"Time":"2026-11-30T01:00:00","Switch1":"ON","Switch2":"OFF"}}',
    )
    state = Tasmota("x", client).state(with_inputs=True)
    assert (state.relays, state.inputs) == ({1: False, 2: True}, {1: True, 2: False})


def test_tasmota_does_not_know_a_relay():
    with pytest.raises(DeviceRefused, match=r"does not know Power4 OFF"):
        Tasmota("x", Script(b'{"Command":"Unknown"}')).switch(4, False)


def test_dingtian_cgi():
    """Power::Outlet::Dingtian: relays from 0, type 1 with time in 100 ms; relay_cgi_load.cgi lists count and states."""
    client = Script(b"&0&1&1&1&50&", b"&0&0&0&0&0&", b"&0&4&0&1&0&0&", keys={"pwd": "0"})
    board = Dingtian("x", client)
    board.pulse(2, 5)
    board.switch(1, False)
    assert board.state(with_inputs=False).relays == {1: False, 2: True, 3: False, 4: False}
    assert [target for target, _ in client.sent] == [
        "/relay_cgi.cgi?type=1&relay=1&on=1&time=50&pwd=0",
        "/relay_cgi.cgi?type=0&relay=0&on=0&time=0&pwd=0",
        "/relay_cgi_load.cgi",
    ]


@pytest.mark.parametrize(
    ("seconds", "kind", "time"), [(0.05, 1, 1), (5, 1, 50), (25.5, 1, 255), (26, 2, 26), (29.2, 2, 30), (1800, 2, 1800)]
)
def test_dingtian_times_in_tenths_and_above_255_of_them_in_seconds(seconds, kind, time):
    """Users of DT-R boards: type 1 takes 1 to 255 (1 is 100 ms), type 2 takes 1 to 65535 s (1800 for 30 minutes)."""
    client = Script(f"&0&{kind}&0&1&{time}&".encode(), keys={"pwd": "0"})
    Dingtian("x", client).pulse(1, seconds)
    assert client.sent == [(f"/relay_cgi.cgi?type={kind}&relay=0&on=1&time={time}&pwd=0", None)]


def test_dingtian_answer_of_a_board():
    """Captured from a DT-R002 with V3.1.276A (a public report on its login): type, relay, on and time come back."""
    client = Script(b"&0&0&0&1&0&")
    Dingtian("x", client).switch(1, True)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"&302&", DeviceRefused),
        (b"<html>", OutcomeUnknown),
        (b"", OutcomeUnknown),
        (b"&" * 60_000, OutcomeUnknown),
    ],
)
def test_dingtian_results_that_are_not_done(answer, error):
    with pytest.raises(error):
        Dingtian("x", Script(answer)).switch(1, True)


def test_devantech_pages():
    """ETH008 manual, "HTTP commands DOAx and DOIx": io.cgi?DOA2=10 makes output 2 active for 1 second."""
    client = Script(b"Success!", b"Success!", b"<response><relay1>0</relay1><relay2>1</relay2></response>")
    board = Devantech("x", client)
    board.pulse(2, 1)
    board.switch(1, False)
    assert board.state(with_inputs=False).relays == {1: False, 2: True}
    assert [target for target, _ in client.sent] == ["/io.cgi?DOA2=10", "/io.cgi?DOI1=0", "/status.xml"]


def test_kmtronic_pages():
    """Home Assistant, tests of kmtronic: /FF0101 and <response><relay0>0</relay0><relay1>0</relay1></response>."""
    client = Script(b"", b"", b"<response>\r\n<relay0>0</relay0>\r\n<relay1>1</relay1>\r\n</response>")
    board = KmTronic("x", client)
    board.switch(1, True)
    board.switch(8, False)
    assert board.state(with_inputs=False).relays == {1: True}
    assert [target for target, _ in client.sent] == ["/FF0101", "/FF0800", "/status.xml"]


@pytest.mark.parametrize("body", [b"", b"<html>login</html>", b"<relay0>0</relay0>", b"<relay1>2</relay1>"])
def test_a_page_without_relays_is_no_state(body):
    with pytest.raises(DeviceGarbled, match="names no relays"):
        KmTronic("x", Script(body)).state(with_inputs=False)


def test_a_generation_one_shelly_is_refused():
    client = Script(b'{"type":"SHSW-1","mac":"A8032ABE54DC","auth":false}')
    with pytest.raises(DeviceRefused, match="generation 2"):
        Shelly("x", client).identify()
