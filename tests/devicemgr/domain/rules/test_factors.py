"""What suffices at a portal: a PIN alone never, a face of nobody who did not agree."""

from itertools import chain, combinations

import pytest

from devicemgr.domain.model import Capability, Factor, Requirement
from devicemgr.domain.rules.factors import lacking, suffices

FACE, CARD, PIN = Factor.FACE, Factor.CARD, Factor.PIN
FINGER, QR = Factor.FINGER, Factor.QR
ALL = [frozenset(c) for c in chain.from_iterable(combinations(Factor, n) for n in range(6))]


def enough(require, *, consents=True, doubtful=False):
    return [shown for shown in ALL if suffices(require, shown, consents=consents, doubtful_face=doubtful)]


@pytest.mark.parametrize(
    ("require", "least"),
    [
        (Requirement.ANY, [{FACE}, {CARD}]),
        (Requirement.FACE, [{FACE}]),
        (Requirement.CARD, [{CARD}]),
        (Requirement.CARD_PIN, [{CARD, PIN}]),
        (Requirement.CARD_FACE, [{CARD, FACE}]),
        (Requirement.PIN, [{PIN}]),
        (Requirement.FINGER, [{FINGER}]),
        (Requirement.QR, [{QR}]),
        (Requirement.CARD_FINGER, [{CARD, FINGER}]),
        (Requirement.FACE_PIN, [{FACE, PIN}]),
        (Requirement.CARD_FACE_FINGER, [{CARD, FACE, FINGER}]),
    ],
)
def test_the_least_that_opens(require, least):
    found = enough(require)
    assert [shown for shown in found if not any(other < shown for other in found)] == [frozenset(x) for x in least]


@pytest.mark.parametrize("require", list(Requirement))
@pytest.mark.parametrize("consents", [True, False])
def test_a_pin_alone_opens_nothing_that_does_not_ask_for_it_and_more_never_shuts(require, consents):
    found = enough(require, consents=consents)
    for factor in (PIN, QR, FINGER):
        assert (frozenset({factor}) in found) is (require.value == factor)
    assert frozenset() not in found
    assert all(more in found for shown in found for more in ALL if shown <= more)


@pytest.mark.parametrize("require", [Requirement.FACE, Requirement.CARD_FACE])
def test_nobody_must_give_a_face(require):
    assert frozenset({CARD, PIN}) in enough(require, consents=False)
    assert frozenset({CARD}) not in enough(require, consents=False)
    assert frozenset({CARD, PIN}) not in enough(require, consents=True)


def test_the_order_of_the_words_does_not_matter():
    assert Requirement("pin+card") is Requirement.CARD_PIN
    assert Requirement("finger+face+card") is Requirement.CARD_FACE_FINGER
    for wrong in ("card+card", "card+", "voice", "any+pin", ""):
        with pytest.raises(ValueError, match="is not a valid Requirement"):
            Requirement(wrong)


@pytest.mark.parametrize("old", ["face", "card", "card+pin", "card+face", "any"])
def test_what_0_1_0_wrote_is_read(old):
    assert str(Requirement(old)) == old


def test_a_lookalike_shows_something_besides_the_face():
    assert frozenset({FACE}) not in enough(Requirement.ANY, doubtful=True)
    assert {frozenset({FACE, CARD}), frozenset({FACE, PIN}), frozenset({CARD})} <= set(
        enough(Requirement.ANY, doubtful=True)
    )


@pytest.mark.parametrize(
    ("require", "able", "missing"),
    [
        ("face", {"reader"}, {"face"}),
        ("face", {"camera"}, set()),
        ("card+pin", {"camera"}, {"card", "pin"}),
        ("card+face", {"reader"}, {"face"}),
        ("card+face", {"camera", "reader"}, set()),
        ("any", {"gate", "reader"}, set()),
        ("card+pin", {"console"}, set()),
        ("card", {"reader"}, set()),
        ("finger", {"camera", "reader"}, {"finger"}),
        ("qr", {"console"}, set()),
    ],
)
def test_what_devices_can_not_tell(require, able, missing):
    found = lacking(Requirement(require), frozenset(map(Capability, able)))
    assert {str(factor) for factor in found} == missing
