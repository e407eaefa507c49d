"""Server-sent events as a client reads them."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple


class Sent(NamedTuple):
    """A message: its seq (events only), its name, and its data."""

    seq: int | None
    name: str
    data: dict[str, Any]


def take(lines: Iterable[str], count: int, name: str = "event") -> list[Sent]:
    """Return the next `count` messages of that name."""
    found: list[Sent] = []
    fields: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(": ")
        if line:
            fields[key] = value
        elif "data" in fields:
            if fields["event"] == name:
                seq = int(fields["id"]) if "id" in fields else None
                found.append(Sent(seq, name, json.loads(fields["data"])))
            fields = {}
        if len(found) == count:
            break
    return found
