"""Bring one device to hold what it should, as exchanges that the caller runs on the device's own thread.

Revocations go first; then read, plan, remove, change, add. What was done is on disk before the next exchange.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from devicemgr.access.policy_cache import Rulebook
from devicemgr.devices.sync_run import Keeper, Profile, Run, Step, Steps, holder, profile_of, read_page
from devicemgr.domain.desired_state import (
    Desired,
    Plan,
    Record,
    Samples,
    State,
    desired,
    digest,
    known_keys,
    plan,
)
from devicemgr.domain.ports.device import Holding, Spans
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.threats.device_doors import is_used, threats_at
from devicemgr.domain.rules.threats.threat import Standing
from devicemgr.errors import DeviceGarbled, DevicemgrError, DeviceRefused, HeldInPart, InvalidInput, NotVerifiable
from devicemgr.people import erasure_events
from devicemgr.site.site import Site
from devicemgr.store.site import device_sync
from devicemgr.sync.faces import with_faces
from devicemgr.sync.keepers import policy_of
from devicemgr.sync.key_marks import FACE_UNVERIFIED, marks, seen
from devicemgr.sync.retries import Retries
from devicemgr.sync.weekly_hours import keep_hours, note, weeks
from devicemgr.text import safe

Work = Callable[[Sequence[str]], Steps]
_MAX_KEYS, _READ_AGAIN = 200_000, 2


class HolderSync:
    """One device's books. Not for two drivers at a time; `dirty` may be set by any thread.

    `decides` when the device opens without asking here; `heeded` are the threats by which it is given people.
    """

    def __init__(self, site: Site, rules: Rulebook, keeper: Keeper, samples: Samples) -> None:
        self._site, self._rules, self._keeper, self._samples = site, rules, keeper, samples
        self.dirty = threading.Event()
        self.run = Run()
        self._profile: Profile | None = None
        self._mirror: dict[str, Holding] | None = None
        self._snapshot: Snapshot = rules.current
        self._desired = Desired()
        self._records: dict[str, Record] = {}
        self._retries = Retries()
        self._unsure: set[str] = set()  # keys whose refused exchange may have left something on the device
        self._no_hours: dict[str, str] = {}
        self.decides = keeper.decides
        self.heeded: Mapping[str, Standing] = {}

    def steps(self, run: Run, *, read: bool = False, prune: bool = False, insist: bool = False) -> Steps:
        """Do what is to be done; `read` again, `prune` what is unknown, `insist` on what was refused lately."""
        self.run = run
        if insist:
            self._retries.clear()
        self._profile = self._profile or (yield profile_of)
        if self._profile is None:
            run.end(InvalidInput(f"{self._keeper.name} keeps neither people nor cards: nothing to sync"))
            return
        try:
            yield from self._reload()
            yield from self._keep_hours()
            if self._mirror is None:
                yield from self._change_first()
            if read or self._mirror is None:
                yield from self._read()
            yield from self._apply(prune)
        except DevicemgrError:
            self._mirror = None  # what an exchange without an answer did is only known by reading
            raise
        self._save(self._marks())  # such as who was removed because nothing of theirs fits
        run.failed = sum(record.state is State.FAILED for record in self._records.values())
        run.end()

    def preview(self) -> Generator[Step, Any, tuple[Plan, Desired, Mapping[str, Holding]]]:
        """Read and plan; nothing is changed, here or there."""
        self._profile = yield lambda device: profile_of(holder(device))
        with self._site.database.read() as session:
            self._records = device_sync.records(session, self._keeper.id)
        self._want()
        while hours := self._weeks():
            if not self._note_refused(hours, (yield keep_hours(hours, look=True))):
                break
            self._want()
        found: dict[str, Holding] = {}
        yield from self._pages(found)
        self._records |= seen(self._records, found)
        return plan(self._desired, found, self._records, self._known()), self._desired, found

    def keeps_no_people(self) -> bool:
        """Return True if the device has said that it is none of these."""
        return self._profile is None

    def due(self) -> float | None:
        """When, in CLOCK_MONOTONIC seconds, something refused is to be tried again."""
        return self._retries.due()

    def _want(self) -> None:
        assert self._profile is not None
        self._snapshot = self._rules.refresh()
        policy = policy_of(self._profile, self._keeper, self._no_hours)
        self.decides = policy.decides
        self.heeded = threats_at(self._keeper.name, self._snapshot) if self.decides else {}
        faces = self._samples.digests() if policy.faces else {}
        self._desired = desired(self._keeper.name, policy, self._snapshot, self._site.clock.times(), faces)

    def _reload(self) -> Steps:
        """Take in what has changed, and revoke at once."""
        self._load()
        yield from self._revoke_first()
        self._save(self._marks())

    def _load(self) -> None:
        """Read what is wanted now and what is recorded; what differs is marked on disk before anything is sent."""
        self.dirty.clear()
        self._want()
        with self._site.database.read() as session:
            self._records = device_sync.records(session, self._keeper.id)
        self._save(list(self._marks()))

    def _keep_hours(self) -> Steps:
        """Send the week to come, before it is given to people; this box keeps what the device can't keep."""
        while hours := self._weeks():
            if not self._note_refused(hours, (yield keep_hours(hours))):
                break
            self._load()
        note(self.run, self._keeper.name, self._desired, self._no_hours)

    def _note_refused(self, hours: Mapping[str, Spans], refused: Mapping[str, DeviceRefused]) -> bool:
        """Return True if the device cannot keep some of them; they are not requested again."""
        failed = {name: safe(str(why), 200) for name, why in refused.items() if name in hours}
        self._no_hours |= failed
        return bool(failed)

    def _weeks(self) -> dict[str, Spans]:
        return weeks(self._desired, self._snapshot.schedules, self._site.clock.now())

    def _marks(self) -> Sequence[Record]:
        return marks(self._records, self._desired, self._is_put_off)

    def _save(self, changed: Sequence[Record]) -> None:
        if changed:
            with self._site.database.write(changes_site=False) as session:
                device_sync.save(session, self._keeper.id, changed)
            self._records |= {record.key: record for record in changed}

    def _known(self) -> Mapping[str, str]:
        # A device that no portal uses yet is being set up: whom it holds already is left in peace.
        assert self._profile is not None
        used = is_used(self._keeper.name, self._snapshot)
        return known_keys(self._profile.holds, self._snapshot) if used else {}

    def _revoke_first(self) -> Steps:
        gone = [key for key, record in self._records.items() if record.state is State.TO_REMOVE]
        if self._mirror is not None:
            self._settle([key for key in gone if self._is_absent(key)])
        for batch in self._batches([key for key in gone if key in self._records and not self._is_put_off(key)]):
            yield from self._remove(batch)

    def _change_first(self) -> Steps:
        """Put what has changed while the device was away: a lost card must not open until a long reading is over."""
        changed = [key for key in self._desired.wanted if key in self._records and self._is_other_than_put(key)]
        for batch in self._batches(changed):
            refused: list[str] = []
            yield from self._put(batch, refused)
            for key in refused:
                self._retries.done(key)  # tried again after the reading, which tells what there is to take away

    def _is_other_than_put(self, key: str) -> bool:
        return self._records[key].digest not in (None, self._wanted_digest(key)) and not self._is_put_off(key)

    def _read(self) -> Steps:
        for _ in range(_READ_AGAIN + 1):
            found: dict[str, Holding] = {}
            self._mirror = None
            whole = yield from self._pages(found)
            if whole:
                break
        self._mirror = found
        self._records |= seen(self._records, found)
        self._settle([k for k, r in self._records.items() if r.state is State.TO_REMOVE and self._is_absent(k)])

    def _pages(self, found: dict[str, Holding]) -> Generator[Step, Any, bool]:
        """Everything held, into `found`; False when a revocation came between, which may have shifted the pages."""
        self.run.phase, whole, after, pages = "reading", True, None, 0
        while True:
            page, after = yield read_page(after)
            found |= {holding.key: holding for holding in page}
            self.run.done = self.run.of = len(found)
            pages += 1
            if after is None:
                return whole
            if len(found) > _MAX_KEYS or pages > _MAX_KEYS:
                raise DeviceGarbled(f"{self._keeper.name} tells of keys without end; restart it")
            if self.dirty.is_set():
                before = set(self._records)
                yield from self._reload()
                whole = whole and before <= set(self._records)

    def _apply(self, prune: bool) -> Steps:
        yield from self._keep_hours()
        todo = self._todo(prune)
        while todo:
            do, keys = todo.popleft()
            yield from do(keys)
            self.run.done += len(keys)
            if self.dirty.is_set():
                yield from self._reload()
                yield from self._keep_hours()
                todo = self._todo(prune)

    def _todo(self, prune: bool) -> deque[tuple[Work, Sequence[str]]]:
        assert self._mirror is not None
        found = plan(self._desired, self._mirror, self._records, self._known())
        self._adopt(found.same)
        self.run.unknown = () if prune else found.unknown
        self.run.phase = "applying"
        todo: deque[tuple[Work, Sequence[str]]] = deque()
        for do, keys in (
            (self._remove, [*found.remove, *(found.unknown if prune else ())]),
            (self._restrict, found.restrict),
            (self._put, found.change),
            (self._add, found.add),
        ):
            todo.extend((do, batch) for batch in self._batches([key for key in keys if not self._is_put_off(key)]))
        self.run.done, self.run.of = 0, sum(len(keys) for _, keys in todo)
        return todo

    def _adopt(self, same: Sequence[str]) -> None:
        assert self._mirror is not None
        changed = []
        with self._site.database.read() as session:
            stored = device_sync.records(session, self._keeper.id)
        for key in same:
            want, record = self._desired.wanted[key], self._records[key]
            seen = record.seen if record.digest == digest(want.holding) else digest(self._mirror[key])
            face, missing = want.holding.face, self._desired.missing.get(key)
            if face is None and record.face is not None and record.digest == digest(want.holding):
                face, missing = record.face, missing or FACE_UNVERIFIED
            held = Record(key, want.person_id, State.HELD, digest(want.holding), seen, face, missing)
            if held != stored.get(key):
                changed.append(held)
            self._retries.done(key)
        self._save(changed)

    def _batches(self, keys: Sequence[str]) -> list[Sequence[str]]:
        size = self._profile.batch if self._profile else 1
        return [keys[start : start + size] for start in range(0, len(keys), size)]

    def _is_put_off(self, key: str) -> bool:
        """Refused lately, and nothing has changed since."""
        return self._retries.is_put_off(key, self._wanted_digest(key))

    def _wanted_digest(self, key: str) -> str | None:
        want = self._desired.wanted.get(key)
        return digest(want.holding) if want else None

    def _remove(self, keys: Sequence[str]) -> Steps:
        if not keys:
            return  # to some devices an empty list means everybody
        try:
            yield lambda device: holder(device).remove(list(keys))
        except DeviceRefused as error:
            if len(keys) > 1:
                yield from self._remove(keys[: len(keys) // 2])
                yield from self._remove(keys[len(keys) // 2 :])
            elif isinstance(error, NotVerifiable):
                self._settle(keys, safe(str(error), 300), only_faces=error.only_faces)
            else:
                self._unsure.add(keys[0])
                self._refused({keys[0]: str(error)}, State.TO_REMOVE)
            return
        self._settle(keys)

    def _is_absent(self, key: str) -> bool:
        """Return True if a reading that lacks the key is enough to forget it; for the erased the device is read."""
        record, mirror = self._records[key], self._mirror
        known = record.person_id in self._snapshot.people
        return mirror is not None and key not in mirror and key not in self._unsure and known

    def _settle(self, keys: Sequence[str], unverified: str | None = None, *, only_faces: bool = True) -> None:
        """Forget what was read back as gone, or cannot be verified, and record it of people who are erased."""
        if not keys:
            return
        gone = [self._records[key] for key in keys if key in self._records]
        erased = {record.person_id: record.face for record in gone if record.person_id not in self._snapshot.people}
        if only_faces and not self._keeper.faces and not any(erased.values()):
            unverified = None  # what the device cannot verify was never there
        with self._site.database.write(changes_site=False) as session:
            device_sync.drop(session, self._keeper.id, keys)
            found = erasure_events.facts(session, self._keeper.name, sorted(erased), unverified)
            self._site.ledger.append(session, found)
        for key in keys:
            self._records.pop(key, None)
            self._retries.done(key)
            self._unsure.discard(key)
            if self._mirror is not None:
                self._mirror.pop(key, None)
        self._retries.room()

    def _add(self, keys: Sequence[str]) -> Steps:
        """Up to the device's capacity, which is looked at before anything is pushed."""
        assert self._profile is not None
        assert self._mirror is not None
        room = max(0, self._profile.capacity - len(self._mirror))
        over = {
            key: f"{self._keeper.name} is full: it holds {len(self._mirror)} of at most {self._profile.capacity}"
            for key in keys[room:]
        }
        if over:
            self._refused(over, State.FAILED)
            self._retries.no_room(over)
        yield from self._put(keys[:room])

    def _restrict(self, keys: Sequence[str]) -> Steps:
        """Put what takes something away; whom the device refuses to restrict is removed there, and added again."""
        refused: list[str] = []
        yield from self._put(keys, refused)
        for key in refused:
            want, face = self._desired.wanted[key], self._records[key].face
            yield from self._remove([key])
            if key not in self._records:
                self._save([Record(key, want.person_id, State.PENDING, face=face)])
                yield from self._add([key])

    def _put(self, keys: Sequence[str], kept: list[str] | None = None) -> Steps:
        """Add or change; `kept` collects whom the device may still hold as before."""
        if not keys:
            return
        there = self._mirror or {}
        jpegs, holdings = with_faces(keys, self._desired, there, self._records, self._unsure, self._samples)
        try:
            refused = yield lambda device: holder(device).put(holdings, jpegs)
        except DeviceRefused as error:
            if len(keys) > 1:
                yield from self._put(keys[: len(keys) // 2], kept)
                yield from self._put(keys[len(keys) // 2 :], kept)
                return
            refused = {keys[0]: error}
        unverified_keys = {key for key, error in refused.items() if isinstance(error, NotVerifiable)}
        refused = {key: error for key, error in refused.items() if key not in unverified_keys}
        self._unsure |= set(refused)
        if kept is not None:
            kept += [key for key, error in refused.items() if not isinstance(error, HeldInPart) and key in keys]
        self._refused({key: str(error) for key, error in refused.items() if key in keys}, State.FAILED)
        self._have_put([holding for holding in holdings if holding.key not in refused], unverified_keys)

    def _have_put(self, holdings: Sequence[Holding], unverified_keys: Collection[str]) -> None:
        """Note what was put; a face that was to go and that cannot be verified stays on record here."""
        held = [
            Record(
                h.key,
                self._desired.wanted[h.key].person_id,
                State.HELD,
                digest(h),
                None,
                h.face,
                self._desired.missing.get(h.key),
            )
            for h in holdings
        ]
        lost = [r for r in held if r.face is None and self._records[r.key].face is not None]
        unsure = [
            replace(r, face=self._records[r.key].face, error=FACE_UNVERIFIED) for r in lost if r.key in unverified_keys
        ]
        gone = [r.person_id for r in lost if r.key not in unverified_keys]
        held = [*(r for r in held if r.key not in {u.key for u in unsure}), *unsure]
        with self._site.database.write(changes_site=False) as session:
            device_sync.save(session, self._keeper.id, held)
            facts = erasure_events.face_facts(self._keeper.name, gone, [r.person_id for r in unsure])
            self._site.ledger.append(session, facts)
        self._records |= {record.key: record for record in held}
        if self._mirror is not None:
            self._mirror |= {holding.key: holding for holding in holdings}
        for holding in holdings:
            self._retries.done(holding.key)
            self._unsure.discard(holding.key)

    def _refused(self, reasons: Mapping[str, str], state: State) -> None:
        changed = []
        for key, why in reasons.items():
            self._retries.refused(key, self._wanted_digest(key))
            if (record := self._records.get(key)) is not None:
                missing = self._desired.missing.get(key)
                changed.append(replace(record, state=state, error=safe(f"{missing}; {why}" if missing else why, 300)))
        self._save(changed)
