"""PINs: hashed, checked away from the dispatcher, not to be guessed."""

import queue

import pytest

from devicemgr.access.evidence import pins
from devicemgr.access.evidence.pins import MAX_WRONG, PinChecked, PinChecker, PinTry, hash_pin, is_right
from devicemgr.errors import InvalidInput

STORED = hash_pin("4711")


@pytest.mark.parametrize("pin", ["", "123", "123456789", "12a4", "１２３４", "0000", "9999", "1234", "8765", "4 711"])
def test_pins_that_are_refused(pin):
    with pytest.raises(InvalidInput) as caught:
        hash_pin(pin)
    assert not pin or pin not in str(caught.value)


def test_a_pin_is_kept_as_argon2id_alone():
    assert STORED.startswith("$argon2id$")
    assert "4711" not in STORED
    assert is_right(STORED, "4711")
    assert not is_right(STORED, "4712")
    assert not is_right("no hash", "4711")
    assert "4711" not in repr(PinTry("d", 1, "p", STORED, "4711"))


@pytest.fixture
def checker():
    done: queue.Queue[PinChecked] = queue.Queue()
    found = PinChecker(done.put)
    found.start()
    yield lambda person, pin, stored=STORED: (found.ask(PinTry("d", 1, person, stored, pin)), done.get(timeout=20))[1]
    found.stop()


def test_right_wrong_and_none(checker):
    assert checker("p1", "4711").right
    assert not checker("p1", "4712").right
    assert not checker("p2", "4711", None).right


def test_after_five_wrong_ones_even_the_right_one_is_refused_for_a_minute(checker, monkeypatch):
    for _ in range(MAX_WRONG):
        assert not checker("p1", "0815").right
    assert not checker("p1", "4711").right
    assert checker("p2", "4711").right
    monkeypatch.setattr(pins, "LOCKOUT_S", 0.0)
    assert checker("p1", "4711").right


def test_too_many_at_once_are_wrong_rather_than_waited_for():
    done: list[PinChecked] = []
    idle = PinChecker(done.append)
    for _ in range(65):
        idle.ask(PinTry("d", 1, "p", STORED, "4711"))
    assert [checked.right for checked in done] == [False]
