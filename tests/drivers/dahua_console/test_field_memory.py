"""The memory of events of firmware that can't be queried by time as the document has it; sources in peers/base.py."""

from datetime import UTC, datetime

import pytest

from devicemgr.domain.device_events import DeviceDecided
from tests.drivers.dahua_console.peers.memory import Asi7213y, Memory

FIRST = 1_760_000_000


@pytest.fixture
def reading(build):
    """reading(terminal, resume) is an open console that reads the memory alone."""

    def make(terminal, resume=None):
        device = build(terminal.address, stream=False, timezone="UTC")
        device.resume(resume)
        device.open()
        return device

    return make


def serials(device, wanted):
    found = []
    for _ in range(2000):
        found += [fact.serial for fact in device.poll()]
        if len(found) >= wanted:
            break
    return found + [fact.serial for fact in device.poll()]


KINDS = {
    "the document's": {},
    "ignores StartTime, pages by offset": {"filters": "ignored", "seeks": True},
    "ignores StartTime, and shows what count says": {"filters": "ignored"},
    "refuses StartTime, pages by offset": {"filters": "refused", "seeks": True},
    "refuses StartTime": {"filters": "refused"},
    "wants StartTime as text": {"filters": "text"},
    "tells times as text": {"text_times": True},
    "wants and tells text": {"filters": "text", "text_times": True},
    "ignores StartTime and count": {"filters": "ignored", "all_at_once": True},
    "shows the newest first": {"newest_first": True},
    "shows the oldest 1024, pages by offset": {"filters": "ignored", "caps": 1024, "seeks": True},
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def terminal(request):
    made = type("Terminal", (Memory,), {"first_number": 546_823, **request.param})()
    with made:
        yield made


def test_every_event_is_told_once_and_in_order(terminal, reading):
    terminal.remember(1500)
    device = reading(terminal)
    assert serials(device, 1500) == list(range(546_823, 548_323))
    terminal.remember(3, FIRST + 90_000)
    device._history.hint(FIRST + 90_000)
    device._news._due = 0.0
    assert serials(device, 3) == [548_323, 548_324, 548_325]


def test_a_restart_goes_on_where_it_was(terminal, reading):
    terminal.remember(1500)
    assert serials(reading(terminal, 548_300), 22) == list(range(548_301, 548_323))


def test_a_ring_that_has_moved_on_loses_nothing_that_is_still_there(terminal, reading):
    terminal.remember(900)
    device = reading(terminal)
    assert len(serials(device, 900)) == 900
    terminal.remember(300, FIRST + 90_000)
    del terminal.records[:400]
    device._history.hint(FIRST + 90_000)
    device._news._due = 0.0
    assert serials(device, 300) == list(range(547_723, 548_023))


def test_twenty_thousand_events_at_once_survive(reading):
    with type("Terminal", (Memory,), {"filters": "ignored", "all_at_once": True})() as terminal:
        terminal.remember(20_500)
        assert serials(reading(terminal), 20_500) == list(range(1, 20_501))
        assert len(terminal.targets("AccessControlCardRec")) < 10


def test_an_asi7213y_is_found_its_place_in_a_few_requests(reading):
    class Unhurried(Asi7213y):
        requests_taken = 10_000

    with Unhurried() as terminal:
        terminal.remember(100_000, step=100)
        device = reading(terminal, 646_800)
        assert serials(device, 22) == list(range(646_801, 646_823))
        assert len(terminal.targets("AccessControlCardRec")) < 14


def test_a_memory_that_shows_only_its_oldest_is_a_complaint(reading):
    """ASI3213A-W: `find` ignores the offset and shows 1,024 at most, the oldest ones (a public client's notes)."""

    class Short(Memory):
        filters, caps = "ignored", 1024

        def recordFinder(self, query, body):
            return (
                f"count={len(self.records)}" if query["action"] == "getQuerySize" else super().recordFinder(query, body)
            )

    with Short() as terminal:
        terminal.remember(2000)
        device = reading(terminal)
        serials(device, 2000)
        assert "1024 of its 2000 events" in device.complaint


def test_numbers_that_begin_again_are_read_from_the_first(reading):
    class Erased(Asi7213y):
        first_number = 1
        requests_taken = 10_000

    with Erased() as terminal:
        terminal.remember(5)
        assert serials(reading(terminal, 646_800), 5) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "written", ["2026-03-09 08:00:00", "2026/03/09 08:00:00", "20260309 080000", "09-03-2026 08:00:00"]
)
def test_a_time_as_text_keeps_its_time_in_the_terminals_zone(build, written):
    with Memory() as terminal:
        terminal.remember(1)
        terminal.shown = lambda rows: (
            f"found=1\r\nrecords[0].RecNo=7\r\nrecords[0].CreateTime={written}\r\nrecords[0].Status=1\r\n"
            "records[0].Method=15\r\nrecords[0].UserID=42\r\n"
        )
        device = build(terminal.address, stream=False, timezone="Asia/Almaty")
        device.open()
        (fact,) = device.poll()
        assert isinstance(fact, DeviceDecided)
        assert fact.at == datetime(2026, 3, 9, 3, tzinfo=UTC)
