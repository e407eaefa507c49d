"""Musters that run, and the people on their lists, as `/musters` and the stream's `state` messages show them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devicemgr.domain.model import Person
from devicemgr.domain.rules.musters.roll import Found, Listed, MusterView
from devicemgr.text import rfc3339

People = Mapping[str, Person]
Part = dict[str, dict[str, Any]]


def muster_json(view: MusterView) -> dict[str, Any]:
    """Return a muster and how many people were found."""
    muster, found = view.muster, list(view.found.values())
    return {
        "id": muster.id,
        "state": "running" if muster.ended is None else "ended",
        "zone": muster.zone,
        "drill": muster.is_drill,
        "started": rfc3339(muster.started),
        "ended": rfc3339(muster.ended) if muster.ended else None,
        "by": muster.by,
        "because": muster.because or None,
        "totals": {str(one): found.count(one) for one in Found},
    }


def unnamed_json(view: MusterView) -> dict[str, int]:
    """Return how many people were not recognized: inside at the beginning, and since."""
    return {name: getattr(view.muster, name) for name in ("unnamed", "unnamed_out", "unnamed_in")}


def listed_json(listed: Listed, person: Person | None) -> dict[str, Any]:
    """Return a person on the list without the name; `person` is None for one who was erased since."""
    return {
        "badge": person.badge if person else None,
        "zone": listed.zone,
        "since": rfc3339(listed.since),
        "marks": [
            {"mark": str(one.mark), "by": one.by, "at": rfc3339(one.at), "reason": one.reason or None}
            for one in listed.marks
        ],
        "late": listed.is_late,
    }


@dataclass(frozen=True, slots=True)
class _Shown:
    """What was made of a muster's view, and of each person on its list."""

    view: MusterView
    people: People
    muster: dict[str, Any]
    rows: Mapping[str, tuple[Listed, dict[str, Any]]] = field(default_factory=dict)


class MusterStates:
    """The parts `musters` and `muster_people` of a state message, the same objects while nothing changes.

    Any thread: a turn that another one overtakes makes the same again.
    """

    def __init__(self) -> None:
        self._shown: dict[str, _Shown] = {}
        self._parts: tuple[Part, Part] = ({}, {})

    def parts(self, views: list[MusterView], people: People) -> dict[str, Part]:
        """Return musters by id, and people by the muster's id and their place on its list."""
        before = self._shown
        shown = {view.muster.id: _shown(view, people, before.get(view.muster.id)) for view in views}
        if shown.keys() != before.keys() or any(shown[muster] is not before[muster] for muster in shown):
            self._shown = shown
            self._parts = (
                {muster: one.muster for muster, one in shown.items()},
                {
                    f"{muster}/{number}": row
                    for muster, one in shown.items()
                    for number, (_, row) in enumerate(one.rows.values())
                },
            )
        musters, listed = self._parts
        return {"musters": musters, "muster_people": listed}


def _shown(view: MusterView, people: People, before: _Shown | None) -> _Shown:
    if before is not None and before.view is view and before.people is people:
        return before
    known = before.rows if before is not None else {}
    rows = {
        person: (listed, _row(listed, str(view.found[person]), people.get(person), known.get(person)))
        for person, listed in view.muster.people.items()
    }
    return _Shown(view, people, muster_json(view) | unnamed_json(view), rows)


def _row(
    listed: Listed, found: str, person: Person | None, before: tuple[Listed, dict[str, Any]] | None
) -> dict[str, Any]:
    """Return a person's row; the one before where the list has not changed for them."""
    badge = person.badge if person else None
    if before is not None and before[0] is listed and (before[1]["found"], before[1]["badge"]) == (found, badge):
        return before[1]
    return {"found": found, **listed_json(listed, person)}
