"""Sloppy answers are read on, in typed calls and in events; dangerous ones are refused within the same bounds.

Seen in the field, as named at each: issues of Home Assistant, of python-onvif-zeep-async and DEVICE_FACTS section 8.
"""

import gzip
import logging
import resource
import time
import tracemalloc
import zlib

import pytest

from devicemgr.domain.device_events import FireRelease
from devicemgr.errors import DeviceError, DeviceGarbled
from drivers.common.onvif.soap import envelope as soap
from drivers.common.onvif.soap.bodies import plain_body
from tests.support.onvif_peer import envelope, notification

INPUT = "tns1:Device/Trigger/DigitalInput"
MTOM = (
    b'--uuid:1\r\nContent-Type: application/xop+xml; charset=utf-8; type="application/soap+xml"\r\n'
    b"Content-ID: <root>\r\n\r\n%s\r\n--uuid:1--\r\n"
)
# Home-assistant.io issue 40942: a camera uses wsa: and wsnt: and declares neither.
UNDECLARED = ('xmlns:wsa="http://www.w3.org/2005/08/addressing" ', 'xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" ')


def without_declarations(body):
    for declaration in (*UNDECLARED, 'xmlns:tt="http://www.onvif.org/ver10/schema" '):
        body = body.replace(declaration.encode(), b"")
    return body


SLOPPY = {
    "newline-first": lambda body: (b"\r\n" + body, {}),
    "byte-order-mark": lambda body: (b"\xef\xbb\xbf\n" + body, {}),
    "trailing-nuls": lambda body: (body + b"\x00\x00\x00", {}),
    "trailing-chunk-mark": lambda body: (body + b"\r\n0\r\n\r\n", {}),
    # Home Assistant issue 89620: GB2312 (0xCE 0xC4) in an answer that says UTF-8.
    "bad-byte": lambda body: (body.replace(b">M1<", b">\xce\xc4_A<").replace(b">Main<", b">\xce\xc4_A<"), {}),
    "control-byte": lambda body: (body.replace(b">M1<", b">M\x011<").replace(b">Main<", b">M\x01<"), {}),
    "bare-ampersand": lambda body: (body.replace(b"/stream<", b"/stream?a=1&b=2<"), {}),
    "undeclared": lambda body: (without_declarations(body), {}),
    # Pull request 135 of python-onvif-zeep-async: a Pelco camera.
    "gzip": lambda body: (gzip.compress(body), {"Content_Encoding": "gzip"}),
    "gzip-not-said": lambda body: (gzip.compress(body), {}),
    "gzip-said-and-plain": lambda body: (body, {"Content_Encoding": "gzip"}),
    "deflate": lambda body: (zlib.compress(body), {"Content_Encoding": "deflate"}),
    "multipart": lambda body: (
        MTOM % body,
        {"Content_Type": 'multipart/related; boundary="uuid:1"; start="<root>"; type="application/xop+xml"'},
    ),
    "soap-1.1": lambda body: (
        body.replace(b"http://www.w3.org/2003/05/soap-envelope", b"http://schemas.xmlsoap.org/soap/envelope/"),
        {"Content_Type": "text/xml"},
    ),
    "everything": lambda body: (
        gzip.compress(b"\n" + without_declarations(body.replace(b">M1<", b">\xce\xc4<")) + b"\x00"),
        {"Content_Encoding": "gzip"},
    ),
}


@pytest.mark.parametrize("kind", SLOPPY)
def test_a_sloppy_device_is_opened_and_its_events_are_read(peer, connect, facts_until, listening, kind):
    peer.altered = lambda operation, body: SLOPPY[kind](body)
    camera = connect(peer, fire_input="1")
    info = camera.open()
    assert info.manufacturer == "Acme"
    assert camera._profiles[0].encoding == "H264", "a typed call through the schemas"
    assert camera.stream().url.startswith(f"{peer.address}/stream")
    listening(camera)
    peer.notify(notification(INPUT, "InputToken=1", "LogicalState=true"))
    assert facts_until(camera, 1) == [FireRelease(True)]


def test_optional_elements_may_be_missing(peer, connect):
    peer.answers["GetProfiles"] = envelope(
        '<trt:GetProfilesResponse><trt:Profiles token="p1"><tt:VideoEncoderConfiguration token="v1">'
        "<tt:Encoding>H264</tt:Encoding></tt:VideoEncoderConfiguration></trt:Profiles></trt:GetProfilesResponse>"
    )
    peer.answers["GetDeviceInformation"] = envelope(
        "<tds:GetDeviceInformationResponse><tds:Model>M1</tds:Model></tds:GetDeviceInformationResponse>"
    )
    peer.answers["GetRelayOutputs"] = envelope(
        '<tds:GetRelayOutputsResponse><tds:RelayOutputs token="r1"/></tds:GetRelayOutputsResponse>'
    )
    camera = connect(peer)
    assert camera.open().model == "M1"
    assert camera._profile().token == "p1"
    assert camera.check()["relays"] == [{"token": "r1", "mode": "", "delay_s": 0.0, "idle": ""}]


def test_values_that_are_none_leave_no_traceback_in_the_log(peer, connect, caplog):
    peer.answers["GetProfiles"] = envelope(
        '<trt:GetProfilesResponse><trt:Profiles token="p1" fixed="perhaps"><tt:Name>n</tt:Name>'
        '<tt:VideoEncoderConfiguration token="v1"><tt:Name>v</tt:Name><tt:UseCount>many</tt:UseCount>'
        "<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>wide</tt:Width><tt:Height>480</tt:Height>"
        "</tt:Resolution><tt:Quality>good</tt:Quality></tt:VideoEncoderConfiguration></trt:Profiles>"
        "</trt:GetProfilesResponse>"
    )
    with caplog.at_level(logging.DEBUG):
        connect(peer).open()
    assert "GetProfiles" in peer.operations()
    assert [record for record in caplog.records if record.exc_info or record.name.startswith("zeep")] == []


@pytest.mark.parametrize(
    "label", ['Value="Tor <1>"', 'Value="the "red" door"', "Value=unquoted", 'Value="no end'], ids=str
)
def test_one_bad_label_does_not_lose_a_whole_pull(peer, connect, facts_until, listening, label, caplog):
    camera = connect(peer, fire_input="1")
    camera.open()
    listening(camera)
    bad = notification("tns1:VideoSource/MotionAlarm", "Source=x", "State=true").replace('Value="x"', label)
    assert label in bad
    fire = notification(INPUT, "InputToken=1", "LogicalState=true")
    peer.notify(bad, fire, bad)
    assert facts_until(camera, 1) == [FireRelease(True)]
    assert camera._session.pump.subscriptions == 1
    assert "2 of the notifications" in caplog.text


HOSTILE = {
    "gzip-bomb": lambda: (gzip.compress(b" " * 30_000_000), {"Content_Encoding": "gzip"}),
    "gzip-bomb-not-said": lambda: (gzip.compress(b"<a/>" * 10_000_000), {}),
    "deflate-bomb": lambda: (zlib.compress(b" " * 30_000_000), {"Content_Encoding": "deflate"}),
    "gzip-cut": lambda: (gzip.compress(envelope("<tds:GetDeviceInformationResponse/>"))[:-12], {}),
    "brotli": lambda: (b"\x8b\x00\x80", {"Content_Encoding": "br"}),
    "dtd-after-newline": lambda: (b"\n<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>\x00", {}),
    "deep-and-undeclared": lambda: (b"\n" + b"<x:a>" * 50_000, {}),
    "parts-of-parts": lambda: (b"--b\r\n\r\n" * 200_000, {"Content_Type": "multipart/related; boundary=b"}),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_dangerous_is_refused_within_the_bounds(peer, connect, kind):
    peer.altered = lambda operation, body: HOSTILE[kind]() if operation == "GetDeviceInformation" else (body, {})
    before = peak()
    with pytest.raises(DeviceGarbled):
        connect(peer).open()
    assert "GetDeviceInformation" in peer.operations()
    assert peak() - before < 40 * 1024


def peak():
    """Peak of resident memory, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_never_inflated_as_a_whole(encoding):
    bomb = (gzip.compress if encoding == "gzip" else zlib.compress)(b"<a/>" * 15_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(DeviceGarbled, match="larger than 5 MB"):
            plain_body(bomb, encoding, "")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000, "of 60,000,000"
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body",
    [
        b"<" + b"a:" * 900_000,
        b"<a " + b'"' * 1_900_000,
        b"&" * 1_900_000,
        b"<NotificationMessage " * 59_000,
        b"<a " + b"a:b " * 400_000,
        b"<a b=" + b"' " * 900_000,
    ],
    ids=["name", "quotes", "ampersands", "notifications", "attributes", "apostrophes"],
)
def test_mending_takes_time_in_proportion_to_the_answer(body):
    before = time.thread_time()
    with pytest.raises(DeviceError):
        soap.parsed(body, "GetServices")
    assert time.thread_time() - before < 5, "seconds of the processor, of which it took 200 by one careless expression"


def test_a_busy_device_is_asked_again_and_only_that(peer, connect):
    refusals = iter([503, 429])
    usual = peer.usual("GetProfiles")

    def busy(handler, body):
        status = next(refusals, 200)
        handler.reply(status, usual if status == 200 else b"busy")

    peer.answers["GetProfiles"] = busy
    camera = connect(peer)
    camera.open()
    assert peer.operations().count("GetProfiles") == 3
    assert peer.operations().count("GetServices") == 1


def test_a_refusal_of_who_it_is_does_not_keep_a_camera_away(peer, connect):
    """DEVICE_FACTS section 8: a fault for GetDeviceInformation."""
    peer.answers["GetDeviceInformation"] = peer.usual("NoSuchOperation")
    camera = connect(peer)
    assert camera.open().model == ""
    assert camera.stream().url.endswith("/stream")
