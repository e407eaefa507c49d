"""A unit of work: its audit facts, its revision and its announcement."""

from typing import Any

import pytest

from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.errors import NotFound
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import UnitOfWork, audit_fact, unit_of_work
from devicemgr.store.database import revision
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter


class Announced(DirectRuntime):
    """Counts the announcements."""

    count = 0

    def rights_changed(self) -> None:
        self.count += 1


def recorded(site: Site) -> list[dict[str, Any]]:
    with site.database.read() as session:
        return events.find(session, EventFilter(), 100)


def revision_of(site: Site) -> int:
    with site.database.read() as session:
        return revision(session)


def test_a_change_is_recorded_raises_the_revision_and_is_announced_once(site: Site) -> None:
    runtime, before = Announced(site), revision_of(site)
    with unit_of_work(site, "uid:0", runtime) as work:
        work.record("admin.one", {})
        work.record("admin.two", {}, before={"mode": "normal"}, after={"mode": "free"})
        assert runtime.count == 0
    assert [(e["kind"], e["actor"], e["detail"]) for e in recorded(site)] == [
        ("admin.one", "uid:0", {}),
        ("admin.two", "uid:0", {"before": {"mode": "normal"}, "after": {"mode": "free"}}),
    ]
    assert (revision_of(site), runtime.count) == (before + 1, 1)


def test_a_unit_that_records_nothing_changes_nothing(site: Site) -> None:
    runtime, before = Announced(site), revision_of(site)
    with unit_of_work(site, "uid:0", runtime):
        pass
    assert (recorded(site), revision_of(site), runtime.count) == ([], before, 0)


def record_and_fail(work: UnitOfWork) -> None:
    work.record("admin.one", {})
    raise NotFound("nothing has that name")


def test_a_failed_unit_leaves_nothing(site: Site) -> None:
    runtime, before = Announced(site), revision_of(site)
    with pytest.raises(NotFound), unit_of_work(site, "uid:0", runtime) as work:
        record_and_fail(work)
    assert (recorded(site), revision_of(site), runtime.count) == ([], before, 0)


def test_operators_are_no_part_of_the_revision(site: Site) -> None:
    runtime, before = Announced(site), revision_of(site)
    with unit_of_work(site, "uid:0", runtime, changes_site=False) as work:
        work.record("admin.one", {})
    assert (len(recorded(site)), revision_of(site), runtime.count) == (1, before, 0)


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"before": {"b": 2}, "after": {"b": 3}}),
        ({"a": 1}, {"a": 1, "b": 3}, {"before": {}, "after": {"b": 3}}),
        ({"a": 1}, {"a": 1}, {}),
        (None, {"a": 1}, {"after": {"a": 1}}),
        ({"a": 1}, None, {"before": {"a": 1}}),
        (None, None, {}),
    ],
)
def test_only_what_changed_is_in_the_fact(before: Any, after: Any, detail: Any) -> None:
    assert audit_fact("admin.x", "uid:0", {}, before=before, after=after).detail == detail
