"""A run of a source: whole or not at all, whatever happens to the file, the disk or the site in between."""

import os
import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.errors import (
    AlreadyExists,
    DevicemgrError,
    InvalidInput,
    NotFound,
    PlanHeld,
    RequestError,
    StorageFailed,
)
from devicemgr.people import retention, service
from devicemgr.people.sources import drop_folder, run, state
from devicemgr.site.sources.changes import add_source, put_source
from devicemgr.site.sources.fields import SourceFields
from devicemgr.site.unit_of_work import unit_of_work
from devicemgr.store.ledger import events
from devicemgr.store.people import people, sources as rows

NOW = datetime.now(UTC)


def put(site, *lines):
    drop_folder.make(site.home)
    draft = site.home.inbox / ".part"
    draft.write_text("".join(f"{line}\n" for line in lines))
    draft.replace(site.home.inbox / "staff.csv")


def staff(*badges):
    return ["badge,name", *(f"{badge},Person {badge}" for badge in badges)]


def define(site, **fields):
    with unit_of_work(site, "uid:1") as work:
        put_source(work, "hr", SourceFields(kind="csv", file="staff.csv", **fields))


@pytest.fixture
def hr(site):
    define(site)
    put(site, *staff(*range(20)))
    sync(site)
    return site


def sync(site, **options):
    return run.sync(site, DirectRuntime(site), "hr", **options)


def there(site):
    """Each person by badge, with name and suspension."""
    with site.database.read() as session:
        return {row.badge: (row.name, row.suspended) for row in people.all_rows(session)}


def kinds(site):
    with site.database.read() as session:
        return [row.kind for row in events.walk(session)]


def test_a_disk_that_is_full_in_the_middle_changes_no_one(hr):
    put(hr, "badge,name,note", *(f"{n},New {n},{'x' * 900}" for n in range(1000, 1100)))
    before, held = there(hr), []

    def no_more_pages(connection, *_):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 4}")
        held.append(pages)

    define(hr, most_changes=100)
    hr.database.close()
    with sqlite3.connect(hr.home.database) as raw:
        raw.execute("VACUUM")
    raw.close()
    event.listen(hr.database.engine, "connect", no_more_pages)
    with pytest.raises(StorageFailed):
        sync(hr)
    event.remove(hr.database.engine, "connect", no_more_pages)
    hr.database.close()
    assert (bool(held), there(hr)) == (True, before)
    assert "admin.person_suspended" not in kinds(hr)
    assert len(sync(hr)["changes"]) == 120


def test_a_run_that_is_killed_in_the_middle_changes_no_one(hr, monkeypatch):
    put(hr, *staff(*range(15), 100, 101))
    before, real, count = there(hr), run.apply_change, iter(range(1000))

    def dying(*words):
        if next(count) == 4:
            raise KeyboardInterrupt
        real(*words)

    monkeypatch.setattr(run, "apply_change", dying)
    with pytest.raises(KeyboardInterrupt):
        sync(hr)
    assert there(hr) == before
    monkeypatch.undo()
    assert len(sync(hr)["changes"]) == 7


def test_a_change_that_its_service_refuses_is_one_refused_row(hr, monkeypatch):
    put(hr, *staff(*range(20), 100, 101))
    real = run.apply_change

    def refusing(work, change, by):
        real(work, change, by)
        if change.badge == "100":
            raise InvalidInput("not this one")

    monkeypatch.setattr(run, "apply_change", refusing)
    found = sync(hr)
    assert ([c["badge"] for c in found["changes"]], [r["badge"] for r in found["refused"]]) == (["101"], ["100"])
    assert "100" not in there(hr)


def test_a_change_of_the_site_in_between_is_seen(hr, monkeypatch):
    put(hr, *staff(*range(19)))
    real, done = run._make, []

    def late(site, *words):
        if not done:
            done.append(True)
            with unit_of_work(site, "uid:1") as work:
                service.set_suspended(work, "19", suspended=True)
        real(site, *words)

    monkeypatch.setattr(run, "_make", late)
    assert (sync(hr)["changes"], there(hr)["19"][1]) == ([], True)
    with hr.database.read() as session:
        assert people.get(session, "19").suspended_by is None, "the suspension by hand stays one"


def test_a_file_that_is_exchanged_or_written_while_it_is_read_is_not_believed(hr, monkeypatch):
    define(hr, most_changes=1000)
    real = os.read

    def exchanging(descriptor, count):
        found = real(descriptor, count)
        if found.startswith(b"badge"):
            monkeypatch.undo()
            put(hr, *staff(2, 3))
        return found

    put(hr, *staff(1, 2))
    monkeypatch.setattr(os, "read", exchanging)
    with pytest.raises(RequestError, match="changed while it was read"):
        sync(hr)
    assert not any(suspended for _, suspended in there(hr).values())

    def growing(descriptor, count):
        found = real(descriptor, count)
        if found.startswith(b"badge"):
            monkeypatch.undo()
            with (hr.home.inbox / "staff.csv").open("a") as file:
                file.write("77,Late\n")
        return found

    monkeypatch.setattr(os, "read", growing)
    with pytest.raises(RequestError, match="changed while it was read"):
        sync(hr)


def test_a_plan_larger_than_one_transaction_is_made_in_parts_and_finished_after_a_failure(site, monkeypatch):
    define(site)
    monkeypatch.setattr(run, "MAX_CHANGES_AT_ONCE", 30)
    put(site, *staff(*range(100)))
    real, count = run.apply_change, iter(range(1000))

    def failing(*words):
        if next(count) == 50:
            raise StorageFailed("the disk is full")
        real(*words)

    monkeypatch.setattr(run, "apply_change", failing)
    with pytest.raises(StorageFailed):
        sync(site)
    assert 0 < len(there(site)) < 100
    with site.database.read() as session:
        assert rows.counts(session) == {"hr": len(there(site))}
    monkeypatch.setattr(run, "apply_change", real)
    sync(site)
    assert len(there(site)) == 100
    with site.database.read() as session:
        assert rows.counts(session) == {"hr": 100}


@pytest.mark.parametrize("what", ["symlink", "hard link", "folder", "fifo", "folder of links", "open folder"])
def test_what_is_no_plain_file_of_the_folder_is_not_opened(hr, tmp_path, what):
    file, other = hr.home.inbox / "staff.csv", tmp_path / "other.csv"
    other.write_text("\n".join(staff(1, 2)))
    file.unlink()
    match what:
        case "symlink":
            file.symlink_to(other)
        case "hard link":
            os.link(other, file)
        case "folder":
            file.mkdir()
        case "fifo":
            os.mkfifo(file)
        case "folder of links":
            hr.home.inbox.rmdir()
            (tmp_path / "elsewhere").mkdir()
            other.rename(tmp_path / "elsewhere" / "staff.csv")
            hr.home.inbox.symlink_to(tmp_path / "elsewhere")
        case "open folder":
            other.rename(file)
            hr.home.inbox.chmod(0o777)
    with pytest.raises((InvalidInput, StorageFailed)):
        sync(hr)
    assert not any(suspended for _, suspended in there(hr).values())


def test_the_drop_folder_is_its_owners_alone(site):
    drop_folder.make(site.home)
    found = site.home.inbox.stat()
    assert (found.st_mode & 0o777, found.st_uid) == (0o700, site.home.path.stat().st_uid)
    site.home.inbox.chmod(0o750)
    drop_folder.make(site.home)
    assert site.home.inbox.stat().st_mode & 0o777 == 0o750, "what an admin set stays"


@pytest.mark.parametrize(
    "name", ["../x.csv", "/etc/x.csv", "a/b.csv", "..", ".csv", "", "a\0.csv", "a\n.csv", "x" * 200]
)
def test_a_name_never_leads_out_of_the_folder(site, name):
    for ask in (lambda: drop_folder.read(site.home, name), lambda: drop_folder.look(site.home, name)):
        with pytest.raises(InvalidInput):
            ask()


def test_who_is_missing_for_long_is_erased_and_no_one_while_the_source_fails(hr):
    define(hr, erase_after_days=30)
    put(hr, *staff(*range(15)))
    sync(hr)
    later = NOW + timedelta(days=31)
    assert retention.run(hr, NOW + timedelta(days=29))["people"] == 0
    (hr.home.inbox / "staff.csv").rename(hr.home.inbox / "away.csv")
    with pytest.raises(NotFound):
        sync(hr)
    assert retention.run(hr, later)["people"] == 0, "a source that fails may name them again"
    (hr.home.inbox / "away.csv").rename(hr.home.inbox / "staff.csv")
    put(hr, *staff(*range(16)))
    sync(hr)
    with unit_of_work(hr, "uid:1") as work:
        service.set_suspended(work, "19", suspended=True)
    assert retention.run(hr, later)["people"] == 3
    assert set(there(hr)) == {*map(str, range(16)), "19"}, "one is back, one is suspended by hand"
    with hr.database.read() as session:
        erased = [e for e in events.find(session, events.EventFilter(kind="admin.person_erased"), 10)]
    assert {e["actor"] for e in erased} == {"source:hr"}


def test_a_held_plan_erases_no_one(hr):
    define(hr, erase_after_days=1)
    put(hr, *staff(*range(18)))
    sync(hr)
    put(hr, *staff(0))
    with pytest.raises(PlanHeld):
        sync(hr)
    assert retention.run(hr, NOW + timedelta(days=5))["people"] == 0


def test_two_runs_at_once_take_turns(hr):
    put(hr, *staff(*range(20), 100, 101))
    failed = []

    def one():
        try:
            sync(hr)
        except DevicemgrError as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (failed, kinds(hr).count("admin.person_added"), kinds(hr).count("admin.sync")) == ([], 22, 4)


def test_a_failure_is_recorded_once_for_each_cause(hr):
    (hr.home.inbox / "staff.csv").unlink()
    for _ in range(3):
        with pytest.raises(NotFound):
            sync(hr)
    assert kinds(hr).count("admin.sync_failed") == 1
    assert [alarm["kind"] for alarm in state.alarms(hr.database)] == ["sync_failed"]


def test_a_source_that_is_there_is_not_added_again(hr):
    with pytest.raises(AlreadyExists), unit_of_work(hr, "uid:1") as work:
        add_source(work, "hr", SourceFields(kind="csv", file="x.csv"))


@pytest.mark.parametrize("lines", [["badge,name"], ["badge,name", '" ",'], ["badge,name", ",A", ",B"]])
def test_a_file_without_a_usable_row_never_says_that_everyone_left(hr, lines):
    define(hr, most_changes=1000)
    put(hr, *lines)
    with pytest.raises(InvalidInput, match="nothing was changed"):
        sync(hr)
    assert not any(suspended for _, suspended in there(hr).values())
    assert [alarm["kind"] for alarm in state.alarms(hr.database)] == ["sync_failed"]
