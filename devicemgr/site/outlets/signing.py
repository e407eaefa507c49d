"""Keys that sign what leaves: Standard Webhooks 1.0 (standardwebhooks.com, sections on signatures and secrets).

`whsec_` is a secret that site and receiver share, for HMAC-SHA256; `whsk_` an Ed25519 key that stays with the site,
whose public key `whpk_` is what the receiver gets.
"""

import base64
import hashlib
import hmac
import secrets as random
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devicemgr.errors import InvalidInput

SHARED = "whsec_"
PRIVATE, PUBLIC = "whsk_", "whpk_"
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
_SECRET_BYTES = 32
_SEED_BYTES = 32

Sign = Callable[[bytes], str]
"""Returns the signature of a content as a header has it, behind its version."""


def made(*, is_asymmetric: bool) -> str:
    """Return a new random key."""
    return (PRIVATE if is_asymmetric else SHARED) + base64.b64encode(random.token_bytes(_SECRET_BYTES)).decode()


def signer_of(secret: str) -> Sign:
    """Return what signs by this key; InvalidInput for another text."""
    if secret.startswith(PRIVATE):
        key = _private_key(secret)
        return lambda content: f"v1a,{base64.b64encode(key.sign(content)).decode()}"
    shared = _bytes_of(secret, SHARED)
    if not MIN_SECRET_BYTES <= len(shared) <= MAX_SECRET_BYTES:
        raise InvalidInput(
            f"a secret is {SHARED} and base64 of {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes; "
            "give none for a new one"
        )
    return lambda content: f"v1,{base64.b64encode(hmac.new(shared, content, hashlib.sha256).digest()).decode()}"


def public_key_of(secret: str) -> str | None:
    """Return the public key that belongs to a private one; None for a shared secret."""
    if not secret.startswith(PRIVATE):
        return None
    return PUBLIC + base64.b64encode(_private_key(secret).public_key().public_bytes_raw()).decode()


def _private_key(secret: str) -> Ed25519PrivateKey:
    """Return the key of 32 bytes, or of 64 where some libraries write the public key behind it."""
    found = _bytes_of(secret, PRIVATE)
    if len(found) in (_SEED_BYTES, 2 * _SEED_BYTES):
        key = Ed25519PrivateKey.from_private_bytes(found[:_SEED_BYTES])
        if found[_SEED_BYTES:] in (b"", key.public_key().public_bytes_raw()):
            return key
    raise InvalidInput(f"a private key is {PRIVATE} and base64 of the 32 bytes of an Ed25519 key")


def _bytes_of(secret: str, prefix: str) -> bytes:
    try:
        found = base64.b64decode(secret.removeprefix(prefix), validate=True)
    except ValueError as error:
        raise InvalidInput(f"the secret is no base64; give one like {prefix}… or none, for a new one") from error
    if not secret.startswith(prefix):
        raise InvalidInput(f"a secret begins with {SHARED}, a private key with {PRIVATE}; give none for a new one")
    return found
