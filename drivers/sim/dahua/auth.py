"""Digest as these terminals do it: MD5, realm `Login to <md5>`, a nonce that is good for one request."""

import hashlib
import hmac
import re
import secrets
import threading
from collections import OrderedDict

_FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_MAX_NONCES = 10_000
WRONG_TRIES = 5


class Doorkeeper:
    """Checks Authorization headers; after five wrong passwords it refuses all until `locked` is set False."""

    def __init__(self, username: str, password: str) -> None:
        self.realm = "Login to " + _md5(username + "sim")
        self._one = _md5(f"{username}:{self.realm}:{password}")
        self._username = username
        self._nonces: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self.wrong = 0
        self.locked = False

    def challenge(self) -> str:
        """Build a WWW-Authenticate header with a fresh nonce."""
        nonce = secrets.token_hex(8)
        with self._lock:
            self._nonces[nonce] = None
            if len(self._nonces) > _MAX_NONCES:
                self._nonces.popitem(last=False)
        return f'Digest realm="{self.realm}", qop="auth", nonce="{nonce}", opaque="{_md5(nonce)}"'

    def why_not(self, method: str, target: str, header: str) -> str:
        """Return "" for a right header, else why it is refused."""
        if not header.lower().startswith("digest "):
            return "no digest"
        fields = {name: quoted or bare for name, quoted, bare in _FIELD.findall(header)}
        nonce = fields.get("nonce", "")
        with self._lock:
            known = nonce in self._nonces
            self._nonces.pop(nonce, None)
        if not known:
            return "old nonce"
        if self.locked:
            return "locked"
        two = _md5(f"{method}:{target}")
        want = _md5(f"{self._one}:{nonce}:{fields.get('nc', '')}:{fields.get('cnonce', '')}:auth:{two}")
        right = fields.get("username") == self._username and fields.get("uri") == target
        if right and hmac.compare_digest(want, fields.get("response", "")):
            self.wrong = 0
            return ""
        self.wrong += 1
        self.locked = self.wrong >= WRONG_TRIES
        return "wrong password"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324
