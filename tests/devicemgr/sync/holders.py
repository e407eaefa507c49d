"""A device that keeps cards or people, as coarse and as full as the test wants, and that counts what it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any, Literal

from sqlalchemy import delete

from devicemgr.access.policy_cache import Rulebook
from devicemgr.devices.sync_run import Keeper, Run, drive
from devicemgr.domain.model import DeviceConfig, DeviceInfo, Direction, PortalMode
from devicemgr.domain.ports.device import Delivery, Holding
from devicemgr.errors import DeviceRefused, DeviceUnreachable, HeldInPart
from devicemgr.store.device_tables import HoldingRow
from devicemgr.store.ledger import events as ledger_rows
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.people import consents, credentials, people
from devicemgr.store.site import device_sync as holdings, devices as device_store
from devicemgr.store.tables import CredentialRow, LevelRow, PortalRow, ScheduleRow
from devicemgr.sync.device_sync import HolderSync
from tests.support.levels import cover


class FakeHolder:
    """Keeps dates without times and names of 4 characters; `told` is what it was told, in order; `fail` says no."""

    poll_interval = 0.01
    senses_passage = False

    def __init__(self, holds: Literal["people", "cards"] = "cards", most: int = 1000, batch: int = 3) -> None:
        self.holds, self.batch = holds, batch
        self.most = most
        self.kept: dict[str, Holding] = {}
        self.faces: dict[str, bytes] = {}
        self.told: list[tuple[str, tuple[str, ...]]] = []
        self.refuses: set[str] = set()
        self.away = False

    def open(self) -> DeviceInfo:
        if self.away:
            raise DeviceUnreachable("the cable is out")
        return DeviceInfo()

    def poll(self) -> Sequence[Any]:
        if self.away:
            raise DeviceUnreachable("the cable is out")
        return []

    def check(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        pass

    def release(self, channel: int, direction: Direction, seconds: float) -> Delivery:
        self.told.append(("release", ()))
        return Delivery.CONFIRMED

    def set_mode(self, channel: int, mode: PortalMode) -> Delivery:
        return Delivery.CONFIRMED

    def capacity(self) -> int:
        return self.most

    def held(self, after: str | None) -> tuple[list[Holding], str | None]:
        if self.away:
            raise DeviceUnreachable("the cable is out")
        keys = sorted(key for key in self.kept if after is None or key > after)
        page = keys[: self.batch]
        return [self.kept[key] for key in page], page[-1] if len(keys) > self.batch else None

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        assert 0 < len(holdings) <= self.batch
        keys = tuple(holding.key for holding in holdings)
        self.told.append(("add" if set(keys) - set(self.kept) else "change", keys))
        if any(key.startswith("poison") for key in self.refuses & set(keys)):
            raise DeviceRefused("one of these is poison")
        for holding in holdings:
            if holding.key in self.refuses:
                continue
            if holding.face is not None and holding.key not in self.faces:
                assert holding.key in faces, "a face is asked for and was never sent"
            self.faces |= {key: face for key, face in faces.items() if key == holding.key}
            if holding.face is None:
                self.faces.pop(holding.key, None)
            self.kept[holding.key] = coarse(holding)
        assert len(self.kept) <= self.most, "pushed over the capacity"
        return {key: DeviceRefused(f"{key} is not to its taste") for key in keys if key in self.refuses}

    def remove(self, keys: Sequence[str]) -> None:
        assert 0 < len(keys) <= self.batch
        self.told.append(("remove", tuple(keys)))
        if self.refuses & set(keys):
            raise DeviceRefused("it won't let go")
        for key in keys:
            self.kept.pop(key, None)
            self.faces.pop(key, None)


class PickyHolder(FakeHolder):
    """Keeps people; can't hold cards in `unfit`, and refuses to change whoever is in `stubborn`."""

    def __init__(self) -> None:
        super().__init__("people")
        self.unfit: set[str] = set()
        self.stubborn: set[str] = set()

    def card_refusal(self, card: str) -> str | None:
        return f"card {card} does not fit" if card in self.unfit else None

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        assert not any(self.unfit & set(holding.cards) for holding in holdings)
        stubborn = {holding.key for holding in holdings if holding.key in self.stubborn and holding.key in self.kept}
        rest = [holding for holding in holdings if holding.key not in stubborn]
        refused = super().put(rest, faces) if rest else {}
        return refused | {key: DeviceRefused("it keeps what it has") for key in stubborn}


class HalfHolder(FakeHolder):
    """Keeps people, and says no to `half` after it took them without their cards."""

    def __init__(self, kind: type[DeviceRefused] = HeldInPart) -> None:
        super().__init__("people")
        self.half: set[str] = set()
        self.kind = kind

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        for holding in holdings:
            self.kept[holding.key] = replace(coarse(holding), cards=())
        done = [holding for holding in holdings if holding.key not in self.half]
        refused = super().put(done, faces) if done else {}
        return refused | {key: self.kind("the card is another's") for key in self.half & {h.key for h in holdings}}


class ScheduledHolder(FakeHolder):
    """Keeps weekly hours too; `weeks` is what it keeps, `hours_refused` what it says no to."""

    def __init__(self, decides_alone: bool = True) -> None:
        super().__init__("people")
        self.decides_alone = decides_alone
        self.weeks: dict[str, Any] = {}
        self.hours_refused: set[str] = set()

    def keep_hours(self, hours: Mapping[str, Any], *, look: bool = False) -> dict[str, DeviceRefused]:
        self.told.append(("look" if look else "hours", tuple(sorted(hours))))
        if not look:
            self.weeks |= {name: spans for name, spans in hours.items() if name not in self.hours_refused}
        return {name: DeviceRefused("no room for hours") for name in hours if name in self.hours_refused}

    def put(self, holdings: Sequence[Holding], faces: Mapping[str, bytes]) -> dict[str, DeviceRefused]:
        for holding in holdings:
            assert {name for _, name in holding.hours} <= set(self.weeks), "hours that it was never told"
        return super().put(holdings, faces)


def coarse(holding: Holding) -> Holding:
    """How the device tells what it was given."""
    start, end = (_midnight(moment) for moment in (holding.valid_from, holding.valid_to))
    face = None if holding.face is None else ""
    return replace(holding, name=holding.name[:4], valid_from=start, valid_to=end, face=face)


def _midnight(moment: datetime | None) -> datetime | None:
    return datetime.combine(moment.astimezone(UTC).date(), time(), UTC) if moment else None


class Samples:
    """Keeps a picture of whoever is named."""

    def __init__(self):
        self.pictures = {}

    def digests(self):
        return {person: picture.decode() for person, picture in self.pictures.items()}

    def jpeg(self, person):
        return self.pictures.get(person)


class House:
    """Portals `lobby` and `yard` on doors 1 and 2 of the device `box`; levels `staff` (lobby) and `all`."""

    def __init__(self, site):
        self.site = site
        with site.database.write() as session:
            box = device_store.add_device(session, site.vault, DeviceConfig("", "box", "fake_gate", "x"))
            self.box_id = box.id
            for channel, name in enumerate(("lobby", "yard"), 1):
                session.add(
                    PortalRow(
                        name=name, gate_id=box.id, channel=channel, fail="secure", release_seconds=5, mode="normal"
                    )
                )
            session.flush()
            for name, portals in (("staff", ["lobby"]), ("all", ["lobby", "yard"])):
                level = LevelRow(name=name)
                session.add(level)
                session.flush()
                cover(session, level, portals, None)
        self.samples = Samples()
        self.fresh()

    def fresh(self, **more):
        """Books as after a restart of the daemon."""
        keeper = Keeper(self.box_id, "box", **more)
        self.sync = HolderSync(self.site, self.rules(), keeper, self.samples)

    def rules(self):
        return Rulebook(self.site.database, self.site.parts.catalog)

    def person(self, badge, level="staff", cards=(), **more):
        with self.site.database.write() as session:
            row = people.add(session, badge, f"Name of {badge}", more.get("valid_from"), more.get("valid_to"))
            people.set_level(session, row, level, held=True)
            row.suspended = more.get("suspended", False)
            for number in cards:
                credentials.assign_card(session, row, number)
            if more.get("consent"):
                consents.give(session, row, "form 1")
            return row.id

    def old_card(self, badge, number):
        """A person with a card that version 0.1.0 let them have: the same as somebody else's, written otherwise."""
        person_id = self.person(badge)
        with self.site.database.write() as session:
            session.add(CredentialRow(id=f"old-{badge}", person_id=person_id, kind="card", value=number, created="x"))
        return person_id

    def take_card(self, badge, number):
        with self.site.database.write() as session:
            credentials.remove_card(session, people.get(session, badge), number)

    def schedule(self, session):
        """Mornings for the level `staff`."""
        session.add(ScheduleRow(name="mornings", timezone="UTC", windows=["mon-sun 06:00-12:30"], holidays=[]))
        session.flush()
        cover(session, session.get(LevelRow, "staff"), ["lobby"], "mornings")

    def edit(self, badge, **fields):
        with self.site.database.write() as session:
            row = people.get(session, badge)
            for name, value in fields.items():
                setattr(row, name, value)

    def empty(self):
        with self.site.database.write() as session:
            session.execute(delete(HoldingRow))
            for row in list(people.all_rows(session)):
                people.erase(session, row)

    def bring(self, device, **more):
        run = Run()
        drive(self.sync.steps(run, **more), lambda step: step(device))
        return run

    def preview(self, device):
        return drive(self.sync.preview(), lambda step: step(device))[0]

    def records(self):
        with self.site.database.read() as session:
            return holdings.records(session, self.box_id)

    def events(self, kind):
        with self.site.database.read() as session:
            return ledger_rows.find(session, EventFilter(kind=kind), 1000)
