"""The standing connection to a broker: it comes back by itself, and what is retained there is then made so again.

After each connection all states are sent, and what an earlier one has left behind is removed: the broker itself shows
what it keeps of this site, so that what was removed while no daemon ran goes too.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from paho.mqtt.client import MQTTMessage

from devicemgr.errors import DevicemgrError
from devicemgr.outlets.mqtt import discovery
from devicemgr.outlets.mqtt.inbox import CommandInbox
from devicemgr.outlets.mqtt.session import DEADLINE_S, Access, Filter, Message, Session
from devicemgr.outlets.mqtt.states import Retained, retained
from devicemgr.outlets.mqtt.topics import Topics
from devicemgr.outlets.sender import Undelivered
from devicemgr.outlets.standing import Surroundings

log = logging.getLogger(__name__)

MIN_RETRY_S, MAX_RETRY_S = 0.5, 2.0
"""States are to be right within 5 s of a broker's return, so tries are never far apart."""

_SETTLED_S = 1.0
"""A connection that lasted as long is no failure of the broker to take one."""

_MAX_FOUND = 10_000
_MAX_ANSWERS = 100
_ONLINE, _OFFLINE = b"online", b"offline"


@dataclass(frozen=True, slots=True)
class Shown:
    """What an outlet gives besides events: states of these portals, or of all; discovery; and an ear for commands."""

    portals: tuple[str, ...] = ()
    discovery: bool = False
    commands: bool = False


class Link:
    """A thread from `start` to `close`, on which states leave; other threads send events."""

    def __init__(self, access: Access, topics: Topics, shown: Shown, surroundings: Surroundings) -> None:
        self._access = replace(access, will=Message(topics.available, _OFFLINE, retain=True))
        self._topics, self._shown, self._surroundings = topics, shown, surroundings
        self._changed = threading.Condition()
        self._session: Session | None = None
        self._trouble: str | None = None
        self._is_closed = self._withdraws = False
        self._up_at = 0.0
        self._woken = threading.Event()
        self._kept: Retained = {}
        self._found: dict[str, bytes] = {}
        self._answers: deque[Message] = deque(maxlen=_MAX_ANSWERS)
        self._inbox: CommandInbox | None = None
        if shown.commands and surroundings.commands is not None:
            outlet, desk = surroundings.outlet, surroundings.commands
            self._inbox = CommandInbox(topics, shown.portals, outlet, desk, self._send_soon)
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{surroundings.outlet}", daemon=True)

    def start(self) -> None:
        """Connect."""
        self._thread.start()

    def close(self, *, withdraws: bool = False) -> None:
        """End; with `withdraws`, what is retained is taken back first. Never waits."""
        with self._changed:
            self._is_closed, self._withdraws = True, self._withdraws or withdraws
            session = self._session
            self._changed.notify_all()
        self._woken.set()
        if session is not None and not self._withdraws:
            session.give_up("the outlet is closed")

    def join(self, seconds: float) -> None:
        """Wait for the end, for at most so long."""
        self._thread.join(seconds)

    def require_up(self) -> Session:
        """Return the connection, once all that it shows is so; Undelivered says why there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._trouble or self._session, DEADLINE_S)
            if self._session is not None and not self._is_closed:
                return self._session
            why = "the outlet is closed" if self._is_closed else self._trouble
            raise Undelivered(why or f"{self._access.place.host} did not answer within {DEADLINE_S:g} s")

    def send(self, messages: Sequence[Message]) -> None:
        """Return when the broker has taken all; Undelivered if not."""
        self.require_up().send(messages)

    def _run(self) -> None:
        failures = 0
        while not self._is_closed:
            began = time.monotonic()
            try:
                self._serve()
                continue
            except Undelivered as error:
                self._on_failure(str(error))
                wait_s = error.wait_s
            except DevicemgrError as error:
                self._on_failure(str(error))
                wait_s = None
            except Exception:
                log.exception("outlet %s has failed and connects again", self._surroundings.outlet)
                self._on_failure("it has failed; the daemon's log says how")
                wait_s = MAX_RETRY_S
            failures = 0 if self._up_s(began) > _SETTLED_S else failures + 1
            longest = wait_s or min(MAX_RETRY_S, MIN_RETRY_S * 2.0 ** min(failures, 6))
            self._pause(longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, protects nothing
        self._surroundings.views.leave(self._woken.set)

    def _up_s(self, began: float) -> float:
        """Return how long the connection was up that was tried at `began`; 0 where none was."""
        return time.monotonic() - self._up_at if self._up_at > began else 0.0

    def _serve(self) -> None:
        """Connect, show everything, and follow changes until the connection ends."""
        self._surroundings.views.leave(self._woken.set)
        self._surroundings.views.follow(self._woken.set)
        self._found.clear()
        session = Session(self._access, self._on_message, self._woken.set)
        try:
            self._subscribe(session)
            self._show(session, everything=True)
            session.send([Message(self._topics.available, _ONLINE, retain=True)])
            self._on_up(session)
            while session.is_up and not self._is_closed:
                self._woken.wait()
                self._woken.clear()
                self._show(session)
            if self._withdraws:
                session.send([Message(topic, b"", retain=True) for topic in (*self._kept, self._topics.available)])
            if not self._is_closed:
                session.require_up()
        finally:
            with self._changed:
                self._session = None
            session.end(leaves_will=not self._withdraws)

    def _on_up(self, session: Session) -> None:
        with self._changed:
            self._session, self._trouble, self._up_at = session, None, time.monotonic()
            self._changed.notify_all()
        self._surroundings.wake()

    def _on_failure(self, why: str) -> None:
        if self._is_closed:
            return
        with self._changed:
            self._trouble = why
            self._changed.notify_all()
        self._surroundings.wake()

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed, seconds)

    def _subscribe(self, session: Session) -> None:
        states = [Filter(topic, is_command=False) for topic in (*self._topics.states, self._topics.discovery)]
        commands = [Filter(self._topics.commands, is_command=True)] if self._inbox is not None else []
        refused = session.subscribe(states + commands)
        if self._topics.commands in refused:
            raise Undelivered("the broker does not let this outlet read commands; allow it there, or state no commands")
        if set(refused) & set(self._topics.states):
            log.warning(
                "outlet %s may not read its own topics at the broker: what is removed while it is off stays there",
                self._surroundings.outlet,
            )

    def _show(self, session: Session, *, everything: bool = False) -> None:
        """Send what has changed, remove what is gone, and give the answers that wait."""
        if self._is_closed or not session.is_up:
            return
        wanted, found = self._wanted(), self._take_found()
        config = self._topics.discovery
        changed = {topic: one for topic, one in wanted.items() if everything or self._kept.get(topic) != one}
        gone = (self._kept.keys() | found.keys()) - wanted.keys()
        messages = [Message(topic, b"", retain=True) for topic in sorted(gone)]
        for before in (self._kept.get(config), found.get(config)):
            if config in wanted and before and (between := discovery.removal(wanted[config], before)):
                messages.append(Message(config, between, retain=True))
                changed[config] = wanted[config]
        messages += [Message(topic, payload, retain=True) for topic, payload in changed.items()]
        while self._answers:
            messages.append(self._answers.popleft())
        session.send(messages)
        self._kept = wanted

    def _wanted(self) -> Retained:
        sight = self._surroundings.views.present
        found = retained(sight, self._topics, self._shown.portals)
        if self._shown.discovery:
            announced = discovery.Announced(self._inbox is not None, self._shown.portals)
            found[self._topics.discovery] = discovery.message(sight, self._topics, announced)
        return found

    def _take_found(self) -> Retained:
        taken: Retained = {}
        while self._found:
            topic, payload = self._found.popitem()
            taken[topic] = payload
        return taken

    def _on_message(self, message: MQTTMessage) -> None:
        """Take what arrives; on the network's thread."""
        if message.topic.startswith(self._topics.commands.removesuffix("+")):
            if self._inbox is not None:
                self._inbox.take(message)
        elif message.retain and message.payload and len(self._found) < _MAX_FOUND:
            # Kept since an earlier connection; what leaves now comes back without that flag.
            self._found[message.topic] = bytes(message.payload)
            self._woken.set()

    def _send_soon(self, message: Message) -> None:
        self._answers.append(message)
        self._woken.set()
