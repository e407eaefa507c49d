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

LEAST_PASSWORD, MOST_PASSWORD = 12, 1000
TOKEN_START = "dm_"  # noqa: S105 - not a secret: what a token begins with, so that scanners find a leaked one
_TIME, _MEMORY_KIB = 3, 32 * 1024
_HASHER = PasswordHasher(time_cost=_TIME, memory_cost=_MEMORY_KIB, parallelism=1, type=Type.ID)
# Nobody's: an unknown account costs as much work as a known one.
_NOBODY = f"$argon2id$v=19$m={_MEMORY_KIB},t={_TIME},p=1${'A' * 22}${'A' * 43}"
# Two at a time, so that a flood of sign-ins takes neither the box's memory nor its cores.
_AT_WORK = threading.BoundedSemaphore(2)
_WAIT_SECONDS = 3.0


def hash_password(password: str) -> str:
    """The stored form; InvalidInput for one that is too short or too long."""
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise InvalidInput(f"a password has at least {LEAST_PASSWORD} characters; a few words make a good one")
    if len(set(password)) < 5:
        raise InvalidInput("this password is guessed at once; a few words make a good one")
    return _HASHER.hash(_bytes(password))


def is_right(stored: str | None, password: str) -> bool:
    """Whether it is the one; the same work for an account that is not there (None); TooManyTries when overrun."""
    if not _AT_WORK.acquire(timeout=_WAIT_SECONDS):
        raise TooManyTries("too many sign-ins at once; try again in a minute")
    try:
        return _HASHER.verify(stored or _NOBODY, _bytes(password[:MOST_PASSWORD])) and stored is not None
    except (Argon2Error, InvalidHashError):
        return False
    finally:
        _AT_WORK.release()


def _bytes(password: str) -> bytes:
    # Half a character must not become an error that repeats the password.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def new_secret(start: str = "") -> str:
    """256 random bits as text."""
    return start + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a token or of a session's id."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
