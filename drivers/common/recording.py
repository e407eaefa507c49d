"""A device's answers as documents for `device record`: JSON, XML with its attributes, lines, or only how long it is."""

from collections.abc import Callable, Iterable
from typing import Any

from devicemgr.domain.model import JsonValue
from devicemgr.domain.ports.maintenance import Reply
from devicemgr.errors import DeviceError, DeviceGarbled, DeviceUnreachable
from drivers.common.http.client import read_json
from drivers.common.http.key_values import flat
from drivers.common.http.xml import by_name, local_name, parse_xml


def document(body: bytes) -> JsonValue:
    """Parse an answer by its first bytes, whatever its Content-Type says."""
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    try:
        if start == b"<":
            return of_element(parse_xml(body))
        if start in (b"{", b"["):
            return read_json(body)
    except DeviceGarbled:
        return {"unreadable_bytes": len(body)}
    lines: dict[str, JsonValue] = {**flat(body.decode("utf-8", "replace"))} if b"=" in body[:200] else {}
    return (
        {"lines": lines}
        if lines
        else {"status": body.strip().decode()}
        if body.strip() == b"OK"
        else {"bytes": len(body)}
    )


def of_element(root: Any) -> JsonValue:
    """Convert an XML element to {name: content} with its namespace; raise DeviceGarbled if it is nested too deeply."""
    space, _, name = root.tag.rpartition("}")
    content = _content(root, 0)
    if isinstance(content, dict) and space:
        content = {"@xmlns": space.removeprefix("{")} | content
    return {name: content}


def _content(element: Any, depth: int) -> JsonValue:
    text = (element.text or "").strip()
    found: dict[str, Any] = {f"@{local_name(name)}": value for name, value in element.attrib.items()}
    if not found and len(element) == 0:
        return str(text)
    if text:
        found["#text"] = text
    return found | by_name(element, depth, _content)


def replies_to(requests: Iterable[tuple[str, Callable[[], tuple[int | None, JsonValue]]]]) -> list[Reply]:
    """Run each request and record its reply or refusal; raise DeviceUnreachable if the device is lost."""
    replies = []
    for what, ask in requests:
        try:
            status, content = ask()
        except DeviceUnreachable:
            raise
        except DeviceError as error:
            codes: list[JsonValue] = [*getattr(error, "codes", ())]
            status, content = None, {"error": type(error).__name__} | ({"codes": codes} if codes else {})
        replies.append(Reply(what, content, status))
    return replies
