"""The outboxes of a site: started, changed and stopped as the store has them, woken by each commit of the record."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from devicemgr.errors import DevicemgrError, InvalidInput
from devicemgr.ledger.feed import Recorded
from devicemgr.outlets.outbox import Outbox, Progress, Stated
from devicemgr.outlets.sender import Sender, Undelivered
from devicemgr.outlets.webhook import Webhook
from devicemgr.site.outlets.fields import OutletFields, fields_of
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.ledger import events
from devicemgr.store.outlets import rows
from devicemgr.store.outlets.tables import OutletRow

log = logging.getLogger(__name__)

Maker = Callable[[OutletFields, Sequence[str], str], Sender]

MAKERS: Mapping[str, Maker] = {"webhook": Webhook}
"""What makes a channel of what is stated, the secrets and the site's id, by kind."""


class Outlets:
    """One outbox for each outlet that is not paused; `consider` is called by one thread, a few times a second."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._running: dict[str, tuple[int, Outbox]] = {}
        self._seen: dict[str, int] | None = None

    def start(self) -> None:
        """Be woken by what is recorded from now on."""
        self._site.ledger.feed.follow(self._on_recorded)

    def consider(self) -> None:
        """Start, change and stop outboxes as the store has them."""
        with self._site.database.read() as session:
            wanted = {row.name: row.version for row in rows.outlets(session) if is_running(row)}
        if wanted == self._seen:
            return
        self._seen = wanted
        gone = [name for name, (version, _) in self._running.items() if wanted.get(name) != version]
        for name in gone:
            self._running.pop(name)[1].ask_to_stop()
        for name in wanted.keys() - self._running.keys():
            self._begin(name)

    def figures(self) -> dict[str, dict[str, Any]]:
        """Return by name how far each running outbox has come; any thread."""
        return {name: outbox.figures() for name, (_, outbox) in list(self._running.items())}

    def stop(self, seconds: float) -> None:
        """End all; each stores how far it came."""
        self._site.ledger.feed.leave(self._on_recorded)
        found = [outbox for _, outbox in self._running.values()]
        for outbox in found:
            outbox.ask_to_stop()
        deadline = time.monotonic() + seconds
        for outbox in found:
            outbox.join(deadline - time.monotonic())

    def _begin(self, name: str) -> None:
        try:
            with self._site.database.read() as session:
                row = rows.outlet(session, name)
                fields = fields_of(row)
                sender = sender_of(self._site, session, row)
                stated = Stated(name, row.version, fields.selection, fields.on_poison == "skip")
                progress = Progress(row.cursor, dict(row.state))
        except (DevicemgrError, ValueError) as error:
            log.error("outlet %s can't begin: %s", name, error)
            return
        outbox = Outbox(stated, progress, sender, self._site.database, self._site.ledger)
        self._running[name] = (stated.version, outbox)
        outbox.start()

    def _on_recorded(self, _: Recorded) -> None:
        for _version, outbox in list(self._running.values()):
            outbox.wake()


def is_running(row: OutletRow) -> bool:
    """Return True for an outlet that gives out events: it neither is paused nor waits for a person."""
    return not row.paused and not row.state.get("stopped")


def sender_of(site: Site, session: Session, row: OutletRow) -> Sender:
    """Return the channel of an outlet."""
    maker = MAKERS.get(row.kind)
    if maker is None:
        raise InvalidInput(f"outlets of kind {row.kind} are not there yet; choose one of {', '.join(MAKERS)}")
    return maker(fields_of(row), rows.secrets_of(row, site.vault), rows.site_id(session))


def send_test(site: Site, name: str) -> str | None:
    """Send a message that is no event; return why it was not taken, None if it was. NotFound for no such outlet."""
    with site.database.read() as session:
        sender = sender_of(site, session, rows.outlet(session, name))
    try:
        sender.test()
    except Undelivered as error:
        return str(error)
    finally:
        sender.close()
    return None


def outlet_json(session: Session, row: OutletRow) -> dict[str, Any]:
    """Return what `outlet show` prints: what is stated, how far it has come and what is wrong."""
    head, _ = events.head(session)
    state = row.state
    time_of = events.time_of(session, row.cursor + 1) if row.cursor < head else None
    return {
        "name": row.name,
        "state": "paused"
        if row.paused
        else "stopped"
        if state.get("stopped")
        else "failing"
        if state.get("error")
        else "ok",
        "cause": state.get("stopped") or state.get("error"),
        "failing_since": state.get("failing_since"),
        "cursor": row.cursor,
        "lag_events": max(0, head - row.cursor),
        "oldest_waiting": time_of,
        "has_secret": row.sealed_secret is not None,
    }
