"""The outbox of mails: it holds events by groups in its state, so that a storm of one kind delays no other.

The cursor moves through what is held, since both are stored in one transaction. What one address is late to take is
held for that address alone.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import time as now_s
from typing import Any

from devicemgr.domain.ledger_events import Kind, is_of_kind
from devicemgr.domain.rules.outgoing.selection import ALARMS, selected
from devicemgr.errors import DevicemgrError
from devicemgr.ledger.writer import Ledger
from devicemgr.outlets import outbox
from devicemgr.outlets.mail.channel import Mail, listed
from devicemgr.outlets.mail.collected import Collected, Group
from devicemgr.outlets.mail.exchange import Taken
from devicemgr.outlets.mail.news import news_of
from devicemgr.outlets.mail.reports import Reports
from devicemgr.outlets.outbox import Outbox, Progress, Stated
from devicemgr.outlets.sender import Event, Undelivered
from devicemgr.site.outlets.scheduled import ScheduledReport
from devicemgr.store.database import Database
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter

MAX_EVENTS = 2000
"""In one mail; what is beyond waits for the next one."""

MAX_LATE = 200
MAX_LATE_TRIES = 50
"""About a day, as mail servers themselves try."""

FIRST_LATE_S, LAST_LATE_S = 60.0, 1800.0
REPORT_LATE_AFTER = 5
"""After so many tries, about a quarter of an hour, an address that is late is an alarm."""


class MailOutbox(Outbox):
    """Gives out what is recorded as mails; see `outbox.Outbox`."""

    def __init__(
        self,
        stated: Stated,
        progress: Progress,
        mail: Mail,
        database: Database,
        ledger: Ledger,
        reports: Reports,
    ) -> None:
        super().__init__(stated, progress, mail, database, ledger)
        self._mail, self._reports = mail, reports
        self._named = [kind for kind in stated.selection.kinds if kind != ALARMS]
        self._collected = Collected(progress.state)
        self._reports_sent: dict[str, str] = progress.state.setdefault("reports", {})
        self._put_off: dict[str, tuple[float, int]] = {}

    def _turn(self) -> bool:
        """Send what is due, then hold what is new, and send what is due of that."""
        if self._progress.state.get("stopped"):
            return super()._turn()
        self._send_due()
        found = self._next_page()
        is_held = any([self._hold(event) for event in found])
        if found:
            self._moved(int(found[-1]["seq"]))
        # Stored before it leaves, the same mail is made once more after a kill, under the same id.
        self._store(is_due=is_held or (not found and not self._is_stored))
        self._send_due()
        self._send_late()
        self._send_reports()
        if self._failures and self._collected.wait_s(self._now()) is None:
            self._succeeded()  # nothing is left of what had failed
        return len(found) == outbox.PAGE

    def _idle_s(self) -> float:
        waits = [until - self._now() for until in (*(one["next"] for one in self._late), *self._retries)]
        if (wait_s := self._collected.wait_s(self._now())) is not None:
            waits.append(wait_s)
        return max(0.01, min([super()._idle_s(), *map(float, waits)]))

    @property
    def _retries(self) -> list[float]:
        return [until for until, _ in self._put_off.values()]

    @staticmethod
    def _now() -> float:
        return now_s()

    def _hold(self, event: Event) -> bool:
        shown = selected(event, self.stated.selection)
        if shown is None:
            return False
        is_named = any(is_of_kind(shown["kind"], one) for one in self._named)
        return self._collected.add(int(shown["seq"]), news_of(shown), alarms_only=not is_named)

    def _send_due(self) -> None:
        """Send a mail of each group that may leave, the most urgent first; a refused one holds up no other."""
        for group in self._collected.due(self._now()):
            if self._stopping.is_set():
                return
            self._require_kept(group)
            found = self._events_of(group.name, group.first, group.through, group.left)
            if not found:
                self._collected.sent(group.name, group.through, self._now())
                continue
            try:
                taken = self._mail.send_events(found, self._mail.envelope.to)
                self._mail.require_taken(taken)
            except Undelivered as error:
                if not error.is_refused:
                    raise
                self._on_refusal(group, found, error)
            else:
                through = int(found[-1]["seq"]) if len(found) == MAX_EVENTS else group.through
                self._collected.sent(group.name, through, self._now())
                self._on_taken(taken, {"group": group.name, "first": found[0]["seq"], "through": found[-1]["seq"]})
            self._failures = 0
            self._store(is_due=True)
        self._collected.forget_old(self._now())

    def _require_kept(self, group: Group) -> None:
        """Report events that the record does not have any more."""
        with self._database.read() as session:
            oldest = events.oldest(session)
        if oldest is not None and oldest > group.first:
            self._on_gap(group.first, min(group.through, oldest - 1))

    def _events_of(self, name: str, first: int, through: int, left: frozenset[int] = frozenset()) -> list[Event]:
        """Return events of a group from the record, as they leave; at most MAX_EVENTS."""
        kinds = (name.partition(":")[0], str(Kind.DURESS_SIGNALLED))
        found: list[Event] = []
        after = first - 1
        while len(found) < MAX_EVENTS:
            wanted = EventFilter(after=after, before=through + 1, kinds=kinds, shows_duress=True)
            with self._database.read() as session:
                page = events.find(session, wanted, outbox.PAGE, names=True)
            shown = [one for event in page if (one := selected(event, self.stated.selection)) is not None]
            found += [one for one in shown if one["seq"] not in left and news_of(one).group == name]
            if len(page) < outbox.PAGE:
                break
            after = int(page[-1]["seq"])
        return found[:MAX_EVENTS]

    def _on_taken(self, taken: Taken, piece: dict[str, Any]) -> None:
        """Note for whom a mail was not taken: for now, which is tried again, or for good, which is an alarm."""
        if taken.late:
            self._hold_late({**piece, "to": sorted(taken.late), "tries": 0, "next": self._now() + FIRST_LATE_S})
        if taken.refused:
            self._warn(f"refused: {listed(taken.refused)}")
        elif taken.late:
            self._note(f"later: {listed(taken.late)}")
        elif not self._late and not self._put_off:
            self._succeeded()

    def _on_refusal(self, group: Group, found: Sequence[Event], error: Undelivered) -> None:
        """Count that a mail was refused as a whole; at the tenth time leave it out, or wait for a person."""
        tries, seq = group.tries + 1, int(found[0]["seq"])
        self._collected.put_off(group.name, self._now() + self._pause_s(tries))
        if tries < outbox.MAX_REFUSALS:
            self._warn(str(error), is_alarm=tries >= REPORT_LATE_AFTER)
        elif self.stated.skips:
            through = int(found[-1]["seq"])
            self._record(Kind.OUTLET_SKIPPED, {"seq": seq, "through": through, "cause": str(error)})
            self._collected.sent(group.name, through if len(found) == MAX_EVENTS else group.through, self._now())
        else:
            self._stop_for(f"{error}, {tries} times, to event {seq}", seq)

    @staticmethod
    def _pause_s(tries: int) -> float:
        return min(outbox.MAX_WAIT_S, outbox.MIN_WAIT_S * 2.0 ** (tries - 1))

    @property
    def _late(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._progress.state.setdefault("late", [])
        return found

    def _hold_late(self, piece: dict[str, Any]) -> None:
        if len(self._late) < MAX_LATE:
            self._late.append(piece)
        else:
            self._give_up(piece, f"over {MAX_LATE} mails wait for late addresses")

    def _send_late(self) -> None:
        """Try once more those addresses that were to be tried later."""
        for piece in [one for one in self._late if one["next"] <= self._now()]:
            if self._stopping.is_set():
                return
            to = [address for address in piece["to"] if address in self._mail.envelope.to]
            tries = piece["tries"]
            try:
                taken = self._send_again(piece, to) if to else Taken("", {}, {})
            except (Undelivered, DevicemgrError) as error:
                # The server takes nothing at present, which says nothing of the address.
                piece["next"] = self._now() + _late_s(tries)
                self._note(str(error))
                continue
            self._late.remove(piece)
            if taken.late and tries + 1 < MAX_LATE_TRIES:
                next_at = self._now() + _late_s(tries + 1)
                self._late.append({**piece, "to": sorted(taken.late), "tries": tries + 1, "next": next_at})
                self._warn(f"later: {listed(taken.late)}", is_alarm=tries >= REPORT_LATE_AFTER)
            elif taken.late:
                self._give_up({**piece, "to": sorted(taken.late)}, listed(taken.late))
            else:
                self._on_taken(taken, piece)
            self._store(is_due=True)

    def _send_again(self, piece: dict[str, Any], to: Sequence[str]) -> Taken:
        if "report" in piece:
            report = next((one for one in self._reports.stated if one.key == piece["report"]), None)
            return Taken("", {}, {}) if report is None else self._send_report(report, piece["on"], to)
        found = self._events_of(piece["group"], piece["first"], piece["through"])
        return self._mail.send_events(found, to) if found else Taken("", {}, {})

    def _warn(self, cause: str, *, is_alarm: bool = True) -> None:
        """Note what is wrong with a part of what leaves, and raise the alarm."""
        self._note(cause)
        if is_alarm:
            self._report(cause)

    def _give_up(self, piece: dict[str, Any], why: str) -> None:
        cause = f"not to {', '.join(piece['to'])}: {why}"
        named = {"first": "seq", "through": "through", "report": "report"}
        what = {name: piece[key] for key, name in named.items() if key in piece}
        self._record(Kind.OUTLET_SKIPPED, {**what, "cause": cause})
        self._warn(cause)

    def _send_reports(self) -> None:
        """Send each report whose time has come since it last left: once, also where it comes late."""
        now = datetime.fromtimestamp(self._now(), UTC)
        for report in self._reports.stated:
            if self._stopping.is_set() or self._put_off.get(report.key, (0.0, 0))[0] > self._now():
                continue
            on = self._reports.last_due(report, now)
            if on <= self._reports_sent.setdefault(report.key, self._reports.last_due(report, self._reports.since)):
                continue
            try:
                taken = self._send_report(report, on, self._mail.envelope.to)
                self._mail.require_taken(taken)
            except (Undelivered, DevicemgrError) as error:
                self._on_unsent(report.key, on, error)
                continue
            self._put_off.pop(report.key, None)
            self._reports_sent[report.key] = on
            self._on_taken(taken, {"report": report.key, "on": on})
            self._store(is_due=True)

    def _send_report(self, report: ScheduledReport, on: str, to: Sequence[str]) -> Taken:
        document, file = self._reports.make(report, on)
        return self._mail.send_report(document, file, to)

    def _on_unsent(self, key: str, on: str, error: Exception) -> None:
        """Try a report again in some minutes; one that is refused ten times is left out."""
        tries = self._put_off.get(key, (0.0, 0))[1] + (isinstance(error, Undelivered) and error.is_refused)
        if tries < outbox.MAX_REFUSALS:
            self._put_off[key] = (self._now() + outbox.MAX_WAIT_S, tries)
            self._warn(f"{key}: {error}")
            self._store(is_due=True)
            return
        self._put_off.pop(key)
        self._reports_sent[key] = on
        self._give_up({"report": key, "to": self._mail.envelope.to}, str(error))
        self._store(is_due=True)


def _late_s(tries: int) -> float:
    return min(LAST_LATE_S, FIRST_LATE_S * 2.0 ** min(tries, 10))
