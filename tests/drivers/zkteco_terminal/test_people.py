"""People, cards and faces on a simulated terminal: put, read back field by field, removed, read out."""

import io
from datetime import UTC, datetime

import pytest
from PIL import Image

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceRefused, DeviceUnreachable, HeldInPart, NotVerifiable
from drivers.zkteco_terminal import people

ANNA = Holding("1001", "Әлия Ким", ("5301280",), frozenset({1}))


@pytest.fixture(scope="module")
def photo():
    held = io.BytesIO()
    Image.new("RGB", (320, 400), "gray").save(held, "JPEG")
    return held.getvalue()


def everybody(device):
    found, after = device.held(None)
    while after is not None:
        more, after = device.held(after)
        found += more
    return {holding.key: holding for holding in found}


def test_a_person_is_put_read_back_and_read_out(opened, photo):
    device, sim = opened(faces=True)
    holding = Holding(
        "1001", "Әлия Ким", ("5301280",), frozenset({1}), datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC), face="abc",
    )  # fmt: skip
    assert device.put([holding], {"1001": photo}) == {}
    (user,) = sim.tables.user
    assert (user["name"], user["privilege"], user["cardno"]) == ("Әлия Ким", "0", "5301280")
    assert sim.tables.userauthorize == [{"pin": "1001", "authorizetimezoneid": "1", "authorizedoorid": "1"}]
    assert sim.tables.biophoto[0]["type"] == "9"
    held = everybody(device)["1001"]
    assert (held.cards, held.doors, held.face) == (("5301280",), frozenset({1}), "")
    assert (held.valid_from, held.valid_to) == (holding.valid_from, holding.valid_to)
    assert sim.person("1001")


def test_what_must_go_goes(opened, photo):
    device, sim = opened({"several_cards": True}, faces=True)
    sim.parameters["MulCardUserFunOn"] = "1"
    both = Holding("1001", "A", ("5301280", "77"), frozenset({1}), face="abc")
    assert device.put([both], {"1001": photo}) == {}
    assert {row["cardno"] for row in sim.tables.mulcarduser} == {f"{5301280:X}", "4D"}
    assert device.put([Holding("1001", "A", ("77",), frozenset())], {}) == {}
    assert [row["cardno"] for row in sim.tables.mulcarduser] == ["4D"]
    assert sim.tables.userauthorize == []
    assert sim.tables.biophoto == []
    assert sim.tables.biodata == []
    assert not sim.person("1001")


def test_a_second_card_is_said_where_it_keeps_one(opened):
    device, sim = opened()
    failed = device.put([Holding("1001", "A", ("77", "78"), frozenset({1}))], {})
    assert isinstance(failed["1001"], HeldInPart)
    assert "one card a person" in str(failed["1001"])
    assert len(sim.tables.user) == 1


def test_a_person_is_removed_with_all_that_is_theirs(opened, photo):
    device, sim = opened(faces=True)
    device.put([Holding("1001", "A", ("77",), frozenset({1}), face="abc"), Holding("1002", "B")], {"1001": photo})
    device.remove(["1001", "gone"])
    assert [row["pin"] for row in sim.tables.user] == ["1002"]
    assert sim.tables.userauthorize + sim.tables.biophoto + sim.tables.biodata == []


@pytest.mark.parametrize(("table", "only_faces"), [("biophoto", True), ("biodata", True), ("userauthorize", False)])
def test_what_cannot_be_read_out_is_a_third_answer(opened, table, only_faces):
    device, sim = opened()
    device.put([ANNA], {})
    sim.tables.unread.add(table)
    with pytest.raises(NotVerifiable, match=table) as caught:
        device.remove(["1001"])
    assert caught.value.only_faces is only_faces
    assert sim.tables.user == []


def test_a_person_who_stays_is_a_refusal(opened, monkeypatch):
    device, sim = opened()
    device.put([ANNA], {})
    monkeypatch.setattr(sim.tables, "delete", lambda name, condition: 0)
    with pytest.raises(DeviceRefused, match="still holds 1001"):
        device.remove(["1001"])


@pytest.mark.parametrize("field", ["endtime", "starttime", "privilege"])
def test_a_field_that_it_keeps_otherwise_is_a_refusal(opened, field):
    device, sim = opened()
    day = datetime(2026, 5, 1, tzinfo=UTC)
    sim.tables.user.append({"pin": "1001", "privilege": "14", "starttime": "5", "endtime": "5"})
    sim.tables.ignored.add(field)
    failed = device.put([Holding("1001", "A", (), frozenset({1}), day, datetime(2027, 5, 1, tzinfo=UTC))], {})
    assert field in str(failed["1001"])


def test_a_right_under_other_hours_is_a_difference(opened):
    device, sim = opened()
    device.put([ANNA], {})
    sim.tables.userauthorize.append({"pin": "1001", "authorizetimezoneid": "2", "authorizedoorid": "1"})
    assert everybody(device)["1001"].hours == ((1, "rule 2"),)


def test_a_busy_terminal_is_asked_again_within_the_deadline(opened):
    device, sim = opened()
    sim.faults.busy = 2
    assert device.put([ANNA], {}) == {}
    assert len(sim.events.all("fault")) == 2


def test_a_full_terminal_says_so(opened):
    device, sim = opened()
    sim.tables.capacity = 1
    failed = device.put([ANNA, Holding("1002", "B", (), frozenset({1}))], {})
    assert list(failed) == ["1002"]
    assert "its memory is full" in str(failed["1002"])


def test_a_photo_that_it_refuses_leaves_the_person(opened, photo):
    device, sim = opened(faces=True)
    sim.tables.photo_error = -12
    failed = device.put([Holding("1001", "A", (), frozenset({1}), face="abc")], {"1001": photo})
    assert isinstance(failed["1001"], HeldInPart)
    assert "refuses the face" in str(failed["1001"])
    assert sim.person("1001")


def test_a_badge_that_is_no_user_id_says_so(opened):
    device, sim = opened()
    device._uploads.parameters["StringPinFunOn"] = "0"
    failed = device.put([Holding("A-1", "A", (), frozenset({1}))], {})
    assert "another badge number" in str(failed["A-1"])
    assert sim.tables.user == []


def test_a_terminal_that_answers_nothing_is_unreachable(opened, monkeypatch):
    monkeypatch.setattr(people, "CALL_S", 0.5)
    device, sim = opened()
    sim.faults.mute = True
    with pytest.raises(DeviceUnreachable, match="has not answered"):
        device.put([ANNA], {})


def test_a_time_rule_that_is_not_always_open_keeps_people_out(opened):
    device, sim = opened()
    sim.tables.timezone[0]["sattime1"] = "0"
    device.open()
    assert "is not open at all times" in device.complaint
    failed = device.put([ANNA], {})
    assert "always_rule" in str(failed["1001"])
    assert sim.tables.user == []


def test_a_time_rule_that_cannot_be_read_is_said(opened):
    device, sim = opened()
    sim.tables.unread.add("timezone")
    device.open()
    assert "can't be read" in device.complaint


def test_a_template_that_stays_when_its_photo_went_is_a_face_that_stays(opened, monkeypatch):
    device, sim = opened()
    sim.tables.biodata.append({"pin": "1001", "type": "9"})
    delete = sim.tables.delete
    monkeypatch.setattr(sim.tables, "delete", lambda name, what: 0 if name == "biodata" else delete(name, what))
    assert "still holds a face" in str(device.put([ANNA], {})["1001"])


def test_templates_that_are_not_read_out_leave_a_face_in_doubt(opened):
    device, sim = opened()
    sim.tables.unread.add("biodata")
    refused = device.put([ANNA], {})["1001"]
    assert isinstance(refused, NotVerifiable)
    assert refused.only_faces
