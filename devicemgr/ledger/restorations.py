"""Proof that a database went back to an older state by a restore or a recovery, and was not simply put back.

A backup's copy of the record holds a commitment, SHA-256 of a secret that lies in the backup alone, under its
passphrase. The event of a restore names the secret, so only who has opened that backup can have written it. A recovery
begins a new chain of seals, and its event carries a signature over the new root by the key that would have made the
next seal of the chain before: an older copy of the keys can't make it, since that key is destroyed by each seal.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from devicemgr.domain.ledger_seals import Seal

BACKUP_BEGUN, RESTORED, RECOVERED = "admin.backup_begun", "admin.restored", "admin.database_recovered"


def new_proof() -> str:
    """Return a fresh secret for one backup."""
    return secrets.token_hex(32)


def commitment(proof: str) -> str:
    """Return what the record holds of a backup's secret."""
    return hashlib.sha256(b"devicemgr backup proof v1|" + proof.encode()).hexdigest()


def is_proven(restored: Mapping[str, Any], begun: Iterable[Mapping[str, Any]]) -> bool:
    """Return True if an event of a restore follows the copy of a backup at once, and names that backup's secret."""
    detail = restored["detail"]
    proof, events = detail.get("proof"), detail.get("events")
    if not isinstance(proof, str) or type(events) is not int or restored["seq"] != events + 1:
        return False
    found = (event["detail"] for event in begun if event["seq"] <= events)
    return any(one.get("id") == detail.get("backup") and one.get("commitment") == commitment(proof) for one in found)


def hand_over(key: Ed25519PrivateKey, number: int, root_before: str, root: str) -> str:
    """Return the signature, in hex, by which the chain of seals under `root_before` names the root that follows it."""
    return key.sign(_message(number, root_before, root)).hex()


def is_handed_over(last: Seal, root_before: str, recovered: Mapping[str, Any]) -> bool:
    """Return True if the key after `last`, the newest seal that an anchor knows, named the root of a recovery."""
    detail = recovered["detail"]
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(last.next_key))
        signature = bytes.fromhex(detail["handover"])
        public.verify(signature, _message(last.number + 1, root_before, detail["root"]))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        return False
    return bool(detail.get("root_before") == root_before)


def _message(number: int, root_before: str, root: str) -> bytes:
    return json.dumps(["devicemgr handover v1", number, root_before, root], separators=(",", ":")).encode()
