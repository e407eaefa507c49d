"""OSDP frames as bytes on the wire, both ways, and what is passed over; keys that are refused."""

import random

import pytest

from devicemgr.errors import InvalidInput
from drivers.osdp_reader.frames import MAX_BYTES, Scanner, blanked, check_of, parse
from drivers.osdp_reader.keys import read_keys, write_keys

# address, reply, sequence, security type, code, data with MAC
GOLDEN = {
    "poll": ("53 01 0e 00 0e 02 15 60 86 4e a9 75 2a 6c", (1, False, 2, 0x15, 0x60, "86 4e a9 75")),
    "id": ("53 01 09 00 04 61 00 60 23", (1, False, 0, None, 0x61, "00")),
    "pdid": (
        "53 81 14 00 04 45 33 22 11 02 01 05 00 00 00 01 02 03 74 6f",
        (1, True, 0, None, 0x45, "33 22 11 02 01 05 00 00 00 01 02 03"),
    ),
    "challenge": (
        "53 01 13 00 0e 03 11 01 76 d7 64 c8 cc e9 32 55 c4 1f 4f",
        (1, False, 2, 0x11, 0x76, "d7 64 c8 cc e9 32 55 c4"),
    ),
    "output": (
        "53 01 1e 00 0d 02 17 68 97 0d fe 93 02 72 2d 3f 0d 91 9a 32 5d 38 c2 6f 97 c9 fe 13 3c 5e",
        (1, False, 1, 0x17, 0x68, "97 0d fe 93 02 72 2d 3f 0d 91 9a 32 5d 38 c2 6f 97 c9 fe 13"),
    ),
    "ack": ("53 81 0e 00 0e 02 16 40 6f 8e 24 a0 a2 84", (1, True, 2, 0x16, 0x40, "6f 8e 24 a0")),
    "nak": ("53 81 09 00 05 41 06 50 a6", (1, True, 1, None, 0x41, "06")),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_frames(name):
    written, (address, reply, sequence, security, code, data) = GOLDEN[name]
    raw = bytes.fromhex(written)
    frame = parse(raw)
    assert (frame.address, frame.reply, frame.sequence, frame.security, frame.code, frame.data.hex(" ")) == (
        address,
        reply,
        sequence,
        security,
        code,
        data,
    )
    assert raw[-2:] == check_of(raw[:-2], crc=True)


def test_a_frame_with_a_sum_in_place_of_the_crc():
    body = bytes.fromhex("53 81 07 00 01 40")
    raw = body + bytes([-sum(body) & 0xFF])
    assert parse(raw).code == 0x40
    assert parse(raw[:-1] + bytes([raw[-1] ^ 1])) is None


def test_every_bit_matters():
    raw = bytes.fromhex(GOLDEN["output"][0])
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        assert parse(bytes(flipped)) is None


@pytest.mark.parametrize("before", ["", "ff ff", "00 53 01", "53 53 53", "53 81 ff 00 04 41", "53 81 00 00"])
@pytest.mark.parametrize("split", [1, 5, 400])
def test_a_frame_is_found_behind_noise_and_in_pieces(before, split):
    stream = bytes.fromhex(before) + bytes.fromhex(GOLDEN["ack"][0]) + bytes.fromhex(GOLDEN["nak"][0])
    scanner = Scanner()
    found = [frame for place in range(0, len(stream), split) for frame in scanner.feed(stream[place : place + split])]
    assert [frame.code for frame in found] == [0x40, 0x41]


def test_secrets_are_blanked_in_a_trace():
    for body in ("53 81 0c 00 04 53 00 02 31 32", "53 81 0c 00 04 50 00 01 1a 00", "53 01 0c 00 04 75 01 10 5a a5"):
        raw = bytes.fromhex(body)
        frame = parse(raw + check_of(raw, crc=True))
        assert blanked(frame)[6:-2] == bytes(len(frame.data))
        assert blanked(frame)[:6] == frame.raw[:6]
    ack = parse(bytes.fromhex(GOLDEN["ack"][0]))
    assert blanked(ack) == ack.raw


def test_fuzzed_streams_give_no_frame_that_was_not_sent():
    noise = random.Random(7)
    good = [bytes.fromhex(written) for written, _ in GOLDEN.values()]
    scanner = Scanner()
    for _ in range(20_000):
        raw = bytearray(noise.choice(good))
        match noise.randrange(4):
            case 0:
                raw[noise.randrange(len(raw))] ^= 1 << noise.randrange(8)
            case 1:
                del raw[noise.randrange(1, len(raw)) :]
            case 2:
                raw = bytearray(noise.randbytes(noise.randrange(MAX_BYTES)))
            case _:
                raw = raw[: noise.randrange(1, len(raw))] + noise.choice(good)[noise.randrange(3, 6) :]
        # A sum of one byte fits by chance; what it then says is still under the session's MAC.
        assert [f.raw for f in scanner.feed(bytes(raw)) if f.raw[4] & 0x04 and f.raw not in good] == []
    scanner.clear()
    assert [frame.raw for frame in scanner.feed(good[0])] == [good[0]]


GOOD = "8f3a10c7be5520d94417fa6e02b3c85d"


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("303132333435363738393a3b3c3d3e3f", "default key SCBK-D"),
        ("0" * 32, "pattern"),
        ("a5" * 16, "pattern"),
        ("000102030405060708090a0b0c0d0e0f", "pattern"),
        ("00112233445566778899aabbccddeeff", "pattern"),
        ("f0e0d0c0b0a090807060504030201000", "pattern"),
        ("8f3a10c7be5520d9" * 2, "pattern"),
        ("8f3a10c7" * 4, "pattern"),
        (GOOD[:-1], "32 hex digits"),
        (GOOD + "0", "32 hex digits"),
        ("", "32 hex digits"),
        ("secret", "32 hex digits"),
        (f"{GOOD},{GOOD},{GOOD}", "one key, or two"),
        (f"{GOOD},{'00' * 16}", "pattern"),
    ],
)
def test_keys_that_anybody_could_guess_are_refused(password, why):
    with pytest.raises(InvalidInput, match=why) as refused:
        read_keys(password)
    # Even a mistyped key is a key.
    assert not password or password not in str(refused.value)


def test_keys_as_they_are_written():
    other = "02b3c85d8f3a10c7be5520d94417fa6e"
    assert read_keys(None) == []
    assert read_keys(f" {GOOD.upper()}\n") == [bytes.fromhex(GOOD)]
    assert write_keys(read_keys(f"{GOOD},{other}")) == f"{GOOD},{other}"
    assert write_keys([]) is None
