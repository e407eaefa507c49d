"""Records that are missing from the spill file, in the middle or at its end, are noticed; a power cut is no alarm."""

import hashlib
import hmac
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devicemgr.domain.ledger_events import Fact
from devicemgr.ledger import spill_file
from devicemgr.ledger.spill_file import Spill
from devicemgr.operations import audit
from devicemgr.site.site import Site
from devicemgr.store.ledger import events

NAMES = ["one", "two", "three", "four"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spill.log"


@pytest.fixture
def make(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Spill]]:
    monkeypatch.setattr(spill_file, "SIZE", 64 * 1024)
    opened: list[Spill] = []

    def build() -> Spill:
        found = Spill(path, path.parent / "keys" / "spill.key")
        found.open()
        opened.append(found)
        return found

    yield build
    for found in opened:
        found.close()


@pytest.fixture
def places(make: Callable[[], Spill]) -> list[int]:
    """Four records, each appended alone; where each begins, and the end."""
    spill = make()
    found = [spill._end]
    for name in NAMES:
        spill.append([name.encode()])
        found.append(spill._end)
    spill.close()
    return found


def texts(spill: Spill) -> list[str]:
    return [record.payload.decode() for record in spill.read(0, 1000)]


def change(path: Path, edit: Callable[[bytearray], Any]) -> None:
    content = bytearray(path.read_bytes())
    edit(content)
    path.write_bytes(content)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("how", ["zeroed", "truncated", "noise"])
def test_a_cut_tail_is_noticed(make: Callable[[], Spill], path: Path, places: list[int], count: int, how: str) -> None:
    start = places[-1 - count]

    def cut(content: bytearray) -> None:
        if how == "truncated":
            del content[start:]
        else:
            content[start : places[-1]] = (bytes(1) if how == "zeroed" else b"\xa5") * (places[-1] - start)

    change(path, cut)
    spill = make()
    assert spill.damaged == count
    assert texts(spill) == NAMES[: len(NAMES) - count]
    looking = Spill(path, path.parent / "keys" / "spill.key")
    assert looking.attach()
    assert looking.damaged == count


def test_a_gap_is_noticed_and_what_follows_stays(make: Callable[[], Spill], path: Path, places: list[int]) -> None:
    def excise(content: bytearray) -> None:
        rest = content[places[2] : places[4]]
        content[places[1] : places[1] + len(rest)] = rest
        content[places[1] + len(rest) : places[4]] = bytes(places[4] - places[1] - len(rest))

    change(path, excise)
    spill = make()
    assert (spill.damaged, texts(spill)) == (1, ["one", "three", "four"])


def test_a_record_that_was_copied_is_taken_once(make: Callable[[], Spill], path: Path, places: list[int]) -> None:
    def repeat(content: bytearray) -> None:
        first = content[places[0] : places[1]]
        content[places[4] : places[4] + len(first)] = first

    change(path, repeat)
    assert texts(make()) == NAMES


def test_a_change_that_was_noticed_is_so_after_more_records_too(
    make: Callable[[], Spill], path: Path, places: list[int]
) -> None:
    change(path, lambda content: content.__setitem__(slice(places[3], places[4]), bytes(places[4] - places[3])))
    make().append([b"five"])
    again = make()
    assert (again.damaged, texts(again)) == (1, ["one", "two", "three", "five"])
    again.clear()
    again.append([b"six"])
    assert (make().damaged, texts(make())) == (0, ["six"])


def test_without_its_mark_it_is_not_whole(make: Callable[[], Spill], path: Path, places: list[int]) -> None:
    change(path, lambda content: content.__setitem__(slice(1024, 2048), bytes(1024)))
    spill = make()
    assert (spill.damaged, texts(spill)) == (1, NAMES)


def test_a_power_cut_that_loses_the_mark_of_the_last_record_is_no_alarm(
    make: Callable[[], Spill], path: Path, places: list[int]
) -> None:
    """The mark is written behind the record, so an old one may stand before a new record."""
    before = path.read_bytes()[1024:2048]
    make().append([b"five"])
    change(path, lambda content: content.__setitem__(slice(1024, 2048), before))
    spill = make()
    assert (spill.damaged, texts(spill)) == (0, [*NAMES, "five"])


def test_a_file_of_0_1_0_goes_on(make: Callable[[], Spill], path: Path, places: list[int]) -> None:
    key = (path.parent / "keys" / "spill.key").read_bytes()

    def as_before(content: bytearray) -> None:
        for place in (0, 512):
            head = content[place : place + spill_file._HEAD.size]
            if head.startswith(b"devicemgr spill"):
                head[15:16] = b"1"
                mac = hmac.new(key, b"head" + head, hashlib.sha256).digest()
                content[place : place + len(head) + 32] = head + mac
        content[1024:2048] = bytes(1024)

    change(path, as_before)
    spill = make()
    assert (spill.damaged, texts(spill)) == (0, NAMES)
    spill.append([b"five"])
    spill = make()
    assert (spill.damaged, texts(spill)) == (0, [*NAMES, "five"])
    spill.clear()
    spill.append([b"six"])
    assert path.read_bytes()[:16] != b"devicemgr spill1" or path.read_bytes()[512:528] == b"devicemgr spill2"
    assert (make().damaged, texts(make())) == (0, ["six"])


@contextmanager
def locked(site: Site) -> Iterator[None]:
    with closing(sqlite3.connect(site.home.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def spill_events(site: Site, count: int) -> None:
    done = threading.Event()
    for number in range(count):
        fact = Fact("tamper", datetime.now(UTC), detail={"n": number})
        site.ledger.submit(fact, lambda _, last=number == count - 1: done.set() if last else None)
    assert done.wait(60)


def restored(site: Site) -> list[dict[str, Any]]:
    with site.database.read() as session:
        return [event["detail"] for event in events.of_kinds(session, ("storage_restored",))]


@pytest.mark.parametrize("kept", [0, 3])
def test_a_start_records_what_is_missing_and_the_audit_names_it(make_site: Callable[[], Site], kept: int) -> None:
    site = make_site()
    site.ledger.start()
    with locked(site):
        spill_events(site, 5)
        site.ledger.stop(20)
    look = Spill(site.home.spill, site.home.spill_key)
    assert look.attach()
    count = look.last
    with site.home.spill.open("rb") as file:
        starts = [place for place, _ in look._walk(file.fileno(), spill_file._FIRST)]
    start = starts[kept - 1] if kept else spill_file._FIRST
    change(site.home.spill, lambda content: content.__setitem__(slice(start, starts[-1]), bytes(starts[-1] - start)))
    found = audit.verify(make_site())
    assert (found["ok"], "spill.log" in found["why"]) == (False, True)
    again = make_site()
    again.ledger.start()
    assert again.ledger.wait_restored(30)
    again.ledger.stop(20)
    assert [detail["damaged"] for detail in restored(again)] == [count - kept]
    found = audit.verify(again)
    assert (found["ok"], "spill.log" in found["why"]) == (False, True)
    last = make_site()
    last.ledger.start()
    assert last.ledger.wait_restored(30)
    last.ledger.stop(20)
    assert len(restored(last)) == 1


def test_what_is_cut_off_while_it_waits_is_counted_when_it_is_brought_in(site: Site) -> None:
    site.ledger.start()
    with locked(site):
        spill_events(site, 5)
        whole = site.ledger._spill._end
        with site.home.spill.open("r+b") as file:
            file.seek(whole - 40)
            file.write(bytes(40))
    assert site.ledger.wait_restored(30)
    site.ledger.stop(20)
    assert [detail["damaged"] for detail in restored(site)] == [1]
    assert not audit.verify(site)["ok"]


def test_a_whole_file_is_no_flaw(site: Site) -> None:
    site.ledger.start()
    with locked(site):
        spill_events(site, 5)
        assert audit.verify(site)["ok"]
    assert site.ledger.wait_restored(30)
    site.ledger.stop(20)
    assert "damaged" not in restored(site)[0]
    assert audit.verify(site)["ok"]
