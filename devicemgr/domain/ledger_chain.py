"""The ledger's chain, pure: canonical bytes of an entry, its hash, and the check of a sequence of entries."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from devicemgr.domain.ledger_events import Fact
from devicemgr.text import rfc3339

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """A recorded fact: `body` is the canonical JSON, `hash` is SHA-256 over the entry before it and the body."""

    seq: int
    body: str
    hash: str


def body_of(fact: Fact, seq: int, event_id: str) -> dict[str, Any]:
    """Return the fields of an entry, in the shape of INTERFACES but with the person's random id for the badge."""
    return {
        "seq": seq,
        "id": event_id,
        "time": rfc3339(fact.time),
        "kind": str(fact.kind),
        "portal": fact.portal,
        "direction": str(fact.direction) if fact.direction else None,
        "device": fact.device,
        "person_id": fact.person_id,
        "reason": str(fact.reason) if fact.reason else None,
        "request": fact.request,
        "evidence": plain(fact.evidence),
        "latency_ms": plain(fact.latency_ms),
        "detail": plain(fact.detail),
        "actor": fact.actor,
    }


def plain(value: object) -> Any:
    """As canonical JSON holds it: one fact with a NaN or half a character in it must not keep all others from disk."""
    if isinstance(value, Mapping):
        return {_text(str(name)): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int) else _text(str(value))


def _text(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def canonical(body: Mapping[str, Any]) -> str:
    """JSON with sorted keys, no spaces, no NaN: the same text for the same facts, for ever."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def link(previous_hash: str, body: str) -> str:
    """Return the hash of an entry whose canonical body is `body` after the entry hashed `previous_hash`.

    Hex SHA-256.
    """
    # A lone surrogate stands for a byte that is not UTF-8 (Database.read_as_stored), which `canonical` never writes.
    return hashlib.sha256(bytes.fromhex(previous_hash) + body.encode(errors="surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first entry that does not hold, and why."""

    seq: int
    why: str


def check(entries: Iterable[Entry], *, previous: str = GENESIS, first_seq: int = 1) -> Flaw | None:
    """Return the first flaw of a run of entries that should start at `first_seq` after hash `previous`, or None."""
    for seq, entry in enumerate(entries, first_seq):
        inside = read(entry, previous, seq)
        if isinstance(inside, Flaw):
            return inside
        previous = entry.hash
    return None


def read(entry: Entry, previous: str, seq: int) -> dict[str, Any] | Flaw:
    """Return the fields of the entry that should be number `seq` after hash `previous`, or why it is not that."""
    if entry.seq != seq:
        return Flaw(seq, f"event {seq} is missing; the next one stored is {entry.seq}")
    if not isinstance(entry.body, str) or link(previous, entry.body) != entry.hash:
        return Flaw(seq, "the event, or the one before it, was changed after it was recorded")
    try:
        inside = json.loads(entry.body)
    except ValueError:
        return Flaw(seq, "the event is not readable")
    if not isinstance(inside, dict) or inside.get("seq") != seq:
        return Flaw(seq, "the event stands in another one's place")
    return inside
