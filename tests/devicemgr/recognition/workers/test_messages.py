"""The lines between daemon and worker: what goes in comes out, and nothing else does."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from devicemgr.domain.model import VideoSource
from devicemgr.domain.sighting import Sighting
from devicemgr.errors import DeviceGarbled
from devicemgr.recognition.workers.messages import (
    MAX_LINE,
    Configure,
    Failed,
    Heartbeat,
    LaneConfig,
    LaneState,
    LineReader,
    Ready,
    Settled,
    decode,
    encode,
)

text = st.text(max_size=80)
moment = st.floats(0, 1e9)
numbers = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.floats(-1e6, 1e6), max_size=3)
optional = st.none() | text
options = st.dictionaries(st.sampled_from(["fps", "transport"]), st.integers() | text, max_size=2)
sources = st.builds(VideoSource, text, optional, optional, options)
plain = st.one_of(
    st.builds(Configure, st.lists(st.builds(LaneConfig, text, sources), max_size=3).map(tuple)),
    st.builds(Settled, text, text),
    st.builds(Ready, text, st.integers(0, 4096)),
    st.builds(Heartbeat, st.integers(0, 2**52)),
    st.builds(LaneState, text, st.booleans(), optional),
    st.builds(Failed, text),
    st.builds(Sighting, text, text, moment, moment, st.integers(0, 9), st.none(), st.booleans(), numbers, numbers),
)


@settings(deadline=None)
@given(plain)
def test_round_trip(message: object) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 128, 512]))
def test_embeddings_arrive_to_the_bit(seed: int, dimension: int) -> None:
    vector = np.random.default_rng(seed).normal(size=dimension).astype(np.float32)
    vector /= np.linalg.norm(vector)
    other = np.roll(vector, 1)
    got = decode(encode(Sighting("cam", "t", 1.0, 0.5, 1, vector, latest=other)))
    assert isinstance(got, Sighting)
    assert got.embedding is not None
    assert got.embedding.dtype == np.float32
    assert got.embedding.tobytes() == vector.tobytes()
    got.embedding[0] = 0.0  # its own memory
    assert got.latest is not None
    assert got.latest.tobytes() == other.tobytes()


def sighting_with(**changes: object) -> bytes:
    body = json.loads(encode(Sighting("cam", "t", 1.0, 0.5, 1, np.array([1.0, 0.0], dtype=np.float32))))
    return json.dumps({**body, **changes}).encode()


def b64(*values: float) -> str:
    return base64.b64encode(np.array(values, dtype="<f4").tobytes()).decode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[1]",
        b"null",
        b"\xff\xfe",
        b'{"type":"unknown"}',
        b'{"type":["lane"]}',
        b'{"type":"lane","lane":1,"online":true,"cause":null}',
        b'{"type":"lane","lane":"a","online":1,"cause":null}',
        b'{"type":"heartbeat","frames":-1}',
        b'{"type":"heartbeat","frames":true}',
        b'{"type":"failed","cause":"' + b"x" * 501 + b'"}',
        b"[" * 100_000,
        b'{"type":"failed","cause":"' + b"x" * MAX_LINE + b'"}',
        sighting_with(captured=float("nan")),
        sighting_with(captured="1"),
        sighting_with(captured=10**400),
        sighting_with(embedding="not base64!"),
        sighting_with(embedding="AAAA"),
        sighting_with(embedding=b64()),
        sighting_with(embedding=b64(1.0, 1.0)),
        sighting_with(embedding=b64(0.0, 0.0)),
        sighting_with(embedding=b64(float("nan"), 1.0)),
        sighting_with(embedding=b64(float("inf"), 1.0)),
        sighting_with(embedding="A" * 100_000),
        sighting_with(latest=b64(float("nan"), 1.0)),
        sighting_with(latest=[1.0, 0.0]),
        sighting_with(quality={str(i): 1.0 for i in range(33)}),
        sighting_with(timings_ms=[1]),
    ],
    ids=lambda line: line[:40].decode(errors="replace"),
)
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(DeviceGarbled):
        decode(line)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_never_escape(line: bytes) -> None:
    with pytest.raises(DeviceGarbled):
        decode(line)


@settings(deadline=None)
@given(st.lists(plain, max_size=5), st.data())
def test_lines_survive_any_cutting(messages: list[object], data: st.DataObject) -> None:
    stream = b"".join(encode(message) for message in messages)
    reader, seen = LineReader(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        seen += [decode(line) for line in reader.feed(stream[:size])]
        stream = stream[size:]
    assert seen == messages


def test_an_endless_line_is_cut_off() -> None:
    reader = LineReader()
    assert list(reader.feed(b"x" * MAX_LINE)) == []
    with pytest.raises(DeviceGarbled, match="too long"):
        reader.feed(b"x")


def test_a_password_is_in_no_repr() -> None:
    secret = "sesame-open"
    lane = LaneConfig("cam", VideoSource("rtsp://h/", "u", secret))
    assert secret not in repr(Configure((lane,)))


@pytest.mark.parametrize(
    ("value", "want"), [(5, 5.0), (5.5, 5.5), (-1, 1.0), (1e9, 60.0), ("x", 10.0), (True, 10.0), (None, 10.0)]
)
def test_options_are_bounded(value: object, want: float) -> None:
    lane = LaneConfig("cam", VideoSource("x", options={"fps": value}))
    assert lane.number("fps", 10.0, 1.0, 60.0) == want
    assert LaneConfig("cam", VideoSource("x")).number("fps", 7.0, 1.0, 60.0) == 7.0


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ([0.25, 0, 0.5, 1], (0.25, 0.0, 0.5, 1.0)),
        ([0.5, 0.5, 0.9, 0.9], (0.5, 0.5, 0.5, 0.5)),
        ([0.5, 0.5, 0.05, 0.5], (0.0, 0.0, 1.0, 1.0)),
        ([0.95, 0, 0.5, 1], (0.0, 0.0, 1.0, 1.0)),
        ([-1, 0, 1, 1], (0.0, 0.0, 1.0, 1.0)),
        ([float("nan"), 0, 1, 1], (0.0, 0.0, 1.0, 1.0)),
        ([0, 0, 1], (0.0, 0.0, 1.0, 1.0)),
        ("0,0,1,1", (0.0, 0.0, 1.0, 1.0)),
        (None, (0.0, 0.0, 1.0, 1.0)),
    ],
)
def test_a_region_of_interest_lies_in_the_picture(value: object, want: tuple[float, ...]) -> None:
    assert LaneConfig("cam", VideoSource("x", options={"roi": value})).roi() == want
