"""One reader for all streams, woken by the commit; clients that are slow, and states that change."""

import asyncio
import threading

import pytest

from devicemgr.api.context import Context
from devicemgr.api.stream import broadcast as broadcasts
from devicemgr.api.stream.broadcast import MAX_WAITING, Broadcast
from devicemgr.api.stream.follower import Follower
from devicemgr.daemon.offline_runtime import DirectRuntime
from devicemgr.errors import StorageFailed
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from tests.devicemgr.api.streams import take

LONG_S = 60.0
PARTS = frozenset({"portals", "devices", "zones", "alarms"})


class Running(DirectRuntime):
    """A daemon as far as the stream asks."""

    running = True

    def __init__(self, site):
        super().__init__(site)
        self.states = {"portals": {"main": {"state": "idle"}}, "devices": {}, "zones": {}}

    def live_states(self):
        return self.states


@pytest.fixture
def runtime(site):
    return Running(site)


@pytest.fixture
def context(site, runtime):
    return Context(site, runtime, 0)


@pytest.fixture
def announced(site, monkeypatch):
    """Only the ledger's commit wakes the broadcast: it would look by itself in a minute."""
    monkeypatch.setattr(broadcasts, "_LOOK_S", LONG_S)
    with site.database.read() as session:
        site.ledger.feed.begin(events.head(session)[0])


@pytest.fixture
def add(context, site):
    def happened(count=1, kind="bench"):
        with site.database.write(changes_site=False) as session:
            for _ in range(count):
                context.record(session, kind, CALLER, {"n": count})

    return happened


class CALLER:
    actor = "uid:0"


def follow(context, broadcast, wanted=EventFilter(), parts=PARTS):
    return Follower(broadcast, context, wanted, lambda: True, parts).messages(None)


async def until(messages, name):
    """Return the next message of that name, as its lines."""
    async for text in messages:
        if f"event: {name}\n" in text:
            return text
    raise AssertionError(f"the stream ended without {name}")


def test_a_commit_wakes_all_streams_and_is_read_once(context, announced, add, monkeypatch):
    reads, found = [], events.find
    monkeypatch.setattr(events, "find", lambda *a, **k: reads.append(threading.current_thread().name) or found(*a, **k))
    broadcast = Broadcast(context)

    async def run():
        streams = [follow(context, broadcast) for _ in range(20)]
        for stream in streams:
            await until(stream, "state")
        reads.clear()
        await asyncio.to_thread(add)
        for stream in streams:
            assert '"kind": "bench"' in await until(stream, "event")
        for stream in streams:
            await stream.aclose()

    asyncio.run(asyncio.wait_for(run(), 30))
    assert [name for name in reads if name == "stream"] == ["stream"]


def test_a_client_begins_with_revision_and_all_states(context, runtime):
    async def run():
        stream = follow(context, Broadcast(context), parts=frozenset({"portals"}))
        revision = await until(stream, "revision")
        state = await until(stream, "state")
        await stream.aclose()
        return revision, state

    revision, state = asyncio.run(run())
    assert '{"revision": ' in revision
    assert take([*state.split("\n"), ""], 1, "state")[0].data == {
        "whole": True,
        "portals": {"main": {"state": "idle"}},
    }


def test_a_state_that_changes_is_sent_and_what_is_gone_is_null(context, runtime):
    async def run():
        stream = follow(context, Broadcast(context))
        await until(stream, "state")
        runtime.states = {"portals": {"side": {"state": "released"}}, "devices": {}, "zones": {}}
        changed = await until(stream, "state")
        await stream.aclose()
        return changed

    (message,) = take([*asyncio.run(run()).split("\n"), ""], 1, "state")
    assert message.data == {"whole": False, "portals": {"side": {"state": "released"}, "main": None}}


def test_a_changed_site_is_announced_by_its_revision(context, site, announced):
    async def run():
        stream = follow(context, Broadcast(context))
        first = await until(stream, "revision")

        def change():
            with site.database.write() as session:
                context.record(session, "admin.site_edited", CALLER, {})

        await asyncio.to_thread(change)
        second = await until(stream, "revision")
        await stream.aclose()
        return first, second

    first, second = asyncio.run(asyncio.wait_for(run(), 30))
    assert first != second


def test_a_slow_client_is_resynchronized_and_misses_no_event(context, site, announced, add):
    """It reads nothing while more comes than is kept for it."""
    many = 2 * MAX_WAITING + 10
    broadcast = Broadcast(context)

    async def run():
        slow, quick = follow(context, broadcast), follow(context, broadcast)
        await until(slow, "state")
        await until(quick, "state")
        # The quick one is read on, so that the slow one is known to have been offered all.
        await asyncio.to_thread(add, many)
        reading = asyncio.ensure_future(_seqs(quick, many))
        await reading
        names, seqs = [], []
        async for text in slow:
            names.append(text.split("event: ")[1].split("\n")[0])
            if names[-1] == "event":
                seqs.append(int(text.split("\n")[0].removeprefix("id: ")))
            if len(seqs) == many:
                break
        await slow.aclose()
        await quick.aclose()
        return names, seqs

    names, seqs = asyncio.run(asyncio.wait_for(run(), 60))
    assert "resync" in names
    assert seqs == list(range(seqs[0], seqs[0] + many))


async def _seqs(stream, count):
    return [await until(stream, "event") for _ in range(count)]


def test_the_thread_ends_with_the_last_client(context):
    broadcast = Broadcast(context)

    async def run():
        stream = follow(context, broadcast)
        await until(stream, "state")
        thread = broadcast._thread
        await stream.aclose()
        await asyncio.to_thread(thread.join, 10)
        return thread

    assert not asyncio.run(run()).is_alive()
    assert broadcast._thread is None


def test_a_daemon_that_ends_ends_the_streams(context, runtime):
    async def run():
        stream = follow(context, Broadcast(context))
        await until(stream, "state")
        runtime.stopping = True
        async for _ in stream:
            pass

    asyncio.run(asyncio.wait_for(run(), 10))


def test_states_go_on_while_the_database_can_not_be_read(context, runtime, site, add, monkeypatch):
    """What waits for the database is sent afterwards."""
    with site.database.read() as session:
        site.ledger.feed.begin(events.head(session)[0])
    broadcast = Broadcast(context)

    async def run():
        stream = follow(context, broadcast)
        await until(stream, "state")
        with monkeypatch.context() as patch:
            patch.setattr(site.database, "read", lambda: (_ for _ in ()).throw(StorageFailed("the disk is gone")))
            add()
            runtime.states = {"portals": {"main": {"state": "released"}}, "devices": {}, "zones": {}}
            changed = await until(stream, "state")
        event = await until(stream, "event")
        await stream.aclose()
        return changed, event

    changed, event = asyncio.run(asyncio.wait_for(run(), 30))
    assert '"released"' in changed
    assert '"bench"' in event


def test_the_time_from_commit_to_client_is_counted_for_what_is_sent_at_once(context, announced, add):
    broadcast = Broadcast(context)
    add()

    async def run():
        missed = Follower(broadcast, context, EventFilter(), lambda: True, PARTS).messages(0)
        await until(missed, "event")
        live = follow(context, broadcast)
        await until(live, "state")
        assert (broadcast.clients, sum(broadcast.delays().counts)) == (2, 0), "what was missed is not counted"
        await asyncio.to_thread(add)
        await until(live, "event")
        await asyncio.to_thread(add)
        await until(live, "event")  # the one before has left by now
        await live.aclose()
        await missed.aclose()

    asyncio.run(asyncio.wait_for(run(), 30))
    delays = broadcast.delays()
    assert sum(delays.counts) == 1
    assert 0 < delays.total < 30
    assert broadcast.clients == 0
