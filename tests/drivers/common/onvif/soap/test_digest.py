"""HTTP Digest as RFC 7616 has it, checked by a peer of its own: several challenges, SHA-256, one-use nonces, and a
token beside it. ONVIF Core 5.9: a device may ask for either or for both.
"""

import base64
import hashlib
import re
from datetime import UTC, datetime

import pytest

from devicemgr.errors import DeviceRefused
from tests.support.onvif_peer import NOT_AUTHORIZED, fault

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
MD5 = 'Digest realm="cam", qop="auth", nonce="{}", algorithm=MD5'
SHA256 = 'Digest realm="cam, one", qop="auth,auth-int", nonce="{}", opaque="op", algorithm=SHA-256'
SHA512 = 'Digest realm="cam", qop="auth", nonce="{}", algorithm=SHA-512-256'
BASIC = 'Basic realm="cam"'


class Gate:
    """Lets requests in that answer one of the challenges; `wants_token` asks for a UsernameToken beside that."""

    def __init__(self, peer, *challenges, merged=False, once=False, wants_token=False, says_both=False):
        self.peer, self.challenges, self.merged, self.once = peer, challenges, merged, once
        self.wants_token, self.says_both = wants_token, says_both
        self.nonces, self.used, self.refused, self.algorithms = [], set(), 0, set()
        peer.services = ("trt",)  # the connection of the events takes a challenge of its own
        for operation in ("GetServices", "GetDeviceInformation", "GetProfiles"):
            peer.answers[operation] = self._guard(operation)

    def _guard(self, operation):
        def answer(handler, body):
            right = self.digest_is_right(handler.command, handler.headers.get("Authorization", ""))
            if not right:
                self.challenge(handler)
            elif self.wants_token and not token_is_right(body):
                self.refused += 1
                handler.reply(400, NOT_AUTHORIZED)
            else:
                handler.reply(200, self.peer.usual(operation))

        return answer

    def challenge(self, handler):
        self.refused += 1
        self.nonces.append(f"nonce{len(self.nonces)}")
        headers = [challenge.format(self.nonces[-1]) for challenge in self.challenges]
        body = NOT_AUTHORIZED if self.says_both else b""
        handler.send_response(401)
        for header in [", ".join(headers)] if self.merged else headers:
            handler.send_header("WWW-Authenticate", header)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def digest_is_right(self, method, header):
        fields = {key: quoted or bare for key, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', header)}
        if not header.startswith("Digest ") or fields.get("nonce") not in self.nonces:
            return False
        digest = HASHES[fields.get("algorithm", "MD5")]
        first = digest(f"admin:{fields['realm']}:admin".encode()).hexdigest()
        second = digest(f"{method}:{fields['uri']}".encode()).hexdigest()
        middle = f"{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}"
        use = (fields["nonce"], "" if self.once else fields["nc"])
        if fields["response"] != digest(f"{first}:{middle}:{second}".encode()).hexdigest() or use in self.used:
            return False
        self.used.add(use)
        self.algorithms.add(fields.get("algorithm", "MD5"))
        return True


def token_is_right(body):
    """As WS-UsernameToken Profile 1.1 section 3.1 has it."""
    found = re.search(
        r"Username>(.*?)<.*?PasswordDigest\">(.*?)<.*?Nonce[^>]*>(.*?)<.*?Created[^>]*>(.*?)<", body, re.DOTALL
    )
    if found is None:
        return False
    raw = base64.b64decode(found[3]) + found[4].encode() + b"admin"
    age = datetime.now(UTC) - datetime.fromisoformat(found[4].replace("Z", "+00:00"))
    right = found[2] == base64.b64encode(hashlib.sha1(raw).digest()).decode()
    return found[1] == "admin" and right and abs(age.total_seconds()) < 30


@pytest.mark.parametrize("merged", [False, True], ids=["each-a-header", "in-one-header"])
@pytest.mark.parametrize(
    ("challenges", "taken"),
    [
        ((MD5,), "MD5"),
        ((MD5, SHA256), "SHA-256"),
        ((SHA256, MD5), "SHA-256"),
        ((BASIC, SHA512, SHA256, MD5), "SHA-256"),
        ((SHA512, MD5, BASIC), "MD5"),
    ],
)
def test_the_strongest_known_challenge_is_taken(peer, connect, challenges, taken, merged):
    gate = Gate(peer, *challenges, merged=merged)
    connect(peer).open()
    assert gate.algorithms == {taken}
    assert gate.refused == 1, "one challenge, then each request carries the next count of its nonce"


def test_nonces_for_one_use(peer, connect):
    gate = Gate(peer, SHA256, once=True)
    camera = connect(peer)
    camera.open()
    camera.open()
    assert gate.algorithms == {"SHA-256"}
    assert camera._device.login.skew_seconds is not None


@pytest.mark.parametrize("says_both", [False, True], ids=["by-a-fault-after-digest", "in-one-answer"])
def test_digest_and_token_in_one_request_for_a_device_that_asks_for_both(peer, connect, says_both):
    gate = Gate(peer, MD5, wants_token=True, says_both=says_both)
    camera = connect(peer)
    assert camera.open().model == "M1"
    assert gate.refused <= 2
    before = gate.refused
    camera.open()
    assert gate.refused == before, "known from then on"


def test_a_device_that_asks_for_digest_alone_gets_no_token(peer, connect):
    Gate(peer, MD5)
    connect(peer).open()
    with_digest = [body for _, _, body, headers in peer.requests if "Digest" in headers.get("Authorization", "")]
    assert with_digest
    assert not any("UsernameToken" in body for body in with_digest)


@pytest.mark.parametrize("wants_token", [False, True])
def test_a_wrong_password_is_still_tried_twice_only(peer, connect, wants_token):
    gate = Gate(peer, MD5, SHA256, wants_token=wants_token, says_both=wants_token)
    for _ in range(4):
        camera = connect(peer, password="wrong")
        with pytest.raises(DeviceRefused, match="password"):
            camera.open()
        with pytest.raises(DeviceRefused, match="password"):
            camera.open()
    assert gate.refused <= 4 * 2


@pytest.mark.parametrize(("challenge", "words"), [(BASIC, "clear text"), (SHA512, "SHA-512-256"), ("NTLM", "NTLM")])
def test_a_login_that_is_not_known_is_named(peer, connect, challenge, words):
    Gate(peer, challenge)
    with pytest.raises(DeviceRefused, match=words):
        connect(peer).open()


HIKVISION = (
    b'<?xml version="1.0" encoding="UTF-8"?><userCheck version="1.0"><statusValue>401</statusValue>'
    b"<statusString>Unauthorized</statusString><lockStatus>lock</lockStatus><unlockTime>1740</unlockTime></userCheck>"
)
LOCKED = fault("ter:NotAuthorized", "The account is locked, try again later")


@pytest.mark.parametrize(("status", "body"), [(401, HIKVISION), (400, LOCKED)], ids=["userCheck", "fault"])
def test_a_locked_account_is_named_and_left_alone(peer, connect, status, body):
    """Hikvision's userCheck: DEVICE_FACTS section 1."""
    challenge = {"WWW_Authenticate": MD5.format("n")} if status == 401 else {}
    peer.answers["GetServices"] = lambda handler, _: handler.reply(status, body, **challenge)
    camera = connect(peer)
    for _ in range(3):
        with pytest.raises(DeviceRefused, match="has locked this account"):
            camera.open()
    assert peer.operations().count("GetServices") == 1
