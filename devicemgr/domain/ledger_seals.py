"""Seals over the ledger's head, pure: a chain of Ed25519 signatures (RFC 8032), each by a key that is then destroyed.

Seal n is signed by key n and names key n+1, so that the root, the public key of seal 1, vouches for all of them, and
an attacker who takes the box over can't sign for the time before.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from devicemgr.domain.ledger_chain import Flaw


@dataclass(frozen=True, slots=True)
class Seal:
    """Event `seq` was the last one, and its hash `head`, at `time` (RFC 3339); keys and signature in hex."""

    number: int
    seq: int
    head: str
    time: str
    next_key: str
    signature: str

    def as_json(self) -> dict[str, int | str]:
        """For files and bundles."""
        return {
            "number": self.number,
            "seq": self.seq,
            "head": self.head,
            "time": self.time,
            "next_key": self.next_key,
            "signature": self.signature,
        }


def message(number: int, seq: int, head: str, time: str, next_key: str) -> bytes:
    """Return what is signed: a JSON list with its purpose in front."""
    return json.dumps(["devicemgr seal v1", number, seq, head, time, next_key], separators=(",", ":")).encode()


def new_key() -> Ed25519PrivateKey:
    """Return a fresh signing key."""
    return Ed25519PrivateKey.generate()


def public_hex(key: Ed25519PrivateKey) -> str:
    """Its public half."""
    return key.public_key().public_bytes_raw().hex()


def sign(key: Ed25519PrivateKey, number: int, seq: int, head: str, time: str) -> tuple[Seal, Ed25519PrivateKey]:
    """Return the next seal, and the key of the one after it; the caller destroys `key`."""
    following = new_key()
    next_key = public_hex(following)
    signature = key.sign(message(number, seq, head, time, next_key)).hex()
    return Seal(number, seq, head, time, next_key, signature), following


def check(root: str, seals: Iterable[Seal], hash_of: Callable[[int], str | None], removed: int = 0) -> Flaw | None:
    """Return the first seal that does not hold under the public key `root`, or whose event is gone or another, or None.

    Of events up to `removed`, which retention has taken away, the seals are all that is left to check.
    """
    key, expected, sealed = root, 1, 0
    for seal in seals:
        if type(seal.seq) is not int:
            return Flaw(sealed, f"seal {seal.number} was changed: it stands over no event")
        if seal.number != expected or seal.seq < sealed:
            return Flaw(seal.seq, f"seal {expected} is missing; the next one stored is {seal.number}")
        if not _is_signed(key, seal):
            return Flaw(seal.seq, f"seal {seal.number} was not made by this box's key, or was changed")
        found = hash_of(seal.seq) if seal.seq > removed else seal.head
        if found is None:
            return Flaw(seal.seq, f"event {seal.seq} was sealed at {seal.time} and is gone: the end was cut off")
        if found != seal.head:
            return Flaw(seal.seq, f"the events up to {seal.seq} are not those that were sealed at {seal.time}")
        key, expected, sealed = seal.next_key, expected + 1, seal.seq
    return None


def check_from(start: Seal | None, seals: Iterable[Seal], hash_of: Callable[[int], str | None]) -> Flaw | None:
    """Return the first of the newest seals that does not follow `start`, or whose event is gone or another, or None.

    Without `start` the first of `seals` is taken as it is, and the key that it names vouches for the next one.
    """
    before = start
    for seal in seals:
        if type(seal.seq) is not int or (before and seal.number != before.number + 1):
            return Flaw(before.seq if before else 0, f"seal {seal.number} does not follow the one before")
        if before and not _is_signed(before.next_key, seal):
            return Flaw(seal.seq, f"seal {seal.number} was not made by this box's key, or was changed")
        if hash_of(seal.seq) != seal.head:
            return Flaw(seal.seq, f"the events up to {seal.seq} are not those that were sealed at {seal.time}")
        before = seal
    return None


def _is_signed(key: str, seal: Seal) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(
            bytes.fromhex(seal.signature), message(seal.number, seal.seq, seal.head, seal.time, seal.next_key)
        )
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
