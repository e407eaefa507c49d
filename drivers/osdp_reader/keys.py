"""Keys of OSDP readers: 16 bytes, written as 32 hex digits; keys that anybody could guess are refused."""

import itertools
import re

from devicemgr.errors import InvalidInput

# SCBK-D of the OSDP specification: every reader in install mode takes it.
DEFAULT_KEY = bytes(range(0x30, 0x40))
SIZE = 16
MAX_KEYS = 2
# Of 16 random bytes fewer than 8 differ once in about 10^13 keys.
MIN_DIFFERENT = 8

_HEX = re.compile(rf"[0-9A-Fa-f]{{{2 * SIZE}}}")
_HOW = "make one with: openssl rand -hex 16, or pair the reader, which makes one"


def read_keys(password: str | None) -> list[bytes]:
    """Decode the reader's key, or two joined by a comma while it is not proven which one it holds.

    Raises InvalidInput for a malformed or weak key.
    """
    if password is None:
        return []
    written = password.strip().split(",")
    if len(written) > MAX_KEYS:
        raise InvalidInput(f"a reader has one key, or two while pairing is not proven; {_HOW}")
    return [check_key(_parse(text)) for text in written]


def write_keys(keys: list[bytes]) -> str | None:
    """Encode keys as `read_keys` decodes them; None for no key."""
    return ",".join(key.hex() for key in keys) or None


def check_key(key: bytes) -> bytes:
    """Return `key`, unless it could be guessed; then InvalidInput says why."""
    if len(key) != SIZE:
        raise InvalidInput(f"the key of an OSDP reader has {SIZE} bytes; {_HOW}")
    if key == DEFAULT_KEY:
        raise InvalidInput(f"this is the default key SCBK-D, which everybody knows; {_HOW}")
    steps = {(after - before) % 256 for before, after in itertools.pairwise(key)}
    if len(set(key)) < MIN_DIFFERENT or len(steps) == 1 or key[: SIZE // 2] == key[SIZE // 2 :]:
        raise InvalidInput(f"this key is a pattern that can be guessed; {_HOW}")
    return key


def _parse(text: str) -> bytes:
    # The text itself is never shown: it may be a key with one digit too many.
    if not _HEX.fullmatch(text.strip()):
        raise InvalidInput(f"the key of an OSDP reader is written as {2 * SIZE} hex digits; {_HOW}")
    return bytes.fromhex(text.strip())
