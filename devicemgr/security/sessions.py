"""Sign-in over the network: passwords, sessions and tokens, and limits of failed attempts.

Sessions live in the daemon's memory, by digest: nothing on disk opens one, and a restart ends them all.
"""

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devicemgr.domain.model import Role
from devicemgr.errors import Hint, NotSignedIn, TooManyTries
from devicemgr.security.passwords import TOKEN_START, digest, new_secret, verify_password
from devicemgr.security.rate_limit import TryLimit, network_of
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import audit_fact
from devicemgr.store.site import operators
from devicemgr.store.tables import OperatorRow, TokenRow
from devicemgr.text import parse_time, rfc3339

MAX_WRONG_PER_ADDRESS = 20
IDLE_SECONDS, SESSION_SECONDS = 15 * 60.0, 12 * 3600.0
_MAX_SESSIONS, _MAX_SESSIONS_PER_OPERATOR = 500, 10
_MAX_FAILURES_RECORDED = 10

_AGAIN = "name or password is wrong"


@dataclass(frozen=True, slots=True)
class Identity:
    """An actor who signed in, and their roles; a kiosk only shows, until its token expires."""

    actor: str
    roles: frozenset[Role]
    is_kiosk: bool = False
    expires_s: float | None = None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that is open, without its secret: how many seconds ago it began and was last used."""

    id: str
    operator: str
    address: str
    age_s: float
    idle_s: float
    is_own: bool


@dataclass(slots=True)
class _Session:
    id: str
    operator: str
    password: str
    address: str
    since: float
    used: float


class SignIns:
    """The sessions and sign-ins of one daemon."""

    def __init__(self, site: Site, clock: Callable[[], float] = time.monotonic) -> None:
        self._site = site
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, _Session] = {}
        self._accounts = TryLimit(clock=clock)
        self._addresses = TryLimit(MAX_WRONG_PER_ADDRESS, clock=clock)
        self._recorded = TryLimit(_MAX_FAILURES_RECORDED, clock=clock)
        self._unrecorded = 0

    def sign_in(self, name: str, password: str, address: str) -> tuple[str, Identity]:
        """Start a session and return its secret id; NotSignedIn or TooManyTries, the same for unknown accounts."""
        network = network_of(address)
        account = f"{name} from {network}"
        if not self._addresses.take(network) or not self._accounts.take(account):
            raise self._refused(network)
        with self._site.database.read() as session:
            row = operators.find(session, name)
        stored = row.password if row else None
        if not verify_password(stored, password) or row is None or stored is None:
            self._record_failure(network, row.name if row else None)
            raise NotSignedIn(_AGAIN)
        self._accounts.give_back(account)
        self._addresses.give_back(network)
        identity = Identity(f"operator:{row.name}", operators.roles_of(row))
        self._record("admin.signed_in", identity.actor, {"address": network})
        return self._open(row.name, stored, network), identity

    def _open(self, name: str, password: str, address: str) -> str:
        secret, now = new_secret(), self._clock()
        with self._lock:
            self._sessions = {key: s for key, s in self._sessions.items() if _lives(s, now)}
            own = [key for key, s in self._sessions.items() if s.operator == name]
            for key in own[: max(0, len(own) - _MAX_SESSIONS_PER_OPERATOR + 1)]:
                del self._sessions[key]
            if len(self._sessions) >= _MAX_SESSIONS:
                raise TooManyTries("too many operators are signed in; sign one out, or restart the daemon")
            self._sessions[digest(secret)] = _Session(secrets.token_hex(4), name, password, address, now, now)
        return secret

    def of_session(self, secret: str, *, is_use: bool = True) -> Identity:
        """Return the identity of a session; NotSignedIn if it ended, the password changed or the operator was removed.

        `is_use` restarts its idle timeout.
        """
        key, now = digest(secret), self._clock()
        with self._lock:
            found = self._sessions.get(key)
            if found is None or not _lives(found, now):
                self._sessions.pop(key, None)
                raise NotSignedIn("the session has ended; sign in again")
            if is_use:
                found.used = now
        with self._site.database.read() as session:
            row = operators.find(session, found.operator)
        if row is None or row.password != found.password:
            self.sign_out(secret)
            raise NotSignedIn("the session has ended; sign in again")
        return Identity(f"operator:{row.name}", operators.roles_of(row))

    def sign_out(self, secret: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(digest(secret), None)

    def all_open(self, own: str | None) -> list[OpenSession]:
        """Return the sessions that are open, the last used first; `own` is the secret of the caller's session."""
        now, key = self._clock(), digest(own) if own is not None else None
        with self._site.database.read() as session:
            passwords = {row.name: row.password for row in operators.all_rows(session)}
        with self._lock:
            found = [
                OpenSession(one.id, one.operator, one.address, now - one.since, now - one.used, at == key)
                for at, one in self._sessions.items()
                if _lives(one, now) and passwords.get(one.operator) == one.password
            ]
        return sorted(found, key=lambda one: one.idle_s)

    def end(self, session_id: str) -> str | None:
        """End a session by its id; return whose it was, None if it is not open."""
        with self._lock:
            key = next((key for key, one in self._sessions.items() if one.id == session_id), None)
            found = self._sessions.pop(key) if key is not None else None
        return found.operator if found is not None and _lives(found, self._clock()) else None

    def sign_in_kiosk(self, secret: str, address: str) -> Identity:
        """Return the identity of a display's token, and bind it to the display's address if it is not bound yet.

        NotSignedIn or TooManyTries, as for a password. The token itself is the display's session: it ends when it is
        revoked or expires, and not with the daemon.
        """
        network = network_of(address)
        if not self._addresses.take(network):
            raise self._refused(network)
        try:
            token, row = self._known(secret)
            if not token.kiosk:
                raise NotSignedIn("this is no kiosk token; an admin can make one", hint=Hint("make_token"))
            if token.address is None:
                with self._site.database.write(changes_site=False) as session:
                    operators.bind_token(session, token.id, network)
            found = self.of_token(secret, address)
        except NotSignedIn:
            self._record_failure(network, None)
            raise
        self._addresses.give_back(network)
        self._record("admin.signed_in", found.actor, {"address": network, "operator": row.name, "kiosk": token.id})
        return found

    def of_token(self, secret: str, address: str = "") -> Identity:
        """Return a token's identity in those roles that the operator still has.

        NotSignedIn if it expired or was removed, or is a kiosk's of another address.
        """
        token, row = self._known(secret)
        roles = operators.roles_of(token) & operators.roles_of(row)
        if not token.kiosk:
            return Identity(f"token:{row.name}", roles)
        if token.address != network_of(address):
            raise NotSignedIn("this kiosk token is bound to another address; make one for this display")
        left = parse_time(token.expires) - self._site.clock.now()
        return Identity(f"token:{row.name}", roles & {Role.GUARD}, is_kiosk=True, expires_s=left.total_seconds())

    def _known(self, secret: str) -> tuple[TokenRow, OperatorRow]:
        found = None
        if secret.startswith(TOKEN_START) and len(secret) < 100:
            with self._site.database.read() as session:
                found = operators.token_of(session, digest(secret))
        if found is None:
            raise NotSignedIn("the token is not known; an admin can make one", hint=Hint("make_token"))
        token, row = found
        clock = self._site.clock
        if token.expires <= rfc3339(clock.now()):
            if token.expires <= rfc3339(clock.earliest()):
                self._forget(row.name, token.id)
            raise NotSignedIn("the token has expired; an admin can make another", hint=Hint("make_token"))
        return found

    def _forget(self, name: str, token_id: str) -> None:
        """Remove an expired token for good, so that a clock that is set back revives none."""
        with self._site.database.write(changes_site=False) as session:
            operators.remove_token(session, operators.get(session, name), token_id)
            detail = {"operator": name, "token": token_id}
            self._site.ledger.append(session, [audit_fact("admin.token_expired", None, detail)])

    def _refused(self, network: str) -> TooManyTries:
        self._record_failure(network, None)
        return TooManyTries("too many tries; wait a minute", retry_after_s=60)

    def _record_failure(self, network: str, name: str | None) -> None:
        """Record a failed sign-in, at most ten a minute; an unknown name may be a password, and is left out."""
        if not self._recorded.take(""):
            self._unrecorded += 1
            return
        unrecorded, self._unrecorded = self._unrecorded, 0
        self._record("admin.sign_in_failed", None, {"operator": name, "address": network, "more_before": unrecorded})

    def _record(self, kind: str, actor: str | None, detail: dict[str, Any]) -> None:
        with self._site.database.write(changes_site=False) as session:
            self._site.ledger.append(session, [audit_fact(kind, actor, detail)])


def csrf_of(secret: str) -> str:
    """Return what a page must repeat in X-CSRF-Token: derived from the session, so that nothing more is stored."""
    return hmac.new(secret.encode(), b"csrf", "sha256").hexdigest()


def _lives(session: _Session, now: float) -> bool:
    return now - session.used < IDLE_SECONDS and now - session.since < SESSION_SECONDS
