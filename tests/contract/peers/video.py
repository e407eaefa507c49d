"""An RTSP camera: RFC 2326, with the statuses that cameras give when too many watch."""

import contextlib
import re
import socket
import struct
import threading

import av
import numpy as np

from tests.contract.peers.base import COMMAND, READING, UNKNOWN, UNSEEN, Peer


def _units() -> list[bytes]:
    """Return the NAL units of a short video."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width = encoder.height = 64
    encoder.framerate, encoder.pix_fmt = 10, "yuv420p"
    encoder.time_base = 1 / encoder.framerate
    encoder.options = {"tune": "zerolatency", "preset": "ultrafast", "g": "1", "x264-params": "repeat-headers=1"}
    pictures = [np.full((64, 64, 3), 8 * number, dtype=np.uint8) for number in range(30)]
    packets = [p for one in pictures for p in encoder.encode(av.VideoFrame.from_ndarray(one, format="rgb24"))]
    return [unit for packet in packets for unit in re.split(rb"\x00{2,3}\x01", bytes(packet)) if unit]


class RtspPeer(Peer):
    """Answers OPTIONS, DESCRIBE, SETUP and PLAY, and sends 3 s of H.264 interleaved (RFC 2326, 10.12; RFC 6184).

    Its "not now" is 503 Service Unavailable (7.1.1) to DESCRIBE.
    """

    silence_shows_in = "check"
    without = {
        COMMAND: "a stream has no gate and is given no commands",
        UNSEEN: "a stream has no inputs that options could name",
        UNKNOWN: "a stream reports pictures only and no events",
    }

    def __init__(self) -> None:
        super().__init__()
        self._units = _units()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/live"
        self._lines: list[socket.socket] = []
        self._ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self._lines.append(line)
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            buffer = b""
            while block := line.recv(65536):
                buffer += block
                while b"\r\n\r\n" in buffer:
                    head, _, buffer = buffer.partition(b"\r\n\r\n")
                    if not self.swallows():
                        self._answer(line, head.decode("latin-1"))

    def _answer(self, line: socket.socket, head: str) -> None:
        method, url, _ = head.split("\r\n", 1)[0].split(" ", 2)
        number = re.search(r"(?im)^CSeq:\s*(\d+)", head)
        status, more, body = "200 OK", "", ""
        if method == "DESCRIBE":
            if self.is_busy_for(READING):
                status = "503 Service Unavailable"
            else:
                body = (
                    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=live\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
                    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
                )
                more = f"Content-Base: {url}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 12345678;timeout=60\r\n"
        elif method == "OPTIONS":
            more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        line.sendall(f"RTSP/1.0 {status}\r\nCSeq: {number[1] if number else 0}\r\n{more}\r\n{body}".encode())
        for place, unit in enumerate(self._units if method == "PLAY" else []):
            packet = struct.pack(">BBHII", 0x80, 0xE0, place, 9000 * place, 1) + unit
            line.sendall(struct.pack(">BBH", 0x24, 0, len(packet)) + packet)

    def close(self) -> None:
        for line in (self._listener, *self._lines):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
