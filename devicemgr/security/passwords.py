"""Operators: who may work with the daemon besides the box's owner, in which roles, and how they prove who they are.

Passwords are argon2id hashes (RFC 9106); tokens are 256 random bits, of which only the SHA-256 is kept.
"""

import hashlib
import secrets
import threading
import unicodedata

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from devicemgr.errors import InvalidInput, TooManyTries

MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 12, 1000
TOKEN_START = "dm_"  # noqa: S105 - not a secret: what a token begins with, so that scanners find a leaked one
_TIME, _MEMORY_KIB = 3, 32 * 1024
_HASHER = PasswordHasher(time_cost=_TIME, memory_cost=_MEMORY_KIB, parallelism=1, type=Type.ID)
# Of no account: an unknown account costs as much work as a known one.
_UNUSED_HASH = f"$argon2id$v=19$m={_MEMORY_KIB},t={_TIME},p=1${'A' * 22}${'A' * 43}"
# Two at a time, so that a flood of sign-ins takes neither the box's memory nor its cores.
_AT_WORK = threading.BoundedSemaphore(2)
_MAX_WAIT_S = 3.0


def hash_password(password: str) -> str:
    """Return the stored form of a password; InvalidInput if it is too short, too long or trivial."""
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise InvalidInput(f"a password has at least {MIN_PASSWORD_LENGTH} characters; a few words make a good one")
    if len(set(password)) < 5:
        raise InvalidInput("this password is too easy to guess; a few words make a good one")
    return _HASHER.hash(_bytes(password))


def verify_password(stored_hash: str | None, password: str) -> bool:
    """Return True if the password matches the stored hash.

    Takes the same time if there is no such account (`stored_hash` is None).
    Raises TooManyTries if too many verifications are already running.
    """
    if not _AT_WORK.acquire(timeout=_MAX_WAIT_S):
        raise TooManyTries("too many sign-ins at once; try again in a minute", retry_after_s=60)
    try:
        return (
            _HASHER.verify(stored_hash or _UNUSED_HASH, _bytes(password[:MAX_PASSWORD_LENGTH]))
            and stored_hash is not None
        )
    except (Argon2Error, InvalidHashError):
        return False
    finally:
        _AT_WORK.release()


def _bytes(password: str) -> bytes:
    # Half a character must not become an error that repeats the password.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def new_secret(start: str = "") -> str:
    """Return 256 random bits as text behind `start`."""
    return start + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is stored of a token or of a session's id."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
