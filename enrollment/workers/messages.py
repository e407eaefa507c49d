"""Frames between the daemon and its analyzer process: two lengths, a JSON header, bytes. Nothing is unpickled."""

import json
import socket
import struct
import time
from typing import Any

import numpy as np

from devicemgr.domain.ports.recognition import Box, Embedding, FaceCrop, PhotoAnalysis

LENGTHS = struct.Struct(">II")
MAX_HEADER = 64 * 1024
MAX_BODY = 32 * 1024 * 1024


class Broken(Exception):
    """The other side is gone, or wrote what is no frame."""


def send_frame(line: socket.socket, header: dict[str, Any], body: bytes = b"", deadline: float | None = None) -> None:
    """Write one frame; TimeoutError past `deadline` (monotonic seconds), Broken when the other side is gone."""
    text = json.dumps(header).encode()
    try:
        line.settimeout(_left(deadline))
        line.sendall(LENGTHS.pack(len(text), len(body)) + text)
        line.settimeout(_left(deadline))
        line.sendall(body)
    except TimeoutError:
        raise
    except OSError as error:
        raise Broken("the other side is gone") from error


def receive_frame(line: socket.socket, deadline: float | None = None) -> tuple[dict[str, Any], bytes]:
    """Read one frame; TimeoutError past `deadline`, Broken at the end of the stream or on garbage."""
    head, size = LENGTHS.unpack(_exactly(line, LENGTHS.size, deadline))
    if head > MAX_HEADER or size > MAX_BODY:
        raise Broken(f"a frame of {head} + {size} bytes")
    try:
        header = json.loads(_exactly(line, head, deadline))
    except ValueError as error:
        raise Broken("a header that is no JSON") from error
    if not isinstance(header, dict):
        raise Broken("a header that is no object")
    return header, _exactly(line, size, deadline)


def _exactly(line: socket.socket, count: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < count:
        line.settimeout(_left(deadline))
        try:
            part = line.recv(min(count - len(data), 1 << 20))
        except TimeoutError:
            raise
        except OSError as error:
            raise Broken("the line is gone") from error
        if not part:
            raise Broken("the stream ended")
        data += part
    return bytes(data)


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("past the deadline")
    return left


def pack_vector(embedding: Embedding | None) -> bytes:
    """Little-endian float32, or nothing."""
    return b"" if embedding is None else embedding.astype("<f4").tobytes()


def unpack_vector(body: bytes) -> Embedding | None:
    """Return what pack_vector packed; Broken when it is not that."""
    if len(body) % 4:
        raise Broken("an answer that is no vector")
    return np.frombuffer(body, dtype="<f4").astype(np.float32) if body else None


def pack_box(box: Box | None) -> list[int] | None:
    """Return a box as INTERFACES orders its ends: top, right, bottom, left."""
    return None if box is None else [box.top, box.right, box.bottom, box.left]


def unpack_box(found: Any) -> Box | None:
    """Return what pack_box packed; TypeError or ValueError when it is not that."""
    if found is None:
        return None
    top, right, bottom, left = found
    return Box(int(top), int(right), int(bottom), int(left))


def pack_analysis(analysis: PhotoAnalysis) -> tuple[dict[str, Any], bytes]:
    """Return a header (the face object) and a body: the embedding, and after it the kept face's JPEG, or nothing."""
    vector, crop = pack_vector(analysis.embedding), analysis.crop
    header = {"face": analysis.as_json(), "vector": len(vector), "crop": pack_box(crop.box if crop else None)}
    return header, vector + (crop.jpeg if crop else b"")


def unpack_analysis(header: dict[str, Any], body: bytes) -> PhotoAnalysis:
    """Return what pack_analysis packed; Broken when it is not that."""
    try:
        face, vector, place = header["face"], int(header["vector"]), unpack_box(header["crop"])
        return PhotoAnalysis(
            reasons=tuple(str(reason) for reason in face["reasons"]),
            box=unpack_box(face["box"]),
            face_px=int(face["face_px"]),
            sharpness=float(face["sharpness"]),
            brightness=float(face["brightness"]),
            yaw_deg=float(face["yaw_deg"]),
            pitch_deg=float(face["pitch_deg"]),
            roll_deg=float(face["roll_deg"]),
            embedding=unpack_vector(body[:vector]),
            crop=FaceCrop(body[vector:], place) if place else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Broken("an answer that is no face object") from error
