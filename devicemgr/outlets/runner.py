"""The outboxes of a site: started, changed and stopped as the store has them, woken by each commit of the record."""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.errors import DevicemgrError, InvalidInput
from devicemgr.ledger.feed import Recorded
from devicemgr.outlets.commands import CommandDesk, May
from devicemgr.outlets.mail.channel import Mail
from devicemgr.outlets.mail.maker import mail_channel, reports_of
from devicemgr.outlets.mail.outbox import MailOutbox
from devicemgr.outlets.mail.reports import ReportMaker
from devicemgr.outlets.mqtt.channel import Mqtt
from devicemgr.outlets.outbox import MAX_WHY, Outbox, Progress, Stated, waited
from devicemgr.outlets.sender import Sender, Undelivered
from devicemgr.outlets.site_view import SiteView
from devicemgr.outlets.standing import Standing, Surroundings
from devicemgr.outlets.syslog.sender import Syslog
from devicemgr.outlets.webhook import Webhook
from devicemgr.site.outlets.fields import OutletFields, fields_of
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.outlets import rows
from devicemgr.store.outlets.tables import OutletRow
from devicemgr.text import safe

log = logging.getLogger(__name__)

_TEST_POLL_S = 0.2
_ENDING_S = 0.05
"""So long a turn waits for outboxes that end; one that takes longer is followed at a later turn."""

Maker = Callable[[OutletFields, Sequence[str], str], Sender]

MAKERS: Mapping[str, Maker] = {"webhook": Webhook, "mqtt": Mqtt, "syslog": Syslog}
"""What makes a channel of what is stated, the secrets and the site's id, by kind."""


@dataclass(slots=True)
class _Faults:
    """How often an outlet of a version could not run, and from which second on it is tried again."""

    version: int
    count: int = 0
    again_at: float = 0.0


class Outlets:
    """One outbox for each outlet that is not paused; `consider` is called by one thread, a few times a second."""

    def __init__(
        self,
        site: Site,
        runtime: Runtime | None = None,
        may: May | None = None,
        report_maker: ReportMaker | None = None,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """`runtime` has the states that channels show; by `may`, the table of rights, commands are judged.

        `report_maker` makes the reports that outlets send.
        """
        self._site, self._report_maker, self._ticks = site, report_maker, ticks
        self._views = SiteView(site, runtime) if runtime is not None else None
        self._commands = CommandDesk(site, runtime, may) if runtime is not None and may is not None else None
        self._places: dict[str, tuple[str, str]] = {}
        self._running: dict[str, Outbox] = {}
        self._ending: dict[str, Outbox] = {}
        self._faults: dict[str, _Faults] = {}
        self._lock = threading.Lock()
        self._is_stopped = False

    def start(self) -> None:
        """Be woken by what is recorded from now on."""
        self._site.ledger.feed.follow(self._on_recorded)

    def consider(self) -> None:
        """Start, change and stop outboxes as the store has them, and start those again whose threads have ended."""
        with self._site.database.read() as session:
            wanted = rows.versions(session)
        with self._lock:
            if self._is_stopped:
                return
            self._let_go(wanted)
            self._faults = {name: one for name, one in self._faults.items() if wanted.get(name) == one.version}
            # The one before it may still be sending: events leave in order.
            for name in sorted(wanted.keys() - self._running.keys() - self._ending.keys()):
                faults = self._faults.get(name)
                if faults is None or self._ticks() >= faults.again_at:
                    self._begin(name, wanted[name])

    def figures(self) -> dict[str, dict[str, Any]]:
        """Return by name how far each running outbox has come; any thread."""
        return {name: outbox.figures() for name, outbox in list(self._running.items())}

    def failures(self) -> dict[str, int]:
        """Return by name how many tries of each running outbox have failed; any thread."""
        return {name: outbox.failed for name, outbox in list(self._running.items())}

    def stop(self, seconds: float) -> None:
        """End all; each stores how far it came."""
        self._site.ledger.feed.leave(self._on_recorded)
        with self._lock:
            self._is_stopped = True
            found = [*self._running.values(), *self._ending.values()]
        for outbox in found:
            outbox.ask_to_stop()
        deadline = time.monotonic() + seconds
        for outbox in found:
            outbox.join(deadline - time.monotonic())
        if self._views is not None:
            self._views.stop()
        if self._commands is not None:
            self._commands.flush()

    def _let_go(self, wanted: Mapping[str, int]) -> None:
        for name, outbox in list(self._running.items()):
            if not outbox.is_running:
                del self._running[name]
                self._on_fault(name, outbox.stated.version, "its thread has ended; the log says why")
            elif wanted.get(name) != outbox.stated.version:
                self._ending[name] = self._running.pop(name)
                (outbox.withdraw if self._has_gone(name) else outbox.ask_to_stop)()
        until = self._ticks() + _ENDING_S
        for outbox in self._ending.values():
            outbox.join(until - self._ticks())
        self._ending = {name: outbox for name, outbox in self._ending.items() if outbox.is_running}

    def _begin(self, name: str, version: int) -> None:
        try:
            with self._site.database.read() as session:
                row = rows.outlet(session, name)
                fields = fields_of(row)
                sender = sender_of(self._site, session, row)
                stated = Stated(name, row.version, fields.selection, fields.on_poison == "skip")
                progress = Progress(row.cursor, dict(row.state))
                self._places[name] = _place(row)
            outbox = self._outbox_of(stated, progress, sender, fields)
            if isinstance(sender, Standing) and self._views is not None:
                sender.begin(Surroundings(name, self._views, outbox.wake_now, self._commands))
            outbox.start()
        except Exception as error:  # one outlet that can't begin holds up no other, and no job of the scheduler
            self._on_fault(name, version, str(error) if isinstance(error, DevicemgrError) else type(error).__name__)
            return
        self._running[name] = outbox

    def _has_gone(self, name: str) -> bool:
        """Return True for an outlet that was removed, or now goes to another server."""
        with self._site.database.read() as session:
            row = session.get(OutletRow, name)
            return row is None or _place(row) != self._places.get(name)

    def _on_fault(self, name: str, version: int, why: str) -> None:
        """Try again later, and raise the alarm: no time mends it by itself."""
        faults = self._faults.setdefault(name, _Faults(version))
        faults.count += 1
        faults.again_at = self._ticks() + waited(faults.count)
        log.error("outlet %s can't run: %s", name, why)
        said = safe(f"it can't run: {why}", MAX_WHY)
        try:
            with self._site.database.write(changes_site=False) as session:
                is_new = rows.report(session, name, version, said)
        except DevicemgrError:
            return
        if is_new:
            detail: dict[str, Any] = {"outlet": name, "cause": said}
            self._site.ledger.submit(Fact(Kind.OUTLET_FAILING, datetime.now(UTC), detail=detail))

    def _outbox_of(self, stated: Stated, progress: Progress, sender: Sender, fields: OutletFields) -> Outbox:
        if isinstance(sender, Mail):
            reports = reports_of(self._site, stated.name, fields, progress.state, self._report_maker)
            return MailOutbox(stated, progress, sender, self._site.database, self._site.ledger, reports)
        return Outbox(stated, progress, sender, self._site.database, self._site.ledger)

    def _on_recorded(self, _: Recorded) -> None:
        for outbox in list(self._running.values()):
            outbox.wake()


def _place(row: OutletRow) -> tuple[str, str]:
    """Return what an outlet's receiver is known by."""
    return row.kind, str(row.stated.get("url"))


def sender_of(site: Site, session: Session, row: OutletRow) -> Sender:
    """Return the channel of an outlet."""
    if row.kind == "mail":
        return mail_channel(site, session, row)
    maker = MAKERS.get(row.kind)
    if maker is None:
        raise InvalidInput(f"outlets of kind {row.kind} are not there yet; choose one of {', '.join(MAKERS)}")
    return maker(fields_of(row), rows.secrets_of(row, site.vault), rows.site_id(session))


class Tested(NamedTuple):
    """What came of a test message: why it was not taken, None if it was, and what the receiver answered."""

    cause: str | None
    answer: str | None = None


def try_out(site: Site, name: str, is_stopping: Callable[[], bool] = lambda: False) -> Tested:
    """Send a message that is no event, and return what came of it; NotFound for no such outlet.

    The thread that sends it may hang in a question to a name server, which nothing ends: once the daemon stops, it is
    left behind, for a thread of the API would hold up the end of the process.
    """
    with site.database.read() as session:
        sender = sender_of(site, session, rows.outlet(session, name))
    answers: queue.SimpleQueue[Tested] = queue.SimpleQueue()
    threading.Thread(target=_test, args=(name, sender, answers), name=f"outlet-test-{name}", daemon=True).start()
    try:
        while not is_stopping():
            with contextlib.suppress(queue.Empty):
                return answers.get(timeout=_TEST_POLL_S)
    finally:
        sender.close()
    return Tested("the daemon stops; try again once it runs")


def _test(name: str, sender: Sender, answers: "queue.SimpleQueue[Tested]") -> None:
    try:
        answers.put(Tested(None, sender.test()))
    except Undelivered as error:
        answers.put(Tested(str(error)))
    except Exception:
        log.exception("the test message of outlet %s has failed", name)
        answers.put(Tested("the program failed; its log says where"))
