"""What a camera gets of the password: byte by byte, from peers that ask for it in every way they can."""

import base64
import re
import socket
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import pytest

from devicemgr.domain.model import VideoSource
from devicemgr.errors import DeviceBusy, DeviceError, DeviceRefused
from drivers.common.http.digest import authorization, read_challenges
from drivers.common.video.source import open_source
from tests.drivers.common.video.rtsp_peer import PASSWORD, USER, Listener, RtspPeer, header
from tests.drivers.common.video.test_source import certificate, jpeg, part

BASIC = 'Basic realm="cam"'
DIGEST = 'Digest realm="cam", nonce="n1", qop="auth"'


class HttpPeer(Listener):
    """An MJPEG camera; `challenges` are the WWW-Authenticate values of each 401, the last for ever; "" admits."""

    def __init__(self, *challenges: list[str]) -> None:
        self._challenges = list(challenges)
        self.logins: list[str] = []
        super().__init__()

    def talk(self, peer: socket.socket) -> None:
        request = next(self.requests(peer))
        login = header(request, "Authorization")
        if login:
            self.logins.append(login)
        method, uri, _ = request.split("\r\n", 1)[0].split(" ")
        if login.startswith("Basic ") or self._is_right(login, method, uri):
            head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
            peer.sendall(head + part(jpeg((200, 30, 60))) * 20)
            return
        asked = self._challenges.pop(0) if len(self._challenges) > 1 else self._challenges[0]
        ways = "".join(f"WWW-Authenticate: {way}\r\n" for way in asked)
        peer.sendall(f"HTTP/1.1 401 Unauthorized\r\n{ways}Content-Length: 0\r\n\r\n".encode())

    def _is_right(self, login: str, method: str, uri: str) -> bool:
        challenge = read_challenges([DIGEST])
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', login))
        if challenge is None or given.get("nonce") != "n1" or not login.startswith("Digest"):
            return False
        return given["response"] in authorization(challenge, USER, PASSWORD, method, uri, given["cnonce"])


@pytest.fixture
def start() -> Iterator[Callable[[Listener], Listener]]:
    started: list[Listener] = []

    def begin(peer: Listener) -> Listener:
        started.append(peer)
        return peer

    yield begin
    for peer in started:
        peer.stop()


def plain_texts() -> list[bytes]:
    """Every form of the password that would give it away."""
    pair = base64.b64encode(f"{USER}:{PASSWORD}".encode())
    return [PASSWORD.encode(), quote(PASSWORD).encode(), pair, pair.rstrip(b"="), base64.b64encode(PASSWORD.encode())]


def assert_kept(*peers: Listener) -> None:
    for peer in peers:
        for text in plain_texts():
            assert text not in bytes(peer.received)


def source(peer: Listener, scheme: str, **options: object) -> VideoSource:
    return VideoSource(f"{scheme}://127.0.0.1:{peer.port}/live", USER, PASSWORD, options)


@pytest.mark.parametrize("ways", [[[BASIC]], [[DIGEST], [BASIC]], [[DIGEST, BASIC], [BASIC, BASIC]], [["NTLM", BASIC]]])
def test_http_basic_gets_no_password(start, ways: list[list[str]]) -> None:
    peer = start(HttpPeer(*ways))
    first, *_ = ways
    if any(way.startswith("Digest") for way in first):
        peer._is_right = lambda *_: False  # it offers Digest, takes none, and asks for Basic then
    with pytest.raises(DeviceRefused, match="clear text"):
        open_source(source(peer, "http"))
    assert peer.received
    assert_kept(peer)


@pytest.mark.parametrize("ways", [[BASIC, DIGEST], [DIGEST, BASIC], [f"{DIGEST}, {BASIC}"], [DIGEST]])
def test_http_digest_is_taken_wherever_it_stands(start, ways: list[str]) -> None:
    peer = start(HttpPeer(ways))
    open_source(source(peer, "http")).close()
    assert [login.split(" ")[0] for login in peer.logins] == ["Digest"]
    assert_kept(peer)


def test_rtsp_basic_gets_no_password(start) -> None:
    peer = start(RtspPeer(challenges=lambda *_: [BASIC]))
    with pytest.raises(DeviceRefused, match="clear text"):
        open_source(source(peer, "rtsp"))
    assert peer.refused == ["DESCRIBE"]
    assert_kept(peer)


def test_rtsp_basic_after_digest_gets_no_password(start) -> None:
    def asks(peer: RtspPeer, method: str) -> list[str]:
        return [peer.digest()] if peer.refused == ["DESCRIBE"] else [BASIC]

    peer = start(RtspPeer(one_use=True, challenges=asks))
    with pytest.raises(DeviceRefused, match="clear text"):
        open_source(source(peer, "rtsp"))
    assert peer.refused == ["DESCRIBE", "SETUP"]
    assert_kept(peer)


def test_rtsp_takes_digest_before_basic(start) -> None:
    peer = start(RtspPeer(challenges=lambda peer, _: [peer.digest(), BASIC]))
    open_source(source(peer, "rtsp")).close()
    assert {login.split(" ")[0] for login in peer.logins} == {"Digest"}
    assert_kept(peer)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_basic_where_it_is_allowed(start, scheme: str) -> None:
    peer = start(HttpPeer([BASIC]) if scheme == "http" else RtspPeer(challenges=lambda *_: [BASIC]))
    open_source(source(peer, scheme, allow_basic=True)).close()
    assert plain_texts()[2] in bytes(peer.received)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_rtsp_with_nonces_for_one_use(start, algorithm: str) -> None:
    peer = start(RtspPeer(one_use=True, algorithm=algorithm))
    stream = open_source(source(peer, "rtsp"))
    assert next(iter(stream)).size == (64, 64)
    stream.close()
    assert peer.refused[:3] == ["DESCRIBE", "SETUP", "PLAY"]
    assert_kept(peer)


def test_rtsps_trusts_the_pinned_certificate_alone(start, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pinned, key = certificate(tmp_path)
    context.load_cert_chain(pinned, key)

    class Secure(RtspPeer):
        def talk(self, peer: socket.socket) -> None:
            with context.wrap_socket(peer, server_side=True) as inner:
                super().talk(inner)

    peer = start(Secure())
    with pytest.raises(DeviceRefused, match="tls_ca"):
        open_source(source(peer, "rtsps"))
    assert not peer.received
    stream = open_source(source(peer, "rtsps", tls_ca=str(pinned)))
    assert next(iter(stream)).size == (64, 64)
    stream.close()
    assert peer.logins


@pytest.mark.parametrize(("user", "realm"), [("қарлығаш", "cam"), ("viewer", "камера Å"), ('ü"s', "cam")])
def test_names_are_utf8(start, user: str, realm: str) -> None:
    peer = start(RtspPeer(user=user, realm=realm, one_use=True))
    stream = open_source(VideoSource(f"rtsp://127.0.0.1:{peer.port}/live", user, PASSWORD))
    assert next(iter(stream)).size == (64, 64)
    stream.close()
    assert len(peer.refused) >= 3


@pytest.mark.parametrize("between", [b"\r\n", b"\x00\x01ABC def \xff", b"\x80" * 300])
def test_stray_bytes_between_packets_are_dropped(start, between: bytes) -> None:
    peer = start(RtspPeer(between=between))
    stream = open_source(source(peer, "rtsp"))
    assert len(list(islice(stream, 12))) == 12
    stream.close()


def test_a_wrong_password_is_tried_once(start) -> None:
    peer = start(RtspPeer())
    with pytest.raises(DeviceRefused, match="refuses the password"):
        open_source(VideoSource(f"rtsp://127.0.0.1:{peer.port}/live", USER, "wrong"))
    assert len(peer.logins) == 1
    peer = start(HttpPeer([DIGEST]))
    with pytest.raises(DeviceRefused, match="refuses the password"):
        open_source(VideoSource(f"http://127.0.0.1:{peer.port}/live", USER, "wrong"))
    assert len(peer.logins) == 1


@pytest.mark.parametrize(
    ("method", "status", "error", "words"),
    [
        ("DESCRIBE", "403 Forbidden", DeviceRefused, "let this user watch"),
        ("DESCRIBE", "404 Not Found", DeviceRefused, "path"),
        ("SETUP", "453 Not Enough Bandwidth", DeviceBusy, "too many programs watch this camera"),
        ("SETUP", "461 Unsupported Transport", DeviceRefused, "over TCP; set the option transport=udp"),
        # RFC 2326, 11.3: what has no advice of its own is said in the camera's words.
        ("DESCRIBE", "415 Unsupported Media Type", DeviceRefused, "status 415 Unsupported Media Type"),
        ("PLAY", "457 Invalid Range", DeviceRefused, "status 457 Invalid Range"),
        ("PLAY", "500 Internal Server Error", DeviceError, "error of its own"),
    ],
)
def test_statuses_are_explained(start, method: str, status: str, error: type[DeviceError], words: str) -> None:
    peer = start(RtspPeer(statuses={method: status}))
    with pytest.raises(error, match=words):
        open_source(source(peer, "rtsp"))


class InTurn(dict):
    """Statuses that each method gets one after the other; then it is answered."""

    def __contains__(self, method: object) -> bool:
        return bool(self.get(method))

    def __getitem__(self, method: str) -> str:
        return self.get(method).pop(0)


@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY"])
def test_a_busy_camera_gets_the_same_request_again(start, method: str) -> None:
    """RFC 2326, 7.1.1 and 11.4: 503 Service Unavailable is "not now"."""
    statuses = InTurn({method: ["503 Service Unavailable"] * 3})
    peer = start(RtspPeer(statuses=statuses))
    stream = open_source(source(peer, "rtsp"))
    assert next(iter(stream)).size == (64, 64)
    stream.close()
    assert statuses.get(method) == []


def test_a_camera_that_stays_busy_is_tried_again_later(start) -> None:
    peer = start(RtspPeer(statuses={"DESCRIBE": "503 Service Unavailable"}))
    with pytest.raises(DeviceError, match="too busy for another stream; it is tried again"):
        open_source(source(peer, "rtsp"), open_timeout=1.0)
    assert bytes(peer.received).count(b"DESCRIBE ") > 2


def test_a_refused_transport_names_the_other_one(start) -> None:
    peer = start(RtspPeer(statuses={"SETUP": "461 Unsupported Transport"}))
    with pytest.raises(DeviceRefused, match="over UDP; set the option transport=tcp"):
        open_source(source(peer, "rtsp", transport="udp"))


# RFC 7616 3.3 lets a realm hold a comma and any word: it asks for nothing.
TRAP = 'Digest realm="a, Basic realm=x", nonce="n1", algorithm=SHA-512-256'


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ([], "does not say which kind it wants"),
        (["NTLM"], r"not known here \(NTLM\)"),
        ([TRAP], r"not known here \(Digest, SHA-512-256\)"),
        (['Negotiate, Bearer realm="x"'], r"not known here \(Negotiate, Bearer\)"),
    ],
)
def test_a_login_that_is_not_known_is_named_and_gets_no_password(start, ways: list[str], words: str) -> None:
    peer = start(RtspPeer(challenges=lambda *_: ways))
    with pytest.raises(DeviceRefused, match=words):
        open_source(source(peer, "rtsp", allow_basic=True))
    assert peer.refused == ["DESCRIBE"]
    assert_kept(peer)


@pytest.mark.parametrize(
    "ways",
    [
        lambda peer: [f"{BASIC}, {peer.digest()}"],
        lambda peer: [f"{peer.digest()}, {BASIC}"],
        lambda peer: [BASIC, TRAP, peer.digest()],
        lambda peer: [peer.digest().replace("Digest", "DIGEST")],
    ],
)
def test_rtsp_challenges_are_read_one_by_one(start, ways) -> None:
    peer = start(RtspPeer(challenges=lambda peer, _: ways(peer)))
    open_source(source(peer, "rtsp", allow_basic=True)).close()
    assert {login.split(" ")[0] for login in peer.logins} == {"Digest"}
    assert_kept(peer)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_redirect_takes_nothing_elsewhere(start, scheme: str) -> None:
    other = start(Listener())
    moved = f"302 Found\r\nLocation: {scheme}://127.0.0.1:{other.port}/x"

    class Redirecting(Listener):
        def talk(self, peer: socket.socket) -> None:
            for request in self.requests(peer):
                cseq = header(request, "CSeq")
                peer.sendall(f"{scheme.upper()}/1.{scheme != 'rtsp':d} {moved}\r\nCSeq: {cseq}\r\n\r\n".encode())

    peer = start(Redirecting())
    with pytest.raises(DeviceError, match="redirects"):
        open_source(source(peer, scheme))
    assert not other.received
    assert_kept(peer)


def test_no_proxy_comes_between(start, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, peer = start(Listener()), start(HttpPeer([DIGEST]))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    open_source(source(peer, "http")).close()
    assert not proxy.received
    assert_kept(peer)


def test_the_relay_serves_ffmpeg_alone(start) -> None:
    from drivers.common.video import stream_relay

    peer = start(HttpPeer([DIGEST]))
    relay = stream_relay.HttpRelay(source(peer, "http"), 5.0)
    with socket.create_connection(("127.0.0.1", int(relay.authority.rpartition(":")[2]))) as stranger:
        stranger.sendall(b"GET /live HTTP/1.1\r\n\r\n")
        assert stranger.recv(100) == b""
    assert not peer.received
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(relay.url, timeout=10) as stream:
        assert b"image/jpeg" in stream.read(100)
    with suppress(OSError), socket.create_connection(("127.0.0.1", int(relay.authority.rpartition(":")[2]))) as late:
        late.sendall(f"GET {relay.prefix}/live HTTP/1.1\r\n\r\n".encode())
        assert late.recv(100) == b""
    relay.close()
    assert len(peer.logins) == 1
