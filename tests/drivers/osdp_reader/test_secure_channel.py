"""The Secure Channel against a recorded session between a foreign panel and a foreign reader.

Recorded by libosdp-conformance 1.38-4 (Security Industry Association), published as
tests/captures/sc-monitor-current.osdpcap of Z-bit-Systems-LLC/OSDP-Embedded: a session under the default key in which
the panel sets another one, then a session under that.
"""

import pytest

from drivers.osdp_reader.frames import build, parse
from drivers.osdp_reader.keys import DEFAULT_KEY
from drivers.osdp_reader.protocol import messages
from drivers.osdp_reader.protocol.secure_channel import SecureChannel

KEYSET = bytes.fromhex("01 10 d4 59 f0 2f 66 02 e5 65 1f 3b 55 3b c2 83 d4 3e")
# Challenge, answer, our proof, first MAC; then commands, with their data in clear, and replies.
SESSIONS = {
    "default key": (
        DEFAULT_KEY,
        """
        53 00 13 00 0d 03 11 00 76 cd cd 92 12 12 d3 ee 6a 8c 8b
        53 80 2b 00 0d 03 12 00 76 0a 00 17 03 00 ca fe de 61 62 63 64 65 66 67 68 4b 7e 2f 98 ad 79 bd 96 81 19 a8
          d1 d3 db da ee 8e fd
        53 00 1b 00 0e 03 13 00 77 a2 30 f5 d3 3b 25 f4 34 34 92 9a b2 08 de 90 a7 41 03
        53 80 1b 00 0e 03 14 01 78 d8 f5 43 e2 07 ac 5d 2e 30 be 9f ac 3a a0 4b ea 95 85
        53 00 2e 00 0f 02 17 75 ea 64 e3 51 74 e3 09 d6 6a d2 80 73 54 cd de 65 9e b5 22 6f 32 56 63 90 91 5e d7 79
          87 bf 51 7c 41 25 ec 77 64 96
        53 80 0e 00 0f 02 16 40 b1 89 2d fe 52 95
        """,
        [KEYSET],
    ),
    "own key": (
        KEYSET[2:],
        """
        53 00 13 00 0d 03 11 01 76 63 6e 34 78 f7 08 5c 57 5c e0
        53 80 2b 00 0d 03 12 01 76 0a 00 17 03 00 ca fe de 61 62 63 64 65 66 67 68 59 7b 84 67 ad 2b 55 72 96 e1 23
          4e 37 9d c3 11 2f 55
        53 00 1b 00 0e 03 13 01 77 db d8 cb 35 c8 11 88 cb dc f5 60 52 1e c8 44 69 35 64
        53 80 1b 00 0e 03 14 01 78 b1 e1 99 8a 99 22 92 28 c5 b1 1a 3d 39 22 cc 8d 65 f1
        53 00 1e 00 0f 02 17 62 4c bd ac e6 60 da 28 f9 08 0d 31 67 04 be 7a e0 3a e5 5c 71 97 fc
        53 80 3e 00 0f 02 18 46 d9 8f 68 df 2d 3b 69 a8 d0 e0 d7 ec 43 d9 b3 2e 2a be d1 f5 77 34 c4 ba a3 17 0b 80
          63 90 35 88 c4 b2 bf 14 a7 20 36 1c 56 a2 ff 97 a6 f6 c7 a4 38 56 37 7d aa 32
        """,
        [b"\0"],
    ),
}


def frames(written):
    lines = written.strip().replace("\n          ", " ").splitlines()
    return [parse(bytes.fromhex(line)) for line in lines]


@pytest.mark.parametrize("name", SESSIONS)
def test_a_recorded_session_is_made_and_read_alike(name):
    key, written, clear = SESSIONS[name]
    challenge, answer, proof, first, *exchanges = frames(written)
    channel = SecureChannel(key, challenge.data)
    assert channel.verify(answer.data)
    assert channel.cryptogram == proof.data
    channel.start(first.data)
    for command, reply, data in zip(exchanges[::2], exchanges[1::2], clear, strict=True):
        sealed = channel.encrypt(data)
        made = build(0, command.sequence, True, command.code, sealed, bytes([command.security]), channel.sign)
        assert made.hex(" ") == command.raw.hex(" ")
        sealed, mac = reply.data[:-4], reply.data[-4:]
        opened = channel.open(reply.signed, mac, sealed, is_encrypted=reply.security == 0x18)
        assert opened is not None
    if name == "own key":
        assert messages.parse_capabilities(opened)[messages.CAP_SECURITY][0] & 1


def test_another_key_is_seen_and_a_changed_reply_refused():
    key, written, _ = SESSIONS["own key"]
    challenge, answer, _, first, command, reply = frames(written)
    assert not SecureChannel(DEFAULT_KEY, challenge.data).verify(answer.data)
    for bit in range(8 * len(reply.signed)):
        channel = SecureChannel(key, challenge.data)
        channel.verify(answer.data)
        channel.start(first.data)
        channel.sign(command.signed)
        changed = bytearray(reply.signed)
        changed[bit // 8] ^= 1 << bit % 8
        assert channel.open(bytes(changed), reply.data[-4:], reply.data[:-4], is_encrypted=True) is None


# libosdp-conformance (SIA), test/osdpcap-tests/2-lstatr-power.osdpcap.
RECORDED_POLL, RECORDED_LSTATR = "53 00 08 00 04 60 eb aa", "53 80 0a 00 04 48 00 01 0f a1"


def test_recorded_frames_in_clear():
    assert build(0, 0, True, messages.POLL).hex(" ") == RECORDED_POLL
    reply = parse(bytes.fromhex(RECORDED_LSTATR))
    assert messages.parse_event(reply.code, reply.data) == messages.LocalStatus(False, True)
    # OSDP.Net, src/OSDP.Net.Tests/Tracing/PacketDecodingTest.cs.
    buzzer = "53 00 0d 00 06 6a 00 02 02 02 01 59 92"
    assert build(0, 2, True, messages.BUZ, messages.beep(2, 2, 1)).hex(" ") == buzzer
    pdid = parse(bytes.fromhex("53 80 14 00 06 45 00 0e e3 10 10 00 00 74 97 23 06 06 1b 88"))
    identity = messages.parse_identity(pdid.data)
    assert (identity.vendor.hex("-"), identity.serial, identity.firmware) == ("00-0e-e3", 0x97740000, (0x23, 6, 6))


@pytest.mark.parametrize(
    "reply",
    ["50 00 02 1a 00 00 00 00 00", "50 00 01 1a 00 00 00 00", "50 00 01 ff ff 00", "53 00 02 31", "48 00", "49", "51"],
)
def test_contents_that_do_not_fit_their_code_are_not_read(reply):
    code, *data = bytes.fromhex(reply)
    assert messages.parse_event(code, bytes(data)) == messages.Unread(code)
