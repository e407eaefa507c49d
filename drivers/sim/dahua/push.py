"""Pushes of a simulated terminal: multipart/mixed, part `info` repeated before each image, some bodies deflated."""

import http.client
import json
import zlib
from collections.abc import Sequence
from typing import Any

_BOUNDARY = "myboundary"
_ANSWER_BYTES = 65_536


def push_body(info: dict[str, Any], pictures: Sequence[bytes]) -> bytes:
    """Write `info` before each image, or once alone."""
    fields = json.dumps(info, ensure_ascii=False).encode()
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="info"\r\nContent-Type: text/plain\r\n'
    said = head.encode() + f"Content-Length: {len(fields)}\r\n\r\n".encode() + fields + b"\r\n"
    body = b""
    for picture in pictures:
        image = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
        image += f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
        body += said + image.encode() + picture + b"\r\n"
    return (body or said) + f"--{_BOUNDARY}--\r\n".encode()


def push(host: str, port: int, path: str, body: bytes, *, deflated: bool, timeout: float) -> tuple[int, bytes]:
    """Push a body and return the answer's status and body; raise OSError or HTTPException without an answer."""
    headers = {"Content-Type": f"multipart/mixed; boundary={_BOUNDARY}"}
    if deflated:
        body = zlib.compress(body)
        headers["Content-Encoding"] = "deflate"
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(_ANSWER_BYTES)
    finally:
        connection.close()
