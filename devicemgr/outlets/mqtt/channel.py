"""The channel of an outlet to an MQTT broker; see `sender.Sender` and `standing.Standing`."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from devicemgr.outlets.mqtt.link import Link, Shown
from devicemgr.outlets.mqtt.session import WINDOW, Access, Message, Session
from devicemgr.outlets.mqtt.states import encoded
from devicemgr.outlets.mqtt.topics import Topics
from devicemgr.outlets.sender import Event, Undelivered
from devicemgr.outlets.standing import Surroundings
from devicemgr.site.outlets.fields import OutletFields, is_loopback, place_of
from devicemgr.text import rfc3339


class Mqtt:
    """Events go over the connection that also shows the states; test messages over one of their own."""

    batch = WINDOW

    def __init__(self, fields: OutletFields, secrets: Sequence[str], site: str) -> None:
        self._topics = Topics(site)
        password = secrets[0] if secrets else None
        client_id = self._topics.client_id
        self._access = Access(place_of(fields), is_loopback(fields), client_id, fields.user, password)
        self._needs_password = bool(fields.user) and password is None
        self._shown = Shown(tuple(fields.portals), fields.discovery, fields.commands)
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._is_closed = False

    def begin(self, surroundings: Surroundings) -> None:
        """See `standing.Standing`."""
        with self._lock:
            if not (self._is_closed or self._needs_password):
                self._link = Link(self._access, self._topics, self._shown, surroundings)
                self._link.start()

    def require_up(self) -> None:
        """See `standing.Standing`."""
        self._standing().require_up()

    def send(self, events: Sequence[Event]) -> None:
        """See `sender.Sender`."""
        self._standing().send([Message(self._topics.event(str(event["kind"])), encoded(event)) for event in events])

    def test(self) -> None:
        """See `sender.Sender`."""
        self._require_password()
        # Under another id, for the broker would end the standing connection.
        access = replace(self._access, client_id=f"{self._access.client_id}-test")
        session = Session(access, lambda _: None, lambda: None)
        try:
            session.send([Message(self._topics.test, encoded({"type": "test", "time": rfc3339(datetime.now(UTC))}))])
        finally:
            session.end()

    def close(self) -> None:
        """See `sender.Sender`."""
        self._close(withdraws=False)

    def withdraw(self) -> None:
        """See `standing.Standing`."""
        self._close(withdraws=True)

    def _close(self, *, withdraws: bool) -> None:
        with self._lock:
            self._is_closed = True
            if self._link is not None:
                self._link.close(withdraws=withdraws)

    def _standing(self) -> Link:
        self._require_password()
        if self._link is None:
            raise Undelivered("the outlet is closed")
        return self._link

    def _require_password(self) -> None:
        if self._needs_password:
            raise Undelivered("it has no password yet; an admin sets one")
