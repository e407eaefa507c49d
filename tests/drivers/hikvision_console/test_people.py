"""People, cards and faces on the simulated terminal, over HTTP on loopback."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import HeldInPart
from drivers.sim.hikvision.refusals import REFUSALS


def test_people_cards_faces_and_their_end(sim, console, face):
    device = console()
    end = datetime(2027, 3, 1, 18, tzinfo=UTC)
    people = [
        Holding("42", "Әйгерім Қасымова", ("1200345", "77"), frozenset({1}), face="digest", valid_to=end),
        Holding("A-7", "李小龍"),
    ]
    assert device.put(people, {"42": face}) == {}
    held, after = device.held(None)
    assert after is None
    assert [(h.key, h.name, h.cards, h.face, h.valid_to) for h in held] == [
        ("42", "Әйгерім Қасымова", ("1200345", "77"), "", end),
        ("A-7", "李小龍", (), None, None),
    ]
    assert len(sim.terminal.faces["42"]) <= 200_000
    changed = Holding("42", "Әйгерім", ("77", "88"), frozenset({1}))
    assert device.put([changed], {}) == {}
    assert sim.terminal.cards == {"77": "42", "88": "42"}
    assert sim.terminal.faces == {}
    assert sim.events.wait_for("face_removed")["badge"] == "42"
    device.remove(["42", "nobody"])
    assert (list(sim.terminal.users), sim.terminal.cards) == (["A-7"], {})
    assert not sim.events.all("everybody_removed")


def test_a_card_that_does_not_fit_leaves_the_person_there_and_blocks_no_removal(sim, console, face):
    device = console()
    both = Holding("42", "A", ("1200345", "77", "388:57549"), frozenset({1}), face="x")
    failed = device.put([both], {"42": face})
    assert isinstance(failed["42"], HeldInPart)
    assert "card 388:57549 does not fit" in str(failed["42"])
    assert (sim.terminal.cards, set(sim.terminal.faces)) == ({"1200345": "42", "77": "42"}, {"42"})
    failed = device.put([replace(both, cards=("77", "388:57549"), doors=frozenset())], {})
    assert isinstance(failed["42"], HeldInPart)
    assert (sim.terminal.cards, sim.terminal.users["42"]["doorRight"]) == ({"77": "42"}, "")


@pytest.mark.parametrize("sub", ["badParameters", "deviceError"])
def test_a_name_that_is_refused_keeps_no_card_and_no_face_there(sim, console, face, sub):
    device = console()
    device.put([Holding("42", "A", ("1200345", "77"), frozenset({1}), face="x")], {"42": face})
    sim.terminal.faults.refusals.append(("UserInfo/SetUp", sub))
    failed = device.put([Holding("42", "Ж", ("77",), frozenset({1}))], {})
    assert [event["sub"] for event in sim.events.all() if event["event"] == "refused"] == [sub]
    assert "42" in failed
    assert "1200345" not in sim.terminal.cards
    assert sim.terminal.faces == {}
    # What only a name lacks is held in part; after anything else the core removes the person.
    assert isinstance(failed["42"], HeldInPart) == (sub == "badParameters")


def test_a_photo_that_is_none_and_a_card_of_somebody_else_block_no_removal(sim, console):
    device = console()
    device.put([Holding("1", "A", ("5",), frozenset({1})), Holding("2", "B", ("6", "7"), frozenset({1}))], {})
    failed = device.put([Holding("2", "B", ("5", "7"), frozenset({1}), face="x")], {"2": b"no photo"})
    assert isinstance(failed["2"], HeldInPart)
    assert "that card for another person" in str(failed["2"])
    assert sim.terminal.cards == {"5": "1", "7": "2"}


def test_older_firmware(sim, console, face):
    sim.terminal.faults.unsupported |= {"UserInfo/SetUp", "UserInfoDetail", "FDSetUp", "CardInfo/Record", "AcsCfg"}
    device = console()
    for _ in range(2):
        assert device.put([Holding("1", "A", ("5",), frozenset({1}), face="x")], {"1": face}) == {}
    assert [event["event"] for event in sim.events.all() if event["event"].startswith("user_")] == [
        "user_added",
        "user_changed",
    ]
    device.remove(["1"])
    assert (sim.terminal.users, sim.terminal.cards, sim.terminal.faces) == ({}, {}, {})
    assert device.check()["decides"] == "the console can't ask this box: it decides by itself"


def test_a_card_that_somebody_else_has_and_a_full_memory(console, sim):
    sim.terminal.capacity = 2
    device = console()
    assert device.capacity() == 2
    assert device.put([Holding("1", "A", ("5",)), Holding("2", "B")], {}) == {}
    assert "holds that card for another person" in str(device.put([Holding("2", "B", ("5",))], {})["2"])
    assert "is full" in str(device.put([Holding("3", "C")], {})["3"])


def put(device, face=b"", **more):
    """Badge 42 with a card and a face; what was refused, in words."""
    failed = device.put([Holding("42", "A", ("5",), frozenset({1}), face="x" if face else None, **more)], {"42": face})
    return {key: str(error) for key, error in failed.items()}


@pytest.mark.parametrize(
    ("page", "sub", "words"),
    [
        ("UserInfo/SetUp", "deviceUserAlreadyExist", None),
        ("UserInfo/SetUp", "employeeNoAlreadyExist", None),
        ("FDSetUp", "deviceUserAlreadyExistFace", None),
        ("FDSetUp", "alreadyExistThisFace", "this very face for another badge"),
        ("FDSetUp", "pictureFaceDetectZero", "clearer photo"),
        ("CardInfo/Record", "cardNoAlreadyExist", "that card for another person"),
        ("UserInfo/SetUp", "deviceUserFull", "is full"),
        ("UserInfo/SetUp", "badJsonFormat", "can't read the request"),
        ("UserInfo/SetUp", "badParameters", "refuses the content (badParameters)"),
        ("UserInfo/SetUp", "deviceError", "a fault of its own"),
        ("UserInfo/SetUp", "rebootRequired", "restarted first"),
        ("UserInfo/SetUp", "employeeNoNotExist", "does not hold that badge"),
        ("UserInfo/SetUp", "notSupport", None),
        ("CardInfo/Record", "invalidOperation", None),
        ("UserInfo/SetUp", "deviceBusy", None),
    ],
)
def test_each_no_of_a_console_is_met(sim, console, face, page, sub, words):
    device = console()
    put(device)  # is there already, so that "it exists" is true
    sim.terminal.faces["42"] = b"\xff\xd8 an old one"
    sim.terminal.cards.clear()
    sim.terminal.faults.refusals.append((page, sub))
    failed = put(device, face)
    said = [event for event in sim.events.all() if event["event"] in ("refused", "said_busy")]
    assert [(page in event["target"], event["sub"]) for event in said] == [(True, sub)]
    if words is None:
        assert failed == {}
        assert (sim.terminal.cards, sim.terminal.faces["42"][:3]) == ({"5": "42"}, b"\xff\xd8\xff")
    else:
        assert words in failed["42"]
        assert "\n" not in failed["42"]


def test_every_no_that_is_known_is_tried_here():
    tried = {mark.args[1][at][1] for mark in test_each_no_of_a_console_is_met.pytestmark for at in range(15)}
    elsewhere = {"deployExceedMax", "badXmlContent", "noMemory", "cardFull", "deviceCardFull", "deviceFaceFull"}
    elsewhere |= {"cardFullPerUser", "lowPrivilege", "faceLibraryNumError", "SubpicAnalysisModelingError"}
    elsewhere |= {"picFormatError", "beyondARGSRangeLimit"}  # test_sub_statuses.py and test_patience.py
    assert set(REFUSALS) - tried == elsewhere


def test_one_face_for_two_people_fails_the_second_with_why(sim, console, face):
    device = console()
    two = [Holding(badge, badge, face="x") for badge in ("1", "2")]
    failed = device.put(two, {"1": face, "2": face})
    assert list(failed) == ["2"]
    assert "enrolled wrongly" in str(failed["2"])
    assert list(sim.terminal.faces) == ["1"]


def test_many_people_page_by_page(sim, console):
    for number in range(95):
        sim.terminal.users[str(number)] = {"employeeNo": str(number), "name": "x"}
    device, keys, after, pages = console(), [], None, 0
    while pages == 0 or after is not None:
        page, after = device.held(after)
        keys += [holding.key for holding in page]
        pages += 1
    assert keys == [str(number) for number in range(95)]
    assert pages == 4
