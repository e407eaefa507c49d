"""Verify an audit bundle of devicemgr: `python3 verify.py BUNDLE.zip [ROOT]`. Needs nothing but Python 3.9 or later.

ROOT is the public key that `devicemgr init` printed. Checks that each event is chained to the one before (SHA-256),
and that each seal is signed (Ed25519, RFC 8032) by the key that the seal before it names, beginning with ROOT.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from collections.abc import Iterable

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
Point = tuple[int, int, int, int]
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def recover_x(y: int, sign: int) -> int | None:
    """Return the x of a point with this y, or None (RFC 8032, 5.1.3)."""
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def point(data: bytes) -> Point | None:
    """Return a point from its 32 bytes, or None."""
    y = int.from_bytes(data, "little")
    x = recover_x(y & ((1 << 255) - 1), y >> 255)
    y &= (1 << 255) - 1
    return None if x is None else (x, y, 1, x * y % P)


def add(a: Point, b: Point) -> Point:
    """Return the sum of two points (RFC 8032, 5.1.4)."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return i * j % P, k * m % P, j * k % P, i * m % P


def times(n: int, a: Point) -> Point:
    """Return a point added to itself n times."""
    total: Point = (0, 1, 1, 0)
    while n:
        if n & 1:
            total = add(total, a)
        a, n = add(a, a), n >> 1
    return total


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0) or 0
BASE: Point = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature holds."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r, s = point(public), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % Q
    left, right = times(s, BASE), add(r, times(h, a))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


def check_events(lines: Iterable[bytes], hashes: dict[int, str]) -> str | None:
    """Fill `hashes` by seq, behind the one that is in there; the first fault, or None."""
    ((before, previous),) = hashes.items()
    for seq, line in enumerate(lines, before + 1):
        event = json.loads(line)
        if event["seq"] != seq or json.loads(event["body"])["seq"] != seq:
            return f"event {seq} is missing"
        if hashlib.sha256(bytes.fromhex(previous) + event["body"].encode()).hexdigest() != event["hash"]:
            return f"event {seq}, or the one before it, was changed"
        previous = hashes[seq] = event["hash"]
    return None


def check_seals(lines: Iterable[bytes], key: str, hashes: dict[int, str]) -> str | tuple[int, int]:
    """Return the number of seals and the last sealed event, or the first fault."""
    number = sealed = 0
    first = min(hashes)
    vouched = first == 0
    for number, line in enumerate(lines, 1):
        seal = json.loads(line)
        fields = [seal["number"], seal["seq"], seal["head"], seal["time"], seal["next_key"]]
        message = json.dumps(["devicemgr seal v1", *fields], separators=(",", ":")).encode()
        if seal["number"] != number or not is_signed(bytes.fromhex(key), message, bytes.fromhex(seal["signature"])):
            return f"seal {number} is not signed by the key before it"
        if seal["seq"] >= first and hashes.get(seal["seq"]) != seal["head"]:
            return f"seal {number} is over other events than these"
        key, sealed = seal["next_key"], seal["seq"]
        vouched = vouched or seal["seq"] == first
    if not vouched:
        return f"no seal stands over event {first}, up to which events are said to have been removed"
    return number, sealed


def main(arguments: list[str]) -> int:
    """0 when the bundle holds, 1 when it does not, 2 for a wrong call."""
    if len(arguments) not in (1, 2):
        print(__doc__)
        return 2
    with zipfile.ZipFile(arguments[0]) as bundle:
        manifest = json.loads(bundle.read("manifest.json"))
        root = arguments[1] if len(arguments) == 2 else manifest["root"]
        removed = manifest.get("removed") or {"through": 0, "head": "0" * 64, "at": ""}
        hashes: dict[int, str] = {removed["through"]: removed["head"]}
        with bundle.open("events.jsonl") as file:
            fault = check_events(file, hashes)
        with bundle.open("seals.jsonl") as file:
            result = fault or check_seals(file, root, hashes)
    if isinstance(result, str):
        print("BAD: " + result)
        return 1
    number, sealed = result
    if removed["through"]:
        print(f"events 1 to {removed['through']} were removed by retention at {removed['at']}")
    print(f"good: {len(hashes) - 1} events, {number} seals under root {root}, the last over event {sealed}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
