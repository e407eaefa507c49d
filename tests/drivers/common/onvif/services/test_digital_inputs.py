"""Inputs by every vendor's topic, and inputs that are configured and never reported.

Shapes: Hikvision (Home Assistant issue 83510, firmware's GetEventProperties), Axis P3228 (issue 51157), Axis Q7401
(Kane610/axis issue 569), Imou Ranger Dual (issue 140575); ONVIF Core 9 for the rest.
"""

import pytest

from devicemgr.domain.device_events import FireRelease, GateAlarm, RexPressed
from devicemgr.domain.ledger_events import Kind
from drivers.common.onvif.options import WiredOptions
from drivers.common.onvif.services.digital_inputs import Inputs
from drivers.common.onvif.services.notifications import notices
from drivers.common.onvif.soap import envelope as soap
from tests.support.onvif_peer import envelope, notification

FORMS = {
    "onvif": ("tns1:Device/Trigger/DigitalInput", "InputToken={}", "LogicalState={}"),
    "hikvision": ("tns1:Device/Trigger/tnshik:AlarmIn", "AlarmInToken={}", "State={}"),
    "axis-port": ("tns1:Device/tnsaxis:IO/Port", "port={}", "state={}"),
    "axis-virtual-input": ("tns1:Device/tnsaxis:IO/VirtualInput", "port={}", "active={}"),
    "axis-virtual-port": ("tns1:Device/tnsaxis:IO/VirtualPort", "port={}", "state={}"),
    "imou": ("tns1:VideoSource/tns1:Device/Trigger/DigitalInput", "InputToken={}", "LogicalState={}"),
    "source-and-value": ("tns1:Device/Trigger/Alarm", "Source={}", "Value={}"),
    "any-below-device": ("tns1:Device/acme:Terminal/acme:Dry", "Channel=9 Contact={}", "Level=12 Closed={}"),
    "no-prefix": ("Device/Trigger/DigitalInput", "Token={}", "State={}"),
}
BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "TRUE": True, "FALSE": False, "active": True}


def read(*messages):
    body = envelope(f"<tev:PullMessagesResponse>{''.join(messages)}</tev:PullMessagesResponse>")
    return notices(soap.answer(body, "PullMessages"))


def facts(inputs, form, token, value, operation="Changed"):
    topic, source, data = FORMS[form]
    [notice] = read(notification(topic, source.format(token), data.format(value), operation))
    return inputs.facts(notice)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", BOOLEANS)
def test_every_form_tells_the_state_of_a_fire_input(form, value):
    inputs = Inputs(WiredOptions(fire_input="AlarmIn_1"))
    assert facts(inputs, form, "AlarmIn_1", value, "Initialized") == [FireRelease(BOOLEANS[value])]
    assert facts(inputs, form, "AlarmIn_1", value, "Initialized") == []


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_buttons_and_alarms(form):
    inputs = Inputs(WiredOptions(rex_input="00000", tamper_input="7"))
    assert facts(inputs, form, "00000", "true") == [RexPressed(1)]
    assert facts(inputs, form, "7", "true") == [GateAlarm(1, Kind.TAMPER, "input 7", active=True)]
    assert facts(inputs, form, "8", "true") == []


@pytest.mark.parametrize("form", FORMS)
def test_through_the_whole_driver(peer, connect, facts_until, listening, form):
    camera = connect(peer, fire_input="1")
    camera.open()
    listening(camera)
    topic, source, data = FORMS[form]
    peer.notify(notification(topic, source.format("1"), data.format("true")))
    assert facts_until(camera, 1) == [FireRelease(True)]
    assert camera.complaint is None


@pytest.mark.parametrize(
    ("topic", "source", "data"),
    [
        ("tns1:Device/Trigger/Relay", "RelayToken=1", "LogicalState=active"),
        ("tns1:Device/Trigger/tnshik:AlarmOut", "AlarmOutToken=1", "State=true"),
        ("tns1:Device/HardwareFailure/StorageFailure", "Token=1", "Failed=true"),
        ("tns1:Device/acme:Two", "Channel=1", "Open=true Locked=false"),
        ("tns1:Device/acme:Text", "Channel=1", "State=open"),
        ("tns1:VideoSource/MotionAlarm", "Source=1", "State=true"),
        ("tns1:Monitoring/ProcessorUsage", "Token=1", "Value=1"),
        ("tns1:Device/Trigger/DigitalInput", "InputToken=1", "LogicalState=unknown Else=true"),
    ],
)
def test_what_is_no_input_starts_no_fire(topic, source, data):
    inputs = Inputs(WiredOptions(fire_input="1"))
    assert [
        fact for notice in read(notification(topic, source, data, "Changed")) for fact in inputs.facts(notice)
    ] == []


def test_a_fire_by_either_of_two_topics_ends_with_both():
    inputs = Inputs(WiredOptions(fire_input="1"))
    assert facts(inputs, "onvif", "1", "false", "Initialized") == [FireRelease(False)]
    assert facts(inputs, "hikvision", "1", "false", "Initialized") == []
    assert facts(inputs, "hikvision", "1", "true") == [FireRelease(True)]
    assert facts(inputs, "onvif", "1", "true") == []
    assert facts(inputs, "hikvision", "1", "false") == []
    assert facts(inputs, "onvif", "1", "false") == [FireRelease(False)]


def test_virtual_ports_of_the_same_number_do_not_hide_the_real_one():
    """Axis tells of all virtual inputs at the start; with inverted inputs each of them would be a fire."""
    inputs = Inputs(WiredOptions(fire_input="1", inputs_inverted=True))
    assert facts(inputs, "axis-port", "1", "1", "Initialized") == [FireRelease(False)]
    assert facts(inputs, "axis-virtual-input", "1", "0", "Initialized") == []
    assert facts(inputs, "axis-port", "1", "0") == [FireRelease(True)]
    assert facts(inputs, "axis-port", "1", "1") == [FireRelease(False)]
    assert facts(inputs, "axis-virtual-input", "1", "1") == []
    named = Inputs(WiredOptions(fire_input="VirtualInput/1"))
    assert facts(named, "axis-port", "1", "1", "Initialized") == []
    assert facts(named, "axis-virtual-input", "1", "1", "Initialized") == [FireRelease(True)]


@pytest.mark.parametrize("option", ["fire_input", "rex_input", "tamper_input"])
def test_a_mistyped_input_is_complained_of_with_what_there_is(device, connect, listening, wait_until, option):
    camera = connect(device, **{option: "input-9"})
    camera.open()
    listening(camera)
    camera.poll()
    camera._session._opened -= 60
    assert "'input-9'" in camera.complaint
    assert "input-1, input-2" in camera.complaint
    device.set_input("input-9", False)
    wait_until(lambda: camera.poll() is not None and camera.complaint is None)


def test_an_input_that_is_not_listed_anywhere_is_complained_of_with_what_events_tell(
    peer, connect, listening, wait_until
):
    camera = connect(peer, fire_input="2")
    camera.open()
    listening(camera)
    peer.notify(notification("tns1:Device/Trigger/tnshik:AlarmIn", "AlarmInToken=AlarmIn_1", "State=false"))
    assert peer.delivered.wait(10)
    wait_until(lambda: camera.poll() == [] and camera._inputs._reported)
    assert camera.complaint is None, "it has its first seconds to tell"
    camera._session._opened -= 60
    assert "AlarmIn_1" in camera.complaint


def test_a_listed_fire_input_without_a_state_is_complained_of_and_a_button_is_not(peer, connect, listening):
    peer.answers["GetDigitalInputs"] = envelope(
        '<tmd:GetDigitalInputsResponse><tmd:DigitalInputs token="1"/><tmd:DigitalInputs token="2"/>'
        "</tmd:GetDigitalInputsResponse>"
    )
    camera = connect(peer, fire_input="1", rex_input="2")
    camera.open()
    listening(camera)
    camera._session._opened -= 60
    assert "fire input '1'" in camera.complaint
    assert "'2'" not in camera.complaint
