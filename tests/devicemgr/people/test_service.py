"""The services of people: what each use case records, and that an edit that changes nothing does nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from devicemgr.errors import AlreadyExists, InvalidInput, NotFound
from devicemgr.people import consents, face_enrollment, service
from devicemgr.people.service import PersonEdit
from devicemgr.site import access_levels
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork, unit_of_work
from devicemgr.store.database import revision
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.people import people

NO_RIGHTS = {
    "valid_from": None,
    "valid_to": None,
    "suspended": False,
    "levels": [],
    "cards": 0,
    "pin": False,
    "consent": None,
}


@contextmanager
def changed(site: Site) -> Iterator[UnitOfWork]:
    with unit_of_work(site, "uid:0") as work:
        yield work


def recorded(site: Site) -> list[dict[str, Any]]:
    with site.database.read() as session:
        return events.find(session, EventFilter(), 1000)


def state(site: Site) -> tuple[int, int]:
    """Return how many events there are, and the revision."""
    with site.database.read() as session:
        return len(recorded(site)), revision(session)


def last(site: Site) -> tuple[str, Any, Any]:
    """Return the newest event's kind, and its right-bearing fields before and after."""
    event = recorded(site)[-1]
    return event["kind"], event["detail"].get("before"), event["detail"].get("after")


@pytest.fixture
def aigul(site: Site, entrance: Any) -> str:
    """A person with a level, in a site with the portal lobby."""
    with changed(site) as work:
        access_levels.add_level(work, "office", [("lobby", None)])
        service.add_person(work, "7", "Aigul", levels=["office"], valid_to="2030-01-01T00:00:00Z")
    return "7"


Change = Callable[[UnitOfWork], object]
EDITS: dict[str, tuple[Change, str, Any, Any]] = {
    "valid_from": (
        lambda work: service.edit_person(work, "7", PersonEdit(valid_from="2026-01-01T00:00:00Z")),
        "admin.person_edited",
        {"valid_from": None},
        {"valid_from": "2026-01-01T00:00:00.000Z"},
    ),
    "valid_to": (
        lambda work: service.edit_person(work, "7", PersonEdit(valid_to="")),
        "admin.person_edited",
        {"valid_to": "2030-01-01T00:00:00.000Z"},
        {"valid_to": None},
    ),
    "suspended": (
        lambda work: service.set_suspended(work, "7", suspended=True),
        "admin.person_suspended",
        {"suspended": False},
        {"suspended": True},
    ),
    "levels": (
        lambda work: service.set_level(work, "7", "office", held=False),
        "admin.level_revoked",
        {"levels": ["office"]},
        {"levels": []},
    ),
    "cards": (
        lambda work: service.assign_card(work, "7", "5301280"),
        "admin.card_assigned",
        {"cards": 0},
        {"cards": 1},
    ),
    "pin": (lambda work: service.set_pin(work, "7", "a hash"), "admin.pin_set", {"pin": False}, {"pin": True}),
    "portals": (
        lambda work: access_levels.put_level(work, "office", [("lobby", "day")]),
        "admin.level_edited",
        {"portals": {"lobby": None}},
        {"portals": {"lobby": "day"}},
    ),
    "windows": (
        lambda work: access_levels.put_schedule(
            work, "day", access_levels.schedule_values(["mon-fri 09:00-18:00"], "UTC")
        ),
        "admin.schedule_edited",
        {"windows": ["mon-fri 08:00-18:00"]},
        {"windows": ["mon-fri 09:00-18:00"]},
    ),
    "timezone and holidays": (
        lambda work: access_levels.put_schedule(
            work, "day", access_levels.schedule_values(["mon-fri 08:00-18:00"], "Asia/Almaty", ["2026-12-16"])
        ),
        "admin.schedule_edited",
        {"timezone": "UTC", "holidays": []},
        {"timezone": "Asia/Almaty", "holidays": ["2026-12-16"]},
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_change_of_rights_is_recorded_once_with_before_and_after(site: Site, aigul: str, name: str) -> None:
    with changed(site) as work:
        access_levels.add_schedule(work, "day", access_levels.schedule_values(["mon-fri 08:00-18:00"], "UTC"))
    change, *expected = EDITS[name]
    with changed(site) as work:
        change(work)
    assert list(last(site)) == expected
    once = state(site)
    if name == "pin":  # a new hash is a new PIN
        return
    with changed(site) as work:
        change(work)
    assert state(site) == once, "the same edit again changed something"


def test_a_new_person_and_a_new_level_are_recorded_with_all_their_rights(site: Site, aigul: str) -> None:
    found = {event["kind"]: event["detail"] for event in recorded(site)}
    assert found["admin.level_added"]["after"] == {
        "portals": {"lobby": None},
        "waives": [],
        "escorts": False,
        "escort_up_to": 5,
    }
    added = found["admin.person_added"]
    assert added["levels"] == ["office"]
    assert added["after"] == NO_RIGHTS | {"levels": ["office"], "valid_to": "2030-01-01T00:00:00.000Z"}
    assert "before" not in added
    assert "Aigul" not in str(added)


UNCHANGED: dict[str, Change] = {
    "the same name and validity": lambda work: service.edit_person(
        work, "7", PersonEdit(name="Aigul", badge="7", valid_to="2030-01-01T05:00:00+05:00")
    ),
    "an edit of nothing": lambda work: service.edit_person(work, "7", PersonEdit()),
    "a resume of a person who is not suspended": lambda work: service.set_suspended(work, "7", suspended=False),
    "a level held already": lambda work: service.set_level(work, "7", "office", held=True),
    "a PIN that is not there": lambda work: service.remove_pin(work, "7"),
    "the same level": lambda work: access_levels.put_level(work, "office", [("lobby", None)]),
    "the same person": lambda work: service.put_person(
        work, "7", "Aigul", levels=["office"], valid_to="2030-01-01T00:00:00Z"
    ),
}


@pytest.mark.parametrize("name", UNCHANGED)
def test_an_edit_that_changes_nothing_records_nothing_and_raises_no_revision(site: Site, aigul: str, name: str) -> None:
    before = state(site)
    with changed(site) as work:
        UNCHANGED[name](work)
    assert state(site) == before


def test_only_fields_with_a_new_value_are_named(site: Site, aigul: str) -> None:
    with changed(site) as work:
        service.edit_person(work, "7", PersonEdit(name="Aigul B.", badge="7", valid_to="2030-01-01T00:00:00Z"))
    event = recorded(site)[-1]
    assert event["detail"] == {"changed": ["name"]}
    assert "Aigul" not in str(event)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda work: service.add_person(work, "7", "Other"), AlreadyExists),
        (lambda work: service.add_person(work, "8", "Other", levels=["nowhere"]), NotFound),
        (lambda work: service.edit_person(work, "7", PersonEdit(valid_from="2031-01-01")), InvalidInput),
        (lambda work: access_levels.add_level(work, "yard", [("nowhere", None)]), NotFound),
    ],
)
def test_a_refused_change_leaves_nothing(site: Site, aigul: str, change: Change, error: type[Exception]) -> None:
    before = state(site)
    with pytest.raises(error), changed(site) as work:
        change(work)
    assert state(site) == before


def test_putting_a_person_replaces_levels_and_validity(site: Site, aigul: str) -> None:
    with changed(site) as work:
        access_levels.add_level(work, "yard", [("lobby", None)])
        row, is_new = service.put_person(work, "7", "Aigul B.", levels=["yard"])
        assert not is_new
        found = people.as_json(row)
    assert (found["name"], found["levels"], found["valid_to"]) == ("Aigul B.", ["yard"], None)
    with changed(site) as work:
        assert service.put_person(work, "8", "Berik", levels=["yard"])[1]


def test_an_erasure_records_the_rights_that_ended(site: Site, aigul: str) -> None:
    face_enrollment.erase(site, "uid:0", "7")
    erased = next(event for event in recorded(site) if event["kind"] == "admin.person_erased")
    assert erased["detail"]["before"]["levels"] == ["office"]
    assert "after" not in erased["detail"]


def test_rights_at_any_moment_can_be_rebuilt_from_the_record(site: Site, aigul: str) -> None:
    with changed(site) as work:
        access_levels.add_level(work, "yard", [("lobby", None)])
    steps: list[Change] = [
        lambda work: service.set_level(work, "7", "yard", held=True),
        lambda work: service.set_suspended(work, "7", suspended=True),
        lambda work: service.edit_person(work, "7", PersonEdit(badge="70", valid_from="2026-01-01T00:00:00Z")),
        lambda work: service.assign_card(work, "70", "5301280"),
        lambda work: service.set_suspended(work, "70", suspended=False),
        lambda work: service.remove_card(work, "70", "5301280"),
        lambda work: service.set_level(work, "70", "office", held=False),
    ]
    truth = []
    for step in steps:
        with changed(site) as work:
            step(work)
        with site.database.read() as session:
            row = people.find(session, "70") or people.get(session, "7")
            truth.append(consents.rights_of(row))
    rights: dict[str, Any] = {}
    rebuilt = []
    for event in recorded(site):
        if event["person"] is not None:
            rights = {**rights, **event["detail"].get("after", {})}
            rebuilt.append(rights)
    assert rebuilt[1:] == truth
