"""`audit verify` reads the columns as they are stored: any flipped bit is found, and its row is named."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from devicemgr.domain.ledger_events import Fact
from devicemgr.operations import audit
from devicemgr.site.site import Site
from devicemgr.store.ledger import seals

PERSON, REQUEST = "6f0c0b1e-0000-4000-8000-000000000000", "6f0c0b1e-0000-4000-8000-000000000001"
EVENT = ("time", "kind", "portal", "person_id", "request", "body", "hash")
SEAL = ("head", "time", "next_key", "signature")


@pytest.fixture
def sealed(site: Site) -> Site:
    """Six events with a value in each column, and two seals."""
    for _ in range(2):
        facts = [
            Fact("access_granted", datetime.now(UTC), portal="höf", person_id=PERSON, request=REQUEST, detail={"n": n})
            for n in range(3)
        ]
        with site.database.write(changes_site=False) as session:
            site.ledger.append(session, facts)
        site.sealer.seal()
    return site


@pytest.fixture
def raw(sealed: Site) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(sealed.home.database, isolation_level=None)) as opened:
        opened.text_factory = bytes
        yield opened


def flips(content: bytes, dice: random.Random, count: int) -> Iterator[bytes]:
    """`content` with one bit flipped; the highest bit, which leaves UTF-8, is always among them."""
    for number in range(count):
        place, bit = dice.randrange(len(content)), 7 if number % 4 == 0 else dice.randrange(8)
        yield content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


@pytest.mark.parametrize("column", EVENT)
@pytest.mark.parametrize("kind", ["TEXT", "BLOB"])
def test_a_flipped_bit_in_an_event_is_found_and_its_row_named(
    sealed: Site, raw: sqlite3.Connection, column: str, kind: str
) -> None:
    dice, undecodable = random.Random(column + kind), 0
    for seq in (1, 4, 6):
        ((before,),) = raw.execute(f"SELECT {column} FROM events WHERE seq = ?", (seq,))
        for content in flips(before, dice, 12):
            raw.execute(f"UPDATE events SET {column} = CAST(? AS {kind}) WHERE seq = ?", (content, seq))
            assert raw.execute(f"SELECT {column} FROM events WHERE seq = ?", (seq,)).fetchone() == (content,)
            found = audit.verify(sealed)
            assert (found["ok"], found["first_bad_seq"]) == (False, seq), content
            assert found["why"].isprintable()
            undecodable += content.decode("utf-8", "replace").encode() != content
        raw.execute(f"UPDATE events SET {column} = CAST(? AS TEXT) WHERE seq = ?", (before, seq))
    assert undecodable
    assert audit.verify(sealed)["ok"]


@pytest.mark.parametrize("column", EVENT)
@pytest.mark.parametrize("value", ["NULL", "5", "0.5", "x''", "''", "CAST({column} AS BLOB)"])
def test_another_type_in_a_column_is_found(sealed: Site, raw: sqlite3.Connection, column: str, value: str) -> None:
    try:
        raw.execute(f"UPDATE events SET {column} = {value.format(column=column)} WHERE seq = 3")
    except sqlite3.IntegrityError:
        return  # the schema refuses it
    found = audit.verify(sealed)
    assert (found["ok"], found["first_bad_seq"]) == (False, 3)


def test_a_flipped_number_leaves_a_hole_that_is_named(sealed: Site, raw: sqlite3.Connection) -> None:
    raw.execute("UPDATE events SET seq = 3 + 64 WHERE seq = 3")
    assert audit.verify(sealed)["first_bad_seq"] == 3


@pytest.mark.parametrize("column", SEAL)
def test_a_flipped_bit_in_a_seal_is_found(sealed: Site, raw: sqlite3.Connection, column: str) -> None:
    with sealed.database.read() as session:
        newest = seals.last(session)
    assert newest is not None
    ((before,),) = raw.execute(f"SELECT {column} FROM seals WHERE number = ?", (newest.number,))
    for content in flips(before, random.Random(column), 12):
        raw.execute(f"UPDATE seals SET {column} = CAST(? AS TEXT) WHERE number = ?", (content, newest.number))
        found = audit.verify(sealed)
        assert (found["ok"], found["first_bad_seq"]) == (False, newest.seq), content
    raw.execute(f"UPDATE seals SET {column} = CAST(? AS TEXT) WHERE number = ?", (before, newest.number))
    for value in ("NULL", "7", "x'00'"):
        try:
            raw.execute(f"UPDATE seals SET {column} = {value} WHERE number = ?", (newest.number,))
        except sqlite3.IntegrityError:
            continue
        assert not audit.verify(sealed)["ok"]


@pytest.mark.parametrize("value", ["NULL", "'x'", "-1", "99", "0.5"])
def test_a_seal_over_no_event_is_found(sealed: Site, raw: sqlite3.Connection, value: str) -> None:
    try:
        raw.execute(f"UPDATE seals SET seq = {value} WHERE number = 2")
    except sqlite3.IntegrityError:
        return
    assert not audit.verify(sealed)["ok"]


def test_a_page_that_is_damaged_is_an_answer_too(site: Site) -> None:
    """SQLite itself refuses to read on; the first row behind what could be read is named."""
    facts = [Fact("tamper", datetime.now(UTC), detail={"n": n, "text": "x" * 300}) for n in range(400)]
    with site.database.write(changes_site=False) as session:
        site.ledger.append(session, facts)
    site.sealer.seal()
    site.database.forget()
    site.database.close()
    content = bytearray(site.home.database.read_bytes())
    places = [place for place in range(0, len(content), 4096) if b'"n":200,' in content[place : place + 4096]]
    assert len(places) == 1
    content[places[0] : places[0] + 8] = bytes(8)
    site.home.database.write_bytes(content)
    found = audit.verify(site)
    assert not found["ok"]
    assert 180 < found["first_bad_seq"] <= 201
    assert "damaged" in found["why"]
