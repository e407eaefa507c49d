"""A camera that speaks RTSP by hand and keeps every byte it was sent: for logins and statuses no library serves."""

import hashlib
import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

import av
import numpy as np

USER, PASSWORD = "viewer", "open sesame"


def h264(pictures: int = 30, size: int = 64) -> list[bytes]:
    """The NAL units of a short video, a key frame each picture."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = size, size, "yuv420p"
    encoder.framerate = 10
    encoder.time_base = 1 / encoder.framerate
    encoder.options = {"tune": "zerolatency", "preset": "ultrafast", "g": "1", "x264-params": "repeat-headers=1"}
    shades = [np.full((size, size, 3), 8 * number, dtype=np.uint8) for number in range(pictures)]
    packets = [p for shade in shades for p in encoder.encode(av.VideoFrame.from_ndarray(shade, format="rgb24"))]
    packets += encoder.encode(None)
    return [unit for packet in packets for unit in re.split(rb"\x00{2,3}\x01", bytes(packet)) if unit]


class Listener:
    """Threads around one listening socket; `received` is all that came, of all connections."""

    def __init__(self) -> None:
        self.received = bytearray()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def talk(self, peer: socket.socket) -> None:
        """Serve one connection."""

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._socket.accept()
                thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _serve(self, peer: socket.socket) -> None:
        with peer, suppress(OSError):
            self.talk(peer)

    def requests(self, peer: socket.socket):
        """Heads of the requests of one connection; interleaved packets are taken out."""
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                data = peer.recv(4096)
                if not data:
                    return
                self.received += data
                buffer += data
                while len(buffer) >= 4 and buffer[0] == 0x24:
                    buffer = buffer[4 + int.from_bytes(buffer[2:4], "big") :]
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            yield head.decode()


def header(request: str, name: str) -> str:
    found = re.search(rf"(?im)^{name}:\s*(.*?)\r?$", request)
    return found[1] if found else ""


class RtspPeer(Listener):
    """`challenges(peer, method)` are the WWW-Authenticate values of a 401; a login is right by `admits`.

    `one_use`: each nonce is good for one request. `statuses`: method to status line, for an answer other than 200.
    `between`: bytes that it sends between two packets of video.
    """

    def __init__(
        self,
        *,
        one_use: bool = False,
        algorithm: str = "MD5",
        statuses: dict[str, str] | None = None,
        challenges: Callable[["RtspPeer", str], list[str]] | None = None,
        user: str = USER,
        realm: str = "cam",
        between: bytes = b"",
    ) -> None:
        self.user, self.realm, self.between = user, realm, between
        self.one_use, self.algorithm, self.statuses = one_use, algorithm, statuses or {}
        self.challenges = challenges or (lambda peer, _: [peer.digest()])
        self.nonce, self.nonces = "", 0
        self.refused: list[str] = []
        self.logins: list[str] = []
        self._video = h264()
        super().__init__()

    def digest(self) -> str:
        """A fresh challenge."""
        self.nonces += 1
        self.nonce = f"n{self.nonces:030d}"
        told = "" if self.algorithm == "MD5" else f", algorithm={self.algorithm}"
        return f'Digest realm="{self.realm}", nonce="{self.nonce}"{told}'

    def admits(self, request: str) -> bool:
        login = header(request, "Authorization")
        if login:
            self.logins.append(login)
        if not login.startswith("Digest "):
            return login.startswith("Basic ")
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', login))
        method, uri, _ = request.split("\r\n", 1)[0].split(" ")
        make = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[self.algorithm]
        one = make(f"{self.user}:{self.realm}:{PASSWORD}".encode()).hexdigest()
        two = make(f"{method}:{uri}".encode()).hexdigest()
        right = make(f"{one}:{self.nonce}:{two}".encode()).hexdigest()
        good = self.nonce != "" and given["nonce"] == self.nonce and given["uri"] == uri and given["response"] == right
        if self.one_use:
            self.nonce = ""
        return good

    def talk(self, peer: socket.socket) -> None:
        for request in self.requests(peer):
            method, uri, _ = request.split("\r\n", 1)[0].split(" ")
            head = f"CSeq: {header(request, 'CSeq')}\r\n"
            if method != "OPTIONS" and not self.admits(request):
                self.refused.append(method)
                asked = "".join(f"WWW-Authenticate: {c}\r\n" for c in self.challenges(self, method))
                peer.sendall(f"RTSP/1.0 401 Unauthorized\r\n{head}{asked}\r\n".encode())
            elif method in self.statuses:
                peer.sendall(f"RTSP/1.0 {self.statuses[method]}\r\n{head}\r\n".encode())
            else:
                self.answer(peer, method, uri, head)

    def answer(self, peer: socket.socket, method: str, uri: str, head: str) -> None:
        body = ""
        if method == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
                "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
            )
            head += f"Content-Base: {uri}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1;timeout=60\r\n"
        elif method == "OPTIONS":
            head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
        peer.sendall(f"RTSP/1.0 200 OK\r\n{head}\r\n{body}".encode())
        if method == "PLAY":
            for number, unit in enumerate(self._video):
                packet = struct.pack(">BBHII", 0x80, 0x80 | 96, number, 9000 * number, 1) + unit
                peer.sendall(struct.pack(">BBH", 0x24, 0, len(packet)) + packet + self.between)
