"""What consoles send, in whatever pieces it comes."""

import itertools

import pytest
from hypothesis import given, strategies as st

from devicemgr.errors import DeviceGarbled
from drivers.common.http.multipart import MultipartReader

EVENT = b'{"eventType":"heartBeat"}'
FACE = b"\xff\xd8\xff\xe0 a stranger \r\n--x\r\n \xff\xd9"


def part(body, newline=b"\r\n", head=b"Content-Type: application/json; charset=UTF-8", length=True):
    lines = [b"--MIME_boundary", *([head] if head else []), *([b"Content-Length: %d" % len(body)] if length else [])]
    return newline.join([*lines, b"", body, b""])


def read(*chunks, reader=None):
    reader = reader or MultipartReader()
    return [found for chunk in chunks for found in reader.feed(chunk)]


PICTURE = part(FACE, head=b'Content-Disposition: form-data; name="Picture"\r\nContent-ID: pictureImage')
CAPTURE = (
    b"--MIME_boundary\r\n"
    + part(EVENT)
    + part(b"<a/>", b"\n", b"Content-Type: application/xml")
    + PICTURE
    + part(EVENT, head=b"", length=False)
    + part(EVENT)
)


def test_a_capture():
    found = read(CAPTURE)
    assert [one.body for one in found] == [EVENT, b"<a/>", b"", EVENT, EVENT]
    assert [one.picture for one in found] == [False, False, True, False, False]
    assert b"stranger" not in repr(found).encode()


@given(st.lists(st.integers(0, len(CAPTURE)), max_size=12))
def test_any_cut_reads_the_same(cuts):
    places = [0, *sorted(cuts), len(CAPTURE)]
    chunks = [CAPTURE[a:b] for a, b in itertools.pairwise(places)]
    assert [one.body for one in read(*chunks)] == [EVENT, b"<a/>", b"", EVENT, EVENT]


def test_byte_by_byte():
    assert len(read(*(bytes([byte]) for byte in CAPTURE))) == 5


def test_an_event_is_whole_before_the_next_boundary_comes():
    (found,) = read(part(EVENT).removesuffix(b"\r\n"))
    assert found.body == EVENT


def test_a_length_without_a_space():
    assert [one.body for one in read(b"--myboundary\r\nContent-Length:9\r\n\r\nHeartbeat\r\n")] == [b"Heartbeat"]


def test_lengths_that_lie():
    long = (
        b"--b\r\nContent-Length: 70\r\n\r\n" + EVENT + b"\r\n--b\r\nContent-Length: 25\r\n\r\n" + EVENT + b"\r\n--b\r\n"
    )
    assert [one.body for one in read(long + b"\r\n")] == [EVENT, EVENT]
    short = b"--b\r\nContent-Length: 3\r\n\r\n" + EVENT + b"\r\n--b\r\nContent-Length: 25\r\n\r\n" + EVENT
    assert [one.body for one in read(short)] == [EVENT, EVENT]


def test_bytes_count_not_letters():
    body = '{"name":"Әйгерім"}'.encode()
    assert read(part(body), part(EVENT))[0].body == body


def test_garbage_between_parts_is_left_out():
    assert len(read(part(EVENT), b"\x00\x01garbage\r\nmore\r\n", part(EVENT))) == 2


def test_the_end():
    reader = MultipartReader()
    assert len(read(part(EVENT), b"--MIME_boundary--\r\n", reader=reader)) == 1
    assert reader.ended


@pytest.mark.parametrize(
    "stream",
    [
        b"<html>" + b"x" * 9000,
        b"--b\r\n" + b"X-A: b\r\n" * 5000,
        b"--b\r\n" + b"X" * 9000,
        b"--b\r\nContent-Length: 1048577\r\n\r\n",
        b"--b\r\nContent-Length: 999999999\r\n\r\n",
        b"--b\r\n\r\n" + b"x" * 2_000_000,
        b"--b\r\n" + b"a:b\r\n" * 40 + b"\r\n{}\r\n--b\r\n",
    ],
)
def test_too_much(stream):
    with pytest.raises(DeviceGarbled):
        read(stream)


def test_when_the_device_must_hurry():
    reader = MultipartReader()
    seen = []
    for chunk in (b"--MIME_boundary", b"\r\n", b"Content", b"-Length: 2\r\n\r\n{", b"}", b"\r\n", b"--MI"):
        read(chunk, reader=reader)
        seen.append(reader.is_amid)
    assert seen == [False, False, True, True, False, False, True]
    slow = MultipartReader()
    read(*(bytes([byte]) for byte in b"--MIME_bound"), reader=slow)
    assert slow.is_amid


def test_newlines_without_end_take_no_memory():
    reader = MultipartReader()
    read(b"--b\r\n", *[b"\r\n" * 1000] * 100, reader=reader)
    assert len(reader._buffer) < 1000
