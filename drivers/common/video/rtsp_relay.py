"""The relay of an RTSP stream (RFC 2326): requests are logged in, video between the responses goes through as it is."""

import re
import socket
import struct
from dataclasses import dataclass

from devicemgr.domain.model import VideoSource
from devicemgr.errors import DeviceError, DeviceGarbled, DeviceRefused
from drivers.common.video.stream_relay import Head, StreamRelay, refusal_of, split_head

_DOLLAR = 0x24  # begins an interleaved packet (RFC 2326 10.12): "$", channel, length
_PACKET = struct.Struct(">BBH")
# What may follow bytes that are neither: a packet of a low channel, a response, or what a camera asks of a player.
_MESSAGE = re.compile(rb"\$[\x00-\x1f]|RTSP/1|(?:OPTIONS|ANNOUNCE|[GS]ET_PARAMETER|REDIRECT|TEARDOWN) ")
_MAX_OPEN_REQUESTS = 16
# Answers to these decide whether there is a stream; what comes later (keep-alives) never ends one.
_DECIDING = frozenset({"OPTIONS", "DESCRIBE", "SETUP", "PLAY"})


@dataclass
class Request:
    """One of FFmpeg's requests, as the camera gets it, and how many 401 answers it had."""

    method: str
    uri: str
    head: Head
    body: bytes
    refusals: int = 0


class RtspRelay(StreamRelay):
    """Relay of one RTSP connection; FFmpeg knows it by an address of its own, the camera by the camera's."""

    def __init__(self, source: VideoSource, timeout_s: float) -> None:
        self._path = source.url.split("#", 1)[0].partition("://")[2].partition("/")[2]
        self._from_player, self._from_camera = bytearray(), bytearray()
        self._open: dict[str, Request] = {}
        self._is_playing = False
        self._is_udp = source.options.get("transport") == "udp"
        super().__init__(source, timeout_s)
        self._here = f"rtsp://{self.authority}{self.prefix}"
        self.url = f"{self._here}/{self._path}"

    def serve(self, player: socket.socket, first: bytes) -> None:
        """Carry requests, responses and video until one side ends."""
        self.camera.settimeout(None)
        self._take_from_player(first)
        self.pump(player, self._take_from_player, lambda data: self._take_from_camera(player, data))

    def _take_from_player(self, data: bytes) -> None:
        buffer = self._from_player
        buffer += data
        while buffer:
            if buffer[0] == _DOLLAR:  # a receiver report
                packet = _split_packet(buffer)
                if packet is None:
                    return
                self.camera.sendall(packet)
                continue
            message = _split_message(buffer)
            if message is None:
                return
            self._take_request(*message)

    def _take_request(self, head: Head, body: bytes) -> None:
        words = head.start.split(" ")
        if len(words) != 3:
            self.camera.sendall(head.encode() + body)  # an answer to the camera's request
            return
        method, uri, version = words
        if uri.startswith(self._here):
            uri = self.base + uri.removeprefix(self._here)
        sent = head.without("authorization")
        sent.start = f"{method} {uri} {version}"
        request = Request(method, uri, sent, body)
        while len(self._open) >= _MAX_OPEN_REQUESTS:
            del self._open[next(iter(self._open))]
        self._open[head.value("cseq")] = request
        self._send(request)

    def _send(self, request: Request) -> None:
        head = Head(request.head.start, list(request.head.fields))
        if header := self.login.authorization(request.method, request.uri):
            head.fields.append(("Authorization", header))
        self.camera.sendall(head.encode() + request.body)

    def _take_from_camera(self, player: socket.socket, data: bytes) -> None:
        buffer, out = self._from_camera, bytearray()
        buffer += data
        while buffer:
            if buffer[0] == _DOLLAR:
                packet = _split_packet(buffer)
                if packet is None:
                    break
                out += packet
                continue
            if not _begins_message(buffer):
                break
            if buffer[0] == _DOLLAR:
                continue
            message = _split_message(buffer)
            if message is None:
                break
            out += self._take_response(*message)
        if out:
            player.sendall(out)

    def _take_response(self, head: Head, body: bytes) -> bytes:
        """Return what FFmpeg gets of it; nothing when the request was sent once more with a login."""
        if not head.start.startswith("RTSP/"):
            return head.encode() + body
        cseq = head.value("cseq") or next(reversed(self._open), "")  # some cameras leave it out
        request = self._open.pop(cseq, None)
        if request is None:
            return head.without("www-authenticate").encode() + body
        if request.method in _DECIDING and not self._is_playing and self.outwaits(head.status):
            self._open[cseq] = request
            self._send(request)
            return b""
        refusal = refusal_of(head.status, head.reason)
        if head.status == 461 and self._is_udp:
            refusal = DeviceRefused("the camera does not send video over UDP; set the option transport=tcp")
        if head.status == 401:
            request.refusals += 1
            try:
                self.login.take_challenge(head.values("www-authenticate"), request.refusals)
            except DeviceError as error:
                refusal = error
            else:
                self._open[cseq] = request
                self._send(request)
                return b""
        if refusal is not None:
            if request.method in _DECIDING and not self._is_playing:
                self.refusal = refusal
            return Head(head.start, [("CSeq", cseq)]).encode()
        self._is_playing |= request.method == "PLAY"
        return self._with_source(head).encode() + body

    def _with_source(self, head: Head) -> Head:
        """Return the head with the camera's address in a UDP transport, where FFmpeg sends its reports."""
        host = self.camera.getpeername()[0]

        def named(name: str, value: str) -> str:
            is_udp = name.lower() == "transport" and "interleaved" not in value and "multicast" not in value
            return f"{value};source={host}" if is_udp and "source=" not in value else value

        return Head(head.start, [(name, named(name, value)) for name, value in head.fields])


def _split_packet(buffer: bytearray) -> bytes | None:
    """Take a whole interleaved packet from the buffer; None while it is not whole."""
    if len(buffer) < _PACKET.size:
        return None
    size = _PACKET.size + _PACKET.unpack_from(buffer)[2]
    if len(buffer) < size:
        return None
    packet = bytes(buffer[:size])
    del buffer[:size]
    return packet


def _begins_message(buffer: bytearray) -> bool:
    """Drop what begins neither a message nor a packet; False when more bytes are needed to know."""
    found = _MESSAGE.search(buffer)
    if found is not None:
        del buffer[: found.start()]
        return True
    del buffer[:-20]
    return False


def _split_message(buffer: bytearray) -> tuple[Head, bytes] | None:
    """Take a whole message from the buffer; None while it is not whole."""
    copy = bytearray(buffer)
    data = split_head(copy)
    if data is None:
        return None
    head = Head.parse(data)
    if len(copy) < head.length:
        return None
    if not head.start.isprintable():
        raise DeviceGarbled("the camera's answers are not RTSP; check the address")
    body = bytes(copy[: head.length])
    del copy[: head.length]
    buffer[:] = copy
    return head, body
