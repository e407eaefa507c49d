"""Commands to portals that arrive by an outlet: each with an operator's token, valid for seconds, and taken once.

To be allowed to write to a broker's topic is no right to open a door, so each command carries a token of the operator
who sends it. The token's roles are judged by the table of the API's routes, and the daemon does what it does for them.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from devicemgr.domain.model import Direction, PortalMode
from devicemgr.errors import DevicemgrError, NotAllowed, NotFound, NotSignedIn, TooManyTries
from devicemgr.ledger.refusals import RefusedCalls
from devicemgr.security.passwords import digest
from devicemgr.security.rate_limit import TryLimit
from devicemgr.security.sessions import Identity, SignIns
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.store.ledger.origins import by_outlet
from devicemgr.text import safe

MAX_AHEAD = timedelta(seconds=10)
"""A command may be valid for so long."""

MAX_WRONG_TOKENS = 20
"""Of one outlet within a minute; then only tokens that were right before are looked at."""

MAX_REMEMBERED = 1000
_MAX_WHY = 200


class Action(StrEnum):
    """What a command does: let one person pass, or set a mode."""

    OPEN = "open"
    LOCK = "lock"
    FREE = "free"
    NORMAL = "normal"


_MODES = {Action.LOCK: PortalMode.LOCKED, Action.FREE: PortalMode.FREE, Action.NORMAL: PortalMode.NORMAL}
_OPEN_ROUTE, _MODE_ROUTE = ("POST", "/portals/{name}/open"), ("PUT", "/portals/{name}/mode")

May = Callable[[Identity, str, str], bool]
"""Returns True where the table of rights lets an identity call a route."""


class Result(StrEnum):
    """What came of a command; after `unknown` the gate may have done it."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was sent; `expires` is when it is void."""

    portal: str
    action: Action
    id: str
    expires: datetime
    token: str = field(repr=False)
    direction: Direction = Direction.ENTRY


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command, and why in words; `detail` is what the gate answered."""

    result: Result
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def refused(reason: str) -> Answer:
    """Return the answer to a command of which nothing was done."""
    return Answer(Result.REFUSED, safe(reason, _MAX_WHY))


class UsedIds:
    """The ids of commands that were taken, each for as long as the same message could be valid once more.

    What an earlier process took is not known here, so nothing is taken that it could have taken: all that is void
    within the longest validity after the start.
    """

    def __init__(self, started: datetime) -> None:
        self._first_expiry = started + MAX_AHEAD
        self._used: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def why_not(self, command: Command, now: datetime) -> str | None:
        """Return why a command is not taken; None when it is, this once."""
        if command.expires <= self._first_expiry:
            return "the daemon has just started, and can't tell this command from a repeated one; send another"
        with self._lock:
            self._used = {key: until for key, until in self._used.items() if until > now}
            if command.id in self._used:
                return "this id was used already; each command has an id of its own"
            if len(self._used) >= MAX_REMEMBERED:
                return "too many commands at once; send it again in some seconds"
            self._used[command.id] = command.expires
        return None


class CommandDesk:
    """Judges and carries out commands of all outlets; any thread, and slow where a gate is."""

    def __init__(self, site: Site, runtime: Runtime, may: May) -> None:
        self._site, self._runtime, self._may = site, runtime, may
        self._signins = SignIns(site)
        self._refusals = RefusedCalls(site.ledger.submit)
        self._used = UsedIds(site.clock.now())
        self._wrong = TryLimit(MAX_WRONG_TOKENS)
        self._known: dict[str, None] = {}

    def carry_out(self, outlet: str, command: Command) -> Answer:
        """Do what a command says, if its token may; never raises for what was sent."""
        if why := self._why_void(command):
            return refused(why)
        try:
            identity = self._identify(outlet, command)
            self._require_right(outlet, identity, command)
        except DevicemgrError as error:
            return refused(str(error))
        if why := self._used.why_not(command, self._site.clock.now()):
            return refused(why)
        with by_outlet(outlet):
            return self._done(identity.actor, command)

    def flush(self) -> None:
        """Record the refusals that were counted, at the daemon's end."""
        self._refusals.flush()

    def _why_void(self, command: Command) -> str | None:
        clock = self._site.clock
        latest, earliest = clock.now(), clock.earliest()
        if command.expires <= latest:
            late = (latest - command.expires).total_seconds()
            return f"it expired {late:.0f} s ago by this site's clock; check both clocks"
        if command.expires > earliest + MAX_AHEAD:
            return f"it is valid for more than {MAX_AHEAD.seconds} s by this site's clock; check both clocks"
        return None

    def _identify(self, outlet: str, command: Command) -> Identity:
        key = digest(command.token)
        is_known = key in self._known
        if not is_known and not self._wrong.take(outlet):
            raise TooManyTries("too many tokens were wrong; wait a minute")
        try:
            identity = self._signins.of_token(command.token)
        except NotSignedIn:
            self._known.pop(key, None)
            self._refusals.note(None, f"command by outlet {outlet}: not-signed-in")
            raise
        if not is_known:
            self._wrong.give_back(outlet)
            if len(self._known) < MAX_REMEMBERED:
                self._known[key] = None
        return identity

    def _require_right(self, outlet: str, identity: Identity, command: Command) -> None:
        route = _OPEN_ROUTE if command.action is Action.OPEN else _MODE_ROUTE
        if not self._may(identity, *route):
            self._refusals.note(identity.actor, f"command by outlet {outlet}: not-allowed")
            raise NotAllowed(f"{identity.actor} may not {command.action} a portal")
        if command.portal not in self._runtime.rules().portals:
            raise NotFound(f"there is no portal '{command.portal}'")

    def _done(self, actor: str, command: Command) -> Answer:
        try:
            if command.action is Action.OPEN:
                found = self._runtime.open_portal(command.portal, command.direction, actor)
            else:
                found = self._runtime.set_portal_mode(command.portal, _MODES[command.action], actor)
        except DevicemgrError as error:
            # What a gate failed at may have happened all the same.
            is_refused = error.http_status < 500 and error.problem_code != "outcome_unknown"
            return Answer(Result.REFUSED if is_refused else Result.UNKNOWN, safe(str(error), _MAX_WHY))
        if not found.get("applied", True):
            return Answer(Result.UNKNOWN, safe(f"it is done when the gate is back: {found.get('cause')}", _MAX_WHY))
        outcome = str(found.get("outcome") or Result.CONFIRMED)
        shown = {name: found[name] for name in ("outcome", "request", "effective_mode") if found.get(name) is not None}
        return Answer(Result.CONFIRMED if outcome == Result.CONFIRMED else Result.UNKNOWN, None, shown)
