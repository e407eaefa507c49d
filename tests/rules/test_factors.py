"""What suffices at a portal: a PIN alone never, a face of nobody who did not agree."""

from itertools import chain, combinations

import pytest

from devicemgr.model import Capability, Requirement
from devicemgr.rules.factors import Factor, lacking, suffices

FACE, CARD, PIN = Factor.FACE, Factor.CARD, Factor.PIN
ALL = [frozenset(c) for c in chain.from_iterable(combinations(Factor, n) for n in range(4))]


def enough(require, *, consents=True, doubtful=False):
    return [shown for shown in ALL if suffices(require, shown, consents=consents, doubtful_face=doubtful)]


@pytest.mark.parametrize(
    ("require", "least"),
    [
        (Requirement.ANY, [{FACE}, {CARD}]), (Requirement.FACE, [{FACE}]), (Requirement.CARD, [{CARD}]),
        (Requirement.CARD_PIN, [{CARD, PIN}]), (Requirement.CARD_FACE, [{CARD, FACE}]),
    ],
)  # fmt: skip
def test_the_least_that_opens(require, least):
    found = enough(require)
    assert [shown for shown in found if not any(other < shown for other in found)] == [frozenset(x) for x in least]


@pytest.mark.parametrize("require", list(Requirement))
@pytest.mark.parametrize("consents", [True, False])
def test_a_pin_alone_opens_nothing_and_more_never_shuts(require, consents):
    found = enough(require, consents=consents)
    assert frozenset({PIN}) not in found
    assert frozenset() not in found
    assert all(more in found for shown in found for more in ALL if shown <= more)


@pytest.mark.parametrize("require", [Requirement.FACE, Requirement.CARD_FACE])
def test_nobody_must_give_a_face(require):
    assert frozenset({CARD, PIN}) in enough(require, consents=False)
    assert frozenset({CARD}) not in enough(require, consents=False)
    assert frozenset({CARD, PIN}) not in enough(require, consents=True)


def test_a_lookalike_shows_something_besides_the_face():
    assert frozenset({FACE}) not in enough(Requirement.ANY, doubtful=True)
    assert {frozenset({FACE, CARD}), frozenset({FACE, PIN}), frozenset({CARD})} <= set(
        enough(Requirement.ANY, doubtful=True)
    )


@pytest.mark.parametrize(
    ("require", "able", "missing"),
    [
        ("face", {"reader"}, {"face"}), ("face", {"camera"}, set()), ("card+pin", {"camera"}, {"card", "pin"}),
        ("card+face", {"reader"}, {"face"}), ("card+face", {"camera", "reader"}, set()),
        ("any", {"gate", "reader"}, set()),
        ("card+pin", {"console"}, set()), ("card", {"reader"}, set()),
    ],
)  # fmt: skip
def test_what_devices_can_not_tell(require, able, missing):
    found = lacking(Requirement(require), frozenset(map(Capability, able)))
    assert {str(factor) for factor in found} == missing
