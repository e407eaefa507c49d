"""Which pictures of a person before a camera are taken for enrollment."""

import threading
from collections.abc import Iterator

import pytest

from devicemgr.errors import PhotoRefused
from devicemgr.people.camera_enrollment import choose, new_pictures

FIT, DARK, TURNED = b"fit", b"too_dark", b"turned_away"


def check(picture: bytes) -> dict:
    return {"ok": picture == FIT, "reasons": [] if picture == FIT else [picture.decode()]}


def test_the_first_fit_pictures_are_taken_and_the_camera_is_let_go() -> None:
    looked_at: list[bytes] = []

    def seen() -> Iterator[bytes]:
        for picture in (DARK, FIT, TURNED, FIT, FIT):
            looked_at.append(picture)
            yield picture

    assert choose(seen(), check, 2, threading.Event()) == [FIT, FIT]
    assert looked_at == [DARK, FIT, TURNED, FIT]


def test_too_few_are_refused_with_what_was_wrong_most_often() -> None:
    with pytest.raises(PhotoRefused, match="1 of 2 pictures were fit, most often because: turned_away") as caught:
        choose([DARK, TURNED, FIT, TURNED], check, 2, threading.Event())
    assert [face["reasons"] for face in caught.value.faces] == [["turned_away"]]


def test_too_few_pictures_at_all_are_refused() -> None:
    with pytest.raises(PhotoRefused, match="only 1 of 2 pictures came"):
        choose([FIT], check, 2, threading.Event())


def test_nothing_more_is_looked_at_once_whoever_asked_has_gone() -> None:
    stopped = threading.Event()

    def seen() -> Iterator[bytes]:
        yield FIT
        stopped.set()
        yield FIT
        raise AssertionError("looked on")

    choose(seen(), check, 3, stopped)


def test_a_picture_that_comes_again_is_not_a_second_sample() -> None:
    """A looped recording, or a camera whose picture stands still; "c" was enrolled on another day."""
    pictures = (b"a", b"a", b"c", b"b", b"a")
    is_enrolled = {b"c"}.__contains__
    assert list(new_pictures(pictures, is_enrolled, threading.Event())) == [b"a", b"b"]


def test_a_picture_that_stands_still_is_not_looked_at_for_a_client_that_has_gone() -> None:
    stopped = threading.Event()

    def seen() -> Iterator[bytes]:
        yield FIT
        stopped.set()
        yield FIT
        raise AssertionError("looked on")

    assert list(new_pictures(seen(), lambda _: False, stopped)) == [FIT]
