"""State of the simulated terminal: people, cards, faces, events with serial numbers, its clock and settings."""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from drivers.sim.base.events import EventLog

Json = dict[str, Any]
_ANSWERED_KEEP = 100
# How the reader is set up, which stands in every event whatever was used (captures).
FACTORY_MODE = "faceOrFpOrCardOrPw"


@dataclass(frozen=True, slots=True)
class Stored:
    """An event in the terminal's memory."""

    serial: int
    minor: int
    at: datetime
    fields: Json = field(default_factory=dict)
    major: int = 5


@dataclass
class Faults:
    """Faults to inject; each is proved by an event of the log when it happens."""

    busy: int = 0  # answers that say deviceBusy
    drop_answers: int = 0  # requests carried out and not answered
    lose_answer_to: str = ""  # the next request to such a target is carried out and not answered
    unsupported: set[str] = field(default_factory=set)  # parts of targets that this firmware lacks
    silent_push: bool = False  # nothing comes out of the stream
    face_seconds: float = 0.0  # a face that was stored can be read only so much later
    face_count: bool = True  # numOfFace stands in a person's row
    keeps_seconds: bool = True  # of a person's validity
    name_bytes: int = 128  # the longest name
    cuts_names: bool = False  # longer ones are cut in silence, not refused
    min_face_pixels: int = 0  # on a picture's longest side
    deletion_seconds: float = 0.05
    deletion_fails: bool = False
    refusals: list[tuple[str, str]] = field(default_factory=list)  # part of a target, and what it is refused with

    def take_refusal(self, path: str) -> str | None:
        """Return the subStatusCode with which this request is refused, if any; each is used once."""
        if self.busy > 0:
            self.busy -= 1
            return "deviceBusy"
        for place, (part, sub) in enumerate(self.refusals):
            if part in path:
                del self.refusals[place]
                return sub
        return None


class Terminal:
    """The state, safe between threads; `listeners` hear each event as it happens."""

    def __init__(self, log: EventLog, capacity: int = 3000, zone_hours: int = 0, doors: int = 1) -> None:
        self.log, self.capacity, self.doors = log, capacity, doors
        self.door_seconds = 5
        self.lock = threading.RLock()
        self.zone = timezone(timedelta(hours=zone_hours))
        self.skew = timedelta(0)
        self.users: dict[str, Json] = {}
        self.added = 0
        self.cards: dict[str, str] = {}
        self.faces: dict[str, bytes] = {}
        self.face_since: dict[str, float] = {}
        self.events: list[Stored] = []
        self._by_major: dict[int, list[Stored]] = {}
        self.next_serial = 1
        self.listeners: list[Callable[[Stored, Json], None]] = []
        self.firmware, self.next_firmware = "V3.2.30", ""
        self.reboot: Callable[[], None] = lambda: None
        self.faults = Faults()
        self.config: Json = {
            "remoteCheckDoorEnabled": False,
            "checkChannelType": "PrivateSDK",
            "remoteCheckTimeout": 5,
            "offlineDevCheckOpenDoorEnabled": False,
            "uploadCapPic": True,
        }
        self.templates: dict[int, Json] = {1: {"enable": True, "templateName": "All day", "weekPlanNo": 1}}
        self.weeks: dict[int, Json] = {}
        self.modes: dict[int, str] = {}
        self.tampered = False
        self._questions: dict[int, tuple[threading.Event, list[bool]]] = {}
        self._deleting_until = 0.0

    def now(self) -> datetime:
        """Return the time on the terminal's own clock, in its zone."""
        return (datetime.now(UTC) + self.skew).astimezone(self.zone).replace(microsecond=0)

    def add_event(self, minor: int, at: datetime | None = None, major: int = 5, **fields: Any) -> Stored:
        """Store an event without telling listeners, as while the network was down."""
        with self.lock:
            event = Stored(self.next_serial, minor, at or self.now(), fields, major)
            self.next_serial += 1
            self.events.append(event)
            self._by_major.setdefault(major, []).append(event)
        return event

    def happen(self, minor: int, *, ask: bool = False, major: int = 5, **fields: Any) -> Stored:
        """Create an event now: store it, send it to listeners, log it."""
        event = self.add_event(minor, major=major, **fields)
        extra: Json = {"currentEvent": True} | ({"remoteCheck": True} if ask else {})
        more: Json = {} if major == 5 else {"major": major}
        self.log.add(
            "happened", serial=event.serial, minor=minor, asks=ask, person=fields.get("employeeNoString"), **more
        )
        for listener in list(self.listeners):
            listener(event, extra)
        return event

    def forget_events(self) -> None:
        """Empty the memory; serial numbers start over."""
        with self.lock:
            self.events.clear()
            self._by_major.clear()
            self.next_serial = 1
        self.log.add("forgot_events")

    def slice(self, begin: int, position: int, most: int, minors: int, major: int) -> tuple[list[Stored], int]:
        """Return events from serial `begin` on, and how many there are in all."""
        with self.lock:
            pool = self.events if major == 0 else self._by_major.get(major, [])
            start = bisect_left(pool, begin, key=lambda event: event.serial)
            if minors == 0:
                return pool[start + position : start + position + most], len(pool) - start
            found = [event for event in pool[start:] if event.minor == minors]
        return found[position : position + most], len(found)

    def has_readable_face(self, badge: str) -> bool:
        """Return True if a face is stored and applied."""
        return badge in self.faces and time.monotonic() - self.face_since.get(badge, 0.0) >= self.faults.face_seconds

    def show_face(self, badge: str | None) -> None:
        """Show a person's face; None is a stranger."""
        known = badge is not None and badge in self.faces and self._is_valid(badge)
        if not known:
            self.happen(0x4C, currentVerifyMode=FACTORY_MODE)
            return
        assert badge is not None
        self._present(0x4B, badge, {})

    def show_card(self, number: str) -> None:
        """Present a card."""
        badge = self.cards.get(number)
        if badge is None:
            self.happen(0x09, cardNo=number, currentVerifyMode=FACTORY_MODE)
        elif not self._is_valid(badge):
            self.happen(0x08, cardNo=number, employeeNoString=badge, currentVerifyMode=FACTORY_MODE)
        else:
            self._present(0x01, badge, {"cardNo": number})

    def show_code(self, minor: int, badge: str, **more: Any) -> None:
        """Let an enrolled person use a finger, a PIN, a QR code, or fail. The console asks all the same."""
        self._present(minor, badge, more)

    def answer(self, serial: int, granted: bool) -> bool:
        """Take the server's decision on question `serial`; return False if none waits for it."""
        with self.lock:
            waiting = self._questions.get(serial)
        self.log.add("answered", serial=serial, granted=granted, awaited=waiting is not None)
        if waiting is None:
            return False
        waiting[1].append(granted)
        waiting[0].set()
        return True

    def open_door(self, door: int, by: str) -> None:
        """Record that a door's relay was switched on, and by whom."""
        self.log.add("unlocked", door=door, by=by)

    def tell_state(self) -> None:
        """Record how many people, cards, faces and events it holds."""
        self.log.add(
            "state",
            users=len(self.users),
            cards=len(self.cards),
            faces=len(self.faces),
            events=len(self.events),
            asks=bool(self.config.get("remoteCheckDoorEnabled")),
        )

    def begin_deletion(self, badges: Sequence[str]) -> None:
        """Start deleting people, with cards and faces."""
        self._deleting_until = time.monotonic() + self.faults.deletion_seconds
        if not self.faults.deletion_fails:
            for badge in badges:
                self.drop(badge)

    def deletion(self) -> str:
        """Return the state of a deletion: processing, success or failed."""
        if time.monotonic() < self._deleting_until:
            return "processing"
        return "failed" if self.faults.deletion_fails else "success"

    def drop(self, badge: str) -> None:
        """Without trace."""
        with self.lock:
            had = self.users.pop(badge, None) is not None
            self.faces.pop(badge, None)
            for number in [number for number, owner in self.cards.items() if owner == badge]:
                del self.cards[number]
        if had:
            self.log.add("user_removed", badge=badge)

    def _present(self, minor: int, badge: str, more: Json) -> None:
        fields = {"employeeNoString": badge, "name": self.users[badge].get("name", ""), **more}
        fields["currentVerifyMode"] = FACTORY_MODE
        if not self._is_open_to(badge):
            self.happen(0x07, **fields)
            return
        if not self.config.get("remoteCheckDoorEnabled"):
            self.happen(minor, **fields)
            self.open_door(1, "itself")
            return
        answered: tuple[threading.Event, list[bool]] = (threading.Event(), [])
        with self.lock:
            self._questions[self.next_serial] = answered
            while len(self._questions) > _ANSWERED_KEEP:
                del self._questions[next(iter(self._questions))]
            event = self.happen(minor, ask=True, **fields)
        threading.Thread(target=self._wait, args=(event.serial, answered), daemon=True).start()

    def _wait(self, serial: int, answered: tuple[threading.Event, list[bool]]) -> None:
        came = answered[0].wait(float(self.config.get("remoteCheckTimeout", 5)))
        with self.lock:
            self._questions.pop(serial, None)
        if came and answered[1][0]:
            self.open_door(1, "answer")
        elif not came:
            open_anyway = bool(self.config.get("offlineDevCheckOpenDoorEnabled"))
            self.log.add("not_answered", serial=serial, opens=open_anyway)
            if open_anyway:
                self.open_door(1, "itself")

    def _is_open_to(self, badge: str, door: int = 1) -> bool:
        """By the week plan of the person's plan template for that door, by its own clock."""
        rights = self.users.get(badge, {}).get("RightPlan", [])
        numbers = [int(right["planTemplateNo"]) for right in rights if right["doorNo"] == door]
        plans = [self.templates.get(number, {}).get("weekPlanNo", 0) for number in numbers]
        now = self.now()
        day, clock = f"{now:%A}", f"{now:%H:%M:%S}"
        spans = [
            one["TimeSegment"]
            for plan in plans
            for one in self.weeks.get(plan, {}).get("WeekPlanCfg", [])
            if one["enable"] and one["week"] == day
        ]
        always = not numbers or 1 in numbers
        return always or any(span["beginTime"] <= clock <= span["endTime"] for span in spans)

    def _is_valid(self, badge: str) -> bool:
        valid = self.users.get(badge, {}).get("Valid", {})
        now = self.now().strftime("%Y-%m-%dT%H:%M:%S")
        return str(valid.get("beginTime", "")) <= now <= str(valid.get("endTime", "9999"))
