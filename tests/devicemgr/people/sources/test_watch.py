"""When the daemon reads a source: after its interval or a change, never while its file is written."""

from datetime import timedelta

import pytest

from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.daemon.service import Daemon
from devicemgr.domain.trusted_clock import WallClock
from devicemgr.errors import StorageFailed
from devicemgr.people.sources import run, watch
from devicemgr.people.sources.watch import STABLE_S, SourceWatch
from devicemgr.store.people import sources as rows
from tests.devicemgr.people.sources.test_run import define, kinds, put, staff, there


class Ticks:
    """CLOCK_MONOTONIC as the test moves it."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def ticks():
    return Ticks()


@pytest.fixture
def watching(site, ticks):
    """watching() is a daemon's watch; watching.after(s) looks as time goes by, and lets the run that begins end."""

    class Watching:
        def __init__(self):
            self.watch = SourceWatch(site, DirectRuntime(site), ticks)

        def after(self, seconds):
            end = ticks.now + seconds
            while ticks.now < end:
                ticks.now = min(end, ticks.now + 3)
                self.watch.consider()
                if self.watch._thread is not None:
                    self.watch._thread.join(60)

    return Watching


def runs(site):
    return kinds(site).count("admin.sync")


def test_a_file_is_read_once_it_has_stood_still_and_again_when_it_has_changed(site, watching):
    define(site)
    found = watching()
    found.after(60)
    assert kinds(site)[-1] == "admin.source_added", "no file yet is no fault of a source that waits for one"
    put(site, *staff(1))
    found.after(STABLE_S - 3)
    assert there(site) == {}
    found.after(9)
    assert (list(there(site)), runs(site)) == (["1"], 1)
    found.after(4000)
    assert runs(site) == 1
    put(site, *staff(1, 2))
    found.after(40)
    assert (list(there(site)), runs(site)) == (["1", "2"], 2)


def test_a_file_that_is_half_written_is_not_read(site, watching):
    define(site, most_changes=1000)
    put(site, *staff(*range(20)))
    found = watching()
    found.after(40)
    lines = staff(*range(20))
    for count in range(2, len(lines) + 1, 3):  # an upload that takes its time
        (site.home.inbox / "staff.csv").write_text("\n".join(lines[:count]))
        found.after(15)
    (site.home.inbox / "staff.csv").write_text("\n".join(lines))
    found.after(40)
    assert (runs(site), any(suspended for _, suspended in there(site).values())) == (2, False)


def test_a_file_that_never_stands_still_is_a_fault(site, watching):
    define(site)
    found = watching()
    for n in range(250):
        put(site, *staff(n))
        found.after(15)
    assert (runs(site), kinds(site).count("admin.sync_failed")) == (0, 1)


def test_a_source_with_an_interval_is_read_then_and_a_missing_file_is_its_failure(site, watching):
    define(site, every="1h")
    put(site, *staff(1))
    found = watching()
    found.after(40)
    assert runs(site) == 1
    put(site, *staff(1, 2))
    found.after(3000)
    assert runs(site) == 1
    found.after(700)
    assert runs(site) == 2
    (site.home.inbox / "staff.csv").unlink()
    found.after(3 * 3600)
    assert (kinds(site).count("admin.sync_failed"), [s for _, s in there(site).values()]) == (1, [False, False])


def test_a_restart_reads_no_file_that_was_read_and_waits_for_the_rest_of_the_interval(site, watching):
    define(site)
    put(site, *staff(1))
    watching().after(60)
    watching().after(600)
    assert runs(site) == 1
    put(site, *staff(1, 2))
    watching().after(40)
    assert runs(site) == 2
    define(site, every="1h")
    watching().after(600)
    assert runs(site) == 2


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)])
def test_a_jump_of_the_clock_starts_no_storm_and_stops_nothing(site, watching, ticks, jump):
    define(site, every="1h", erase_after_days=30)
    put(site, *staff(1, 2))
    found = watching()
    found.after(60)
    put(site, *staff(1))
    found.after(3700)
    assert runs(site) == 2
    wall = site.clock.now().timestamp() + jump.total_seconds()
    site.database.clock = WallClock(wall=lambda: wall, ticks=ticks)
    object.__setattr__(site, "clock", site.database.clock)
    found.after(3400)
    assert runs(site) == 2
    found.after(200)
    assert (runs(site), set(there(site))) == (3, {"1", "2"})
    watching().after(600)
    assert runs(site) <= 4


def test_a_held_file_is_read_again_only_when_it_changes_and_then_goes_on(site, watching):
    define(site)
    put(site, *staff(*range(30)))
    found = watching()
    found.after(40)
    put(site, *staff(1))
    found.after(4000)
    assert (kinds(site).count("admin.sync_held"), runs(site)) == (1, 1)
    watching().after(600)
    assert kinds(site).count("admin.sync_held") == 1
    put(site, *staff(*range(30)))
    found.after(40)
    assert (runs(site), any(suspended for _, suspended in there(site).values())) == (2, False)
    with site.database.read() as session:
        assert "held" not in rows.source(session, "hr").state


def test_a_broken_file_is_not_read_again_but_a_failing_disk_is_tried_again(site, watching, monkeypatch):
    define(site)
    put(site, "name", "A")
    found = watching()
    tried, real = [], run.sync

    def counting(*words, **options):
        tried.append(True)
        return real(*words, **options)

    monkeypatch.setattr(watch.run, "sync", counting)
    found.after(2000)
    assert len(tried) == 1
    put(site, *staff(1))
    monkeypatch.setattr(run, "_make", lambda *_: (_ for _ in ()).throw(StorageFailed("full")))
    found.after(40)
    assert len(tried) == 2
    monkeypatch.undo()
    found.after(400)
    assert list(there(site)) == ["1"]


def test_a_source_whose_program_fails_does_not_stop_the_others(site, watching, monkeypatch):
    define(site)
    with site.database.write() as session:
        fields = dict(rows.source(session, "hr").stated)
        session.add(rows.SourceRow(name="agency", stated=fields, state={}))
    put(site, *staff(1))
    real = run.sync
    monkeypatch.setattr(
        watch.run, "sync", lambda site, runtime, name: 1 / 0 if name == "agency" else real(site, runtime, name)
    )
    watching().after(40)
    assert list(there(site)) == ["1"]


def test_the_daemon_runs_the_watch(site, monkeypatch):
    asked = []
    monkeypatch.setattr(SourceWatch, "consider", lambda _: asked.append(True))
    for job in Daemon(site)._scheduler._jobs:
        job()
    assert len(asked) == 1
