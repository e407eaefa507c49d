"""HTTP Digest (RFC 7616) as face-ID consoles speak it. A challenge is a value; nothing here touches a socket.

Seen in captures: no `algorithm` (which means MD5), SHA-256 beside it on newer firmware, a fresh nonce for each request,
`opaque=""`, `domain="::"`, `stale="false"`, and qop before realm.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9-]*)\s+(?=[A-Za-z-]+\s*=)")
_FIELD = re.compile(r'([A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
# Best first. MD5 is what the devices have; it is refused nowhere, as they offer nothing else.
_HASHES = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}
_MAX_HEADER_CHARS = 4096


@dataclass(frozen=True, slots=True)
class Challenge:
    """The challenge of a 401 answer; `algorithm` without `-sess`."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    session: bool = False
    qop: bool = True
    opaque: str | None = None
    stale: bool = False


def read_challenges(headers: Sequence[str]) -> Challenge | None:
    """Return the best challenge of WWW-Authenticate headers that this client can answer; None if there is none."""
    found = [challenge for header in headers for challenge in _in_header(header[:_MAX_HEADER_CHARS])]
    return min(found, key=lambda challenge: list(_HASHES).index(challenge.algorithm), default=None)


def _in_header(header: str) -> list[Challenge]:
    schemes = list(_SCHEME.finditer(header))
    ends = [scheme.start() for scheme in schemes[1:]] + [len(header)]
    parts = [(scheme[1].lower(), header[scheme.end() : end]) for scheme, end in zip(schemes, ends, strict=False)]
    read = [_read(rest) for name, rest in parts if name == "digest"]
    return [challenge for challenge in read if challenge is not None]


def _read(text: str) -> Challenge | None:
    fields = {
        found[1].lower(): re.sub(r"\\(.)", r"\1", found[2]) if found[3] is None else found[3]
        for found in _FIELD.finditer(text)
    }
    says = fields.get("algorithm", "MD5").upper()
    algorithm = says.removesuffix("-SESS")
    qops = {word.strip().lower() for word in fields.get("qop", "").split(",") if word.strip()}
    if "nonce" not in fields or algorithm not in _HASHES or (qops and "auth" not in qops):
        return None
    return Challenge(
        fields.get("realm", ""),
        fields["nonce"],
        algorithm,
        says.endswith("-SESS"),
        bool(qops),
        fields.get("opaque"),
        fields.get("stale", "").lower() == "true",
    )


def authorization(
    challenge: Challenge,
    username: str,
    password: str,
    method: str,
    uri: str,
    cnonce: str | None = None,
    *,
    count: int = 1,
) -> str:
    """Return the Authorization header that answers `challenge` for one request, the `count`th with this nonce."""
    cnonce = cnonce or secrets.token_hex(8)

    def digest(*parts: str) -> str:
        return _HASHES[challenge.algorithm](":".join(parts).encode("utf-8")).hexdigest()

    secret = digest(username, challenge.realm, password)
    if challenge.session:
        secret = digest(secret, challenge.nonce, cnonce)
    what = digest(method, uri)
    uses = f"{count:08x}"
    middle = (challenge.nonce, uses, cnonce, "auth") if challenge.qop else (challenge.nonce,)
    fields = [
        f'username="{_quoted(username)}"',
        f'realm="{_quoted(challenge.realm)}"',
        f'nonce="{_quoted(challenge.nonce)}"',
        f'uri="{uri}"',
        f'response="{digest(secret, *middle, what)}"',
    ]
    if challenge.algorithm != "MD5" or challenge.session:
        fields.append(f"algorithm={challenge.algorithm}{'-sess' if challenge.session else ''}")
    if challenge.qop:
        fields += ["qop=auth", f"nc={uses}", f'cnonce="{cnonce}"']
    if challenge.opaque is not None:
        fields.append(f'opaque="{_quoted(challenge.opaque)}"')
    return "Digest " + ", ".join(fields)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
