"""Commands as they arrive from a broker: read on the network's thread, carried out on threads of their own.

What a broker hands over is anyone's who may publish there. So a message is bounded before it is read, one that is
retained is refused (it would be a command at each connection), and only a few are under way at once.
"""

import json
import logging
import re
import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Annotated, Any

from paho.mqtt.client import MQTTMessage
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devicemgr.domain.model import Direction
from devicemgr.outlets.commands import Action, Answer, Command, CommandDesk, refused
from devicemgr.outlets.mqtt.session import Message
from devicemgr.outlets.mqtt.states import encoded
from devicemgr.outlets.mqtt.topics import Topics

log = logging.getLogger(__name__)

MAX_COMMAND_BYTES = 4096
MAX_UNDER_WAY = 8
# It becomes a level of a topic.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class Sent(BaseModel):
    """A command as it is written in a message."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)
    action: Action
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    expires: Annotated[str, Field(max_length=40)]
    token: Annotated[str, Field(min_length=1, max_length=100, repr=False)]
    direction: Direction | None = None


class Unreadable(Exception):
    """A message that is no command; `id` is whom to answer, where it has one."""

    def __init__(self, why: str, command_id: str | None) -> None:
        super().__init__(why)
        self.id = command_id


class CommandInbox:
    """Takes messages, and hands over answers; `take` never blocks and never raises for what was sent."""

    def __init__(
        self,
        topics: Topics,
        portals: Collection[str],
        outlet: str,
        desk: CommandDesk,
        publish: Callable[[Message], None],
    ) -> None:
        self._topics, self._portals, self._outlet, self._desk = topics, portals, outlet, desk
        self._publish = publish
        self._room = threading.BoundedSemaphore(MAX_UNDER_WAY)

    def take(self, message: MQTTMessage) -> None:
        """Read a message and let it be carried out; on the network's thread."""
        portal, payload = self._topics.commanded(message.topic), bytes(message.payload)
        if portal is None or not payload:
            return
        if message.retain:
            # It holds a token, and would come again to everyone who subscribes.
            self._publish(Message(message.topic, b"", retain=True))
        try:
            command = read(portal, payload)
        except Unreadable as error:
            log.debug("outlet %s: a message is no command: %s", self._outlet, error)
            if error.id is not None:
                self._answer(portal, error.id, None, refused(str(error)))
            return
        if why := self._why_not(command, is_retained=message.retain):
            self._answer(portal, command.id, command.action, refused(why))
            return
        threading.Thread(target=self._carry_out, args=(command,), name="mqtt-command", daemon=True).start()

    def _why_not(self, command: Command, *, is_retained: bool) -> str | None:
        """Return why a command is not even looked at; else one place of those under way is taken."""
        if is_retained:
            return "a retained command is never carried out; publish it without retain"
        if self._portals and command.portal not in self._portals:
            return f"this outlet is not for portal '{command.portal}'"
        if not self._room.acquire(blocking=False):
            return "too many commands at once; send it again in some seconds"
        return None

    def _carry_out(self, command: Command) -> None:
        try:
            answer = self._desk.carry_out(self._outlet, command)
        except Exception:
            log.exception("a command by outlet %s has failed", self._outlet)
            answer = refused("it failed; the daemon's log says how")
        finally:
            self._room.release()
        self._answer(command.portal, command.id, command.action, answer)

    def _answer(self, portal: str, command_id: str, action: Action | None, answer: Answer) -> None:
        shown = {"id": command_id, "portal": portal, "action": action, "result": answer.result, "reason": answer.reason}
        self._publish(Message(self._topics.result(command_id), encoded({**shown, **answer.detail})))


def read(portal: str, payload: bytes) -> Command:
    """Return the command in a message; Unreadable without a word of what stood in it."""
    if len(payload) > MAX_COMMAND_BYTES:
        raise Unreadable(f"a command has at most {MAX_COMMAND_BYTES} bytes", None)
    try:
        sent = Sent.model_validate_json(payload)
    except ValidationError as error:
        raise Unreadable(_why(error), _id_in(payload)) from None
    return Command(portal, sent.action, sent.id, _time(sent), sent.token, sent.direction or Direction.ENTRY)


def _time(sent: Sent) -> datetime:
    try:
        found = datetime.fromisoformat(sent.expires)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Unreadable("expires: write a time with its zone, such as 2026-12-01T08:00:05Z", sent.id)


def _why(error: ValidationError) -> str:
    """Return which field is wrong; what stands in it may be a token."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if name not in Sent.model_fields:
        return f"it is no JSON object of {', '.join(Sent.model_fields)}"
    return f"{name}: {'it is missing' if first['type'] == 'missing' else 'it is none that a command has'}"


def _id_in(payload: bytes) -> str | None:
    """Return whom to answer, of a message that is JSON but no command."""
    try:
        found: Any = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    command_id = found.get("id") if isinstance(found, dict) else None
    return command_id if isinstance(command_id, str) and _ID.match(command_id) else None
