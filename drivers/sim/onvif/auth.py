"""Authentication at a simulated ONVIF device: WS-UsernameToken digest and HTTP Digest."""

import base64
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime

from drivers.sim.onvif.soap import Request, first
from drivers.sim.onvif.state import User

WINDOW_S = 5.0
REALM = "simulated onvif"
PRE_AUTH = frozenset(
    {
        "GetSystemDateAndTime",
        "GetServices",
        "GetServiceCapabilities",
        "GetCapabilities",
        "GetHostname",
        "GetWsdlUrl",
        "GetEndpointReference",
    }
)
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
_MAX_NONCES = 10_000


class Doorkeeper:
    """Remembers nonces; `why` of a refusal goes to the event log, and to no client."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._nonces: OrderedDict[str, int] = OrderedDict()

    def restart(self) -> None:
        """Forget, as a reboot does: HTTP Digest nonces become stale."""
        self._nonces.clear()

    def token(self, request: Request, users: Mapping[str, User], now: datetime) -> tuple[str, str]:
        """Return (user, "") for a right UsernameToken, else ("", why)."""
        if request.security is None:
            return "", "no token"
        found = {name: first(request.security, name) for name in ("Username", "Password", "Nonce", "Created")}
        if any(node is None for node in found.values()):
            return "", "incomplete token"
        username, password, nonce, created = (str(found[n].text or "") for n in found)
        user = users.get(username)
        why = "unknown user" if user is None else _why_wrong(user.password, password, nonce, created, now)
        if not why and nonce in self._seen:
            why = "replayed nonce"
        self._seen[nonce] = None
        if len(self._seen) > _MAX_NONCES:
            self._seen.popitem(last=False)
        return ("", why) if why else (username, "")

    def challenge(self, *, stale: bool = False) -> str:
        """Return a WWW-Authenticate header with a fresh nonce."""
        nonce = secrets.token_hex(16)
        self._nonces[nonce] = 0
        if len(self._nonces) > _MAX_NONCES:
            self._nonces.popitem(last=False)
        said = ', stale="true"' if stale else ""
        return f'Digest realm="{REALM}", qop="auth", nonce="{nonce}", algorithm=MD5{said}'

    def digest(self, method: str, header: str, users: Mapping[str, User]) -> tuple[str, str]:
        """Return (user, "") for a right HTTP Digest, else ("", why)."""
        if not header.lower().startswith("digest "):
            return "", "no digest"
        fields = {name: quoted or bare for name, quoted, bare in _FIELD.findall(header)}
        user, nonce = users.get(fields.get("username", "")), fields.get("nonce", "")
        if user is None:
            return "", "unknown user"
        if nonce not in self._nonces:
            return "", "stale nonce"
        one = _md5(f"{fields['username']}:{REALM}:{user.password}")
        two = _md5(f"{method}:{fields.get('uri', '')}")
        want = _md5(f"{one}:{nonce}:{fields.get('nc', '')}:{fields.get('cnonce', '')}:auth:{two}")
        if not hmac.compare_digest(want, fields.get("response", "")):
            return "", "wrong password"
        count = int(fields.get("nc", "0"), 16)
        if count <= self._nonces[nonce]:
            return "", "replayed count"
        self._nonces[nonce] = count
        return fields["username"], ""

    @staticmethod
    def basic(header: str, users: Mapping[str, User]) -> bool:
        """Return True if an Authorization header holds a right plain password."""
        try:
            name, _, password = base64.b64decode(header.partition(" ")[2]).decode().partition(":")
        except ValueError:
            return False
        return name in users and hmac.compare_digest(users[name].password.encode(), password.encode())


def _why_wrong(secret: str, digest: str, nonce: str, created: str, now: datetime) -> str:
    try:
        made = datetime.fromisoformat(created.replace("Z", "+00:00")).astimezone(UTC)
        raw = base64.b64decode(nonce) + created.encode() + secret.encode()
    except ValueError:
        return "bad token"
    if not hmac.compare_digest(base64.b64encode(hashlib.sha1(raw).digest()).decode(), digest):  # noqa: S324
        return "wrong password"
    return "created outside the window" if abs((now - made).total_seconds()) > WINDOW_S else ""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324
