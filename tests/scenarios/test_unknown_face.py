"""An unknown face is an event and nothing else: no numbers of it are in the record, nor anywhere in the home."""

import json
from typing import Any

import numpy as np

PROBE = np.array([0.1234567, 0.7654321, 0.2345678, 0.5877], np.float32)
KNOWN = {"score", "threshold", "margin", "frames", "liveness"}


def numbers_in(value: Any) -> list[Any]:
    """Every list in a document: an embedding would be one."""
    if isinstance(value, dict):
        return [found for item in value.values() for found in numbers_in(item)]
    return [value] if isinstance(value, list) else []


def test_an_unknown_face_leaves_no_numbers(entrance: Any) -> None:
    entrance.see(PROBE, age=5.0, frames=9)
    (event,) = [event for event in entrance.events() if event["kind"] == "access_denied"]
    assert (event["reason"], event["person"]) == ("unknown_face", None)
    assert set(event["evidence"]) == {"face"}
    assert set(event["evidence"]["face"]) == KNOWN
    assert numbers_in(event) == []
    assert "0.12345" not in json.dumps(event)
    files = [path for path in entrance.site.home.path.rglob("*") if path.is_file()]
    assert any(path.name == "devicemgr.db-wal" for path in files), "the record is in there"
    for path in files:
        data = path.read_bytes()
        assert PROBE.tobytes() not in data, path.name
        assert PROBE.astype("<f8").tobytes() not in data, path.name
