"""The spill file: whole records in order, or nothing; what is torn, forged or of another time is left out."""

import errno
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from devicemgr.domain.ledger_chain import body_of
from devicemgr.domain.ledger_events import Condition, Fact
from devicemgr.domain.model import Direction
from devicemgr.errors import StorageFailed
from devicemgr.ledger import spill_file
from devicemgr.ledger.spill_file import Record, Spill
from devicemgr.ledger.spill_replay import dump, load

WHEN = datetime(2026, 3, 2, 8, 0, 0, 123000, tzinfo=UTC)
GRANT = Fact(
    "access_granted",
    WHEN,
    portal="main-entrance",
    direction=Direction.ENTRY,
    device="camera-entry-1",
    person_id="6f0c0b1e-0000-4000-8000-000000000000",
    request="6f0c0b1e-0000-4000-8000-000000000001",
    evidence={"face": {"score": 0.98765, "threshold": 0.91234, "margin": 0.31234, "frames": 12, "liveness": 0.91234}},
    latency_ms={"capture_to_decision": 123.45, "decision_to_record": None, "record_to_unlock": None, "total": None},
    detail={"timings_ms": {"decode": 12.3, "detect": 45.6, "encode": 78.9, "wait": 10.1}},
)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Spill]:
    monkeypatch.setattr(spill_file, "SIZE", 64 * 1024)

    def build() -> Spill:
        found = Spill(tmp_path / "spill.log", tmp_path / "keys" / "spill.key")
        found.open()
        return found

    return build


def texts(spill: Spill, after: int = 0) -> list[str]:
    return [record.payload.decode() for record in spill.read(after, 10_000)]


def test_records_are_found_again_in_order_by_the_next_process(make: Callable[[], Spill]) -> None:
    first = make()
    first.append([b"one", b"two"])
    first.append([b"three"])
    second = make()
    assert second.read(0, 10) == [Record(1, b"one"), Record(2, b"two"), Record(3, b"three")]
    assert second.read(1, 1) == [Record(2, b"two")]
    assert second.read(2, 10) == [Record(3, b"three")]
    second.append([b"four"])
    assert texts(make()) == ["one", "two", "three", "four"]
    assert make().generation == first.generation


def test_its_room_is_set_aside_and_it_is_private(make: Callable[[], Spill], tmp_path: Path) -> None:
    make()
    found = (tmp_path / "spill.log").stat()
    assert found.st_blocks * 512 >= spill_file.SIZE
    assert stat.S_IMODE(found.st_mode) == stat.S_IMODE((tmp_path / "keys" / "spill.key").stat().st_mode) == 0o600


def test_a_hundred_thousand_grants_find_room() -> None:
    size = len(dump(GRANT, GRANT.request or "")) + spill_file._RECORD.size
    assert 100_000 * size <= 64 * 1024 * 1024 - spill_file._FIRST


def change(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def test_a_torn_tail_is_left_out_and_written_over(make: Callable[[], Spill], tmp_path: Path) -> None:
    spill = make()
    spill.append([b"a" * 100])
    whole = spill._end
    spill.append([b"b" * 100, b"c" * 100])
    change(tmp_path / "spill.log", whole + spill_file._RECORD.size + 50, bytes(400))  # as a power cut leaves it
    again = make()
    assert texts(again) == ["a" * 100]
    again.append([b"d"])
    assert texts(make()) == ["a" * 100, "d"]


@pytest.mark.parametrize("place", range(0, spill_file._RECORD.size + 4, 3))
def test_a_forged_record_is_found_and_the_others_stay(make: Callable[[], Spill], tmp_path: Path, place: int) -> None:
    spill = make()
    spill.append([b"first"])
    start = spill._end
    spill.append([b"second"])
    spill.append([b"third"])
    raw = (tmp_path / "spill.log").read_bytes()
    change(tmp_path / "spill.log", start + place, bytes([raw[start + place] ^ 1]))
    found = texts(make())
    assert found[0] == "first"
    assert "second" not in found
    if place >= 4:  # a changed length hides what follows
        assert found == ["first", "third"]
        assert make().damaged == 1


def test_a_record_of_another_homes_key_is_not_believed(make: Callable[[], Spill], tmp_path: Path) -> None:
    make().append([b"theirs"])
    key = tmp_path / "keys" / "spill.key"
    before = key.read_bytes()
    key.write_bytes(os.urandom(32))
    found = make()
    assert (texts(found), found.damaged) == ([], 1)
    assert b"theirs" not in (tmp_path / "spill.log").read_bytes()
    (tmp_path / "spill.log.unreadable").replace(tmp_path / "spill.log")
    key.write_bytes(before)
    assert texts(make()) == ["theirs"], "put back with its key it is read again"


def test_where_there_is_no_room_for_both_the_new_file_comes_first(
    make: Callable[[], Spill], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make().append([b"theirs"])
    (tmp_path / "keys" / "spill.key").unlink()
    real, refused = os.posix_fallocate, []

    def full(*place: int) -> None:
        if (tmp_path / "spill.log.unreadable").exists():
            refused.append(place)
            raise OSError(errno.ENOSPC, "full")
        real(*place)

    monkeypatch.setattr(os, "posix_fallocate", full)
    found = make()
    assert refused
    found.append([b"ours"])
    assert texts(make()) == ["ours"]
    assert not (tmp_path / "spill.log.unreadable").exists()


def test_when_it_is_full_nothing_of_the_batch_is_there(make: Callable[[], Spill]) -> None:
    spill = make()
    batch = [b"x" * 1000] * 20
    spill.append(batch)
    spill.append(batch)
    with pytest.raises(StorageFailed, match="no room left"):
        spill.append(batch)
    kept = texts(spill)
    assert len(kept) == 40
    assert texts(make()) == kept


def test_emptied_it_holds_nothing_of_before(make: Callable[[], Spill], tmp_path: Path) -> None:
    spill = make()
    spill.append([b"secret-of-before"] * 20)
    before = spill.generation
    spill.clear()
    assert spill.generation != before
    assert spill.last == make().last == 0
    assert b"secret-of-before" not in (tmp_path / "spill.log").read_bytes()
    spill.append([b"after"])
    assert make().read(0, 10) == [Record(1, b"after")]


def test_killed_while_it_was_emptied_it_is_empty(make: Callable[[], Spill], monkeypatch: pytest.MonkeyPatch) -> None:
    spill = make()
    spill.append([b"old"] * 20)
    done: list[int] = []
    real = spill_file._write_all

    def dies(descriptor: int, content: bytes, place: int) -> None:
        done.append(place)
        if place >= spill_file._FIRST:
            raise OSError(errno.EIO, "gone")
        real(descriptor, content, place)

    monkeypatch.setattr(spill_file, "_write_all", dies)
    with pytest.raises(StorageFailed):
        spill.clear()
    monkeypatch.undo()
    assert max(done) >= spill_file._FIRST
    assert texts(make()) == []


def test_a_write_that_failed_is_not_found_after_a_restart(
    make: Callable[[], Spill], monkeypatch: pytest.MonkeyPatch
) -> None:
    spill = make()
    spill.append([b"kept"])
    failed: list[int] = []

    def refuses(descriptor: int) -> None:
        failed.append(descriptor)
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fdatasync", refuses)
    with pytest.raises(StorageFailed, match="spill file failed"):
        spill.append([b"refused"])
    monkeypatch.undo()
    assert failed
    assert texts(make()) == ["kept"]


@pytest.mark.parametrize("head", [0, 512])
def test_one_torn_head_is_survived(make: Callable[[], Spill], tmp_path: Path, head: int) -> None:
    """A power cut while the head is written tears the one that is not in force."""
    spill = make()
    spill.append([b"old"])
    spill.clear()
    spill.append([b"new"])
    in_force = 512 * (spill._turn % 2)
    change(tmp_path / "spill.log", head, b"torn")
    assert texts(make()) == ([] if head == in_force else ["new"])


detail = st.dictionaries(st.text(max_size=8), st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)))


@given(
    kind=st.text(min_size=1, max_size=20),
    portal=st.none() | st.text(max_size=10),
    direction=st.sampled_from([None, *Direction]),
    detail=detail,
    evidence=st.none() | detail,
    cursor=st.none() | st.tuples(st.text(max_size=9), st.integers(0, 2**31)),
    condition=st.none() | st.builds(Condition, st.text(max_size=9), st.text(max_size=9), st.booleans()),
)
def test_a_fact_comes_back_as_the_event_that_it_would_have_been(**fields: Any) -> None:
    fact = Fact(time=WHEN, **fields)
    event_id, again = load(dump(fact, "an-id"))
    if fact.evidence == {}:
        return
    assert body_of(again, 1, event_id) == body_of(fact, 1, "an-id")
    assert (again.cursor and again.cursor[1]) == (fact.cursor and fact.cursor[1])
    assert again.condition == fact.condition
