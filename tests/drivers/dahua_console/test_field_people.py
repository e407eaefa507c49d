"""People, cards and faces on terminals of the field, and how many requests they cost; sources in peers/base.py."""

import re

import pytest

from devicemgr.domain.model import Direction
from devicemgr.errors import DeviceUnreachable, HeldInPart, InvalidInput
from tests.drivers.dahua_console.peers.memory import Asi7213y
from tests.drivers.dahua_console.peers.people import NewerTerminal, OneRow, Ss5531
from tests.drivers.dahua_console.test_console import everything, jpeg, person

TEN = [str(number) for number in range(1, 11)]


def ten(first_card, face="x"):
    return [person(key, f"Person {key}", [str(first_card + int(key))], face=face) for key in TEN]


def faces(shade=0):
    return {key: jpeg((300, 400), red=10 * int(key) + shade) for key in TEN}


class OneUse(NewerTerminal):
    one_use_nonces = True


@pytest.mark.parametrize("kind", [NewerTerminal, OneUse, Ss5531])
def test_ten_people_cost_a_handful_of_requests(build, kind):
    """0.1.0: 78 requests to add ten people, 140 to replace their cards and faces, 146 to remove them."""
    counts = []
    with kind() as terminal:
        device = build(terminal.address)
        assert device.put(ten(1000), faces()) == {}
        assert (len(terminal.users), len(terminal.cards), len(terminal.faces)) == (10, 10, 10)
        counts.append(len(terminal.requests))
        assert device.put(ten(2000), faces(5)) == {}
        assert sorted(terminal.cards) == sorted(f"{2000 + int(key):08X}" for key in TEN)
        counts.append(len(terminal.requests) - sum(counts))
        device.remove(TEN)
        assert (terminal.users, terminal.cards, terminal.faces) == ({}, {}, {})
        counts.append(len(terminal.requests) - sum(counts))
    print(f"\n{kind.__name__}: {counts} requests to add, replace and remove ten people")
    assert max(counts) <= 40
    assert all(len(re.findall(r"List\[\d+\]", target)) <= 10 for target in terminal.targets())


def test_in_a_large_terminal_only_those_people_are_looked_at(build):
    with NewerTerminal() as terminal:
        others = {f"other{n}": {"UserID": f"other{n}", "CardNo": f"{n + 9000:08X}"} for n in range(3000)}
        terminal.users = dict(others)
        terminal.cards = {row["CardNo"]: row for row in others.values()}
        device = build(terminal.address)
        assert device.put(ten(1000), faces()) == {}
        assert device.put(ten(2000), faces(5)) == {}
        device.remove(TEN)
        assert len(terminal.requests) < 250
        assert (len(terminal.users), len(terminal.cards)) == (3000, 3000)


def test_a_mixed_batch_is_parted_by_what_is_known_to_be_there(build):
    with NewerTerminal() as terminal:
        device = build(terminal.address)
        device.put(ten(1000)[:5], faces())
        everything(device)
        terminal.requests.clear()
        assert device.put(ten(1000), faces()) == {}
        assert len(terminal.users) == 10
        assert len(terminal.targets("AccessUser.cgi?action=insertMulti")) == 1
        assert len(terminal.targets("AccessUser.cgi?action=updateMulti")) == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (288686087, "no face in the photo"),
        (286064923, "too large"),
        (288686092, "another person's there"),
        (286064922, "can't extract a face"),
        (999999999, "unknown cause (code 999999999)"),
    ],
)
def test_a_refused_face_is_told_by_its_fail_code(build, code, words):
    with Ss5531() as terminal:
        terminal.photo_faults = {"3": code}
        failed = build(terminal.address).put(ten(1000), faces())
        assert list(failed) == ["3"]
        assert isinstance(failed["3"], HeldInPart)
        assert words in str(failed["3"])
        assert str(code) in str(failed["3"])
        assert sorted(terminal.faces) == sorted(set(TEN) - {"3"})
        # A fault of the photo is no reason to send it as a change.
        assert not any("updateMulti" in target for target in terminal.targets("AccessFace"))


def test_a_card_of_another_person_is_told_by_its_code_and_stays_theirs(build):
    with Ss5531() as terminal:
        terminal.users["99"] = {"UserID": "99"}
        terminal.cards["000003E9"] = {"UserID": "99", "CardNo": "000003E9"}
        failed = build(terminal.address).put(ten(1000), {})
        assert "another person (code 286064930)" in str(failed["1"])
        assert terminal.cards["000003E9"]["UserID"] == "99"
        assert len(terminal.cards) == 10


def test_a_full_terminal_says_so_by_its_code(build):
    with Ss5531() as terminal:
        terminal.AccessUser = lambda query, body: (
            terminal.refuse(286064912) if body else NewerTerminal.AccessUser(terminal, query, body)
        )
        failed = build(terminal.address).put([person("1", "Айгүл")], {})
        assert "memory is full" in str(failed["1"])
        assert len(terminal.targets("insertMulti")) == 1


@pytest.mark.parametrize("can_update", [False, True])
def test_a_replaced_card_does_not_cost_the_face(build, can_update):
    with OneRow() as terminal:
        terminal.can_update = can_update
        device = build(terminal.address)
        assert device.put(ten(1000), faces()) == {}
        assert sorted(terminal.faces) == sorted(TEN)
        assert device.put(ten(2000), faces()) == {}
        assert sorted(terminal.faces) == sorted(TEN)
        assert sorted(row["CardNo"] for row in terminal.rows.values()) == sorted(
            f"{2000 + int(key):08X}" for key in TEN
        )


def test_a_face_that_went_with_its_row_is_asked_for_again(build):
    with OneRow() as terminal:
        device = build(terminal.address)
        device.put([person("1", cards=["1001"], face="x")], {"1": jpeg()})
        failed = device.put([person("1", cards=["1002"], face="x")], {})
        assert isinstance(failed["1"], HeldInPart)
        assert "sent again" in str(failed["1"])
        assert device.put([person("1", cards=["1002"], face="x")], {"1": jpeg()}) == {}
        assert list(terminal.faces) == ["1"]


def test_one_row_a_person_keeps_one_card_and_says_which_is_left_out(build):
    with OneRow() as terminal:
        device = build(terminal.address)
        failed = device.put([person("1", cards=["1001", "1002"], face="x")], {"1": jpeg()})
        assert isinstance(failed["1"], HeldInPart)
        assert "one card a person" in str(failed["1"])
        assert [row["CardNo"] for row in terminal.rows.values()] == ["000003E9"]
        assert list(terminal.faces) == ["1"]
        # The lost card goes, and the other takes its place.
        assert device.put([person("1", cards=["1002"], face="x")], {"1": jpeg()}) == {}
        assert [row["CardNo"] for row in terminal.rows.values()] == ["000003EA"]
        assert list(terminal.faces) == ["1"]


def test_a_card_that_is_another_persons_leaves_the_person_and_the_face(build):
    with OneRow() as terminal:
        device = build(terminal.address)
        device.put([person("1", cards=["1001"], face="x"), person("9", cards=["1009"])], {"1": jpeg()})
        failed = device.put([person("1", cards=["1009"], face="x")], {"1": jpeg()})
        assert isinstance(failed["1"], HeldInPart)
        assert "286064930" in str(failed["1"])
        assert {(row["UserID"], row["CardNo"]) for row in terminal.rows.values()} == {("1", ""), ("9", "000003F1")}
        assert list(terminal.faces) == ["1"]


def test_a_table_of_more_rows_than_one_answer_shows_is_read_whole(build):
    with OneRow() as terminal:
        find = terminal.recordFinder

        def capped(query, body):
            return find(query | ({"count": str(min(int(query["count"]), 1024))} if "count" in query else {}), body)

        terminal.recordFinder = capped
        for number in range(1300):
            terminal.insert({"UserID": f"u{number}", "CardName": "", "CardNo": "", "Doors[0]": "0"})
        assert len(everything(build(terminal.address))) == 1300


@pytest.mark.parametrize("place", ["AccessControlGeneral.CardStoreFormat", "AccessControl[0].CardStoreFormat"])
def test_decimal_cards_are_written_and_read_as_decimals(build, place):
    """CardStoreFormat 1 is decimal, 0 hexadecimal: GoFacialEmulator, config_store.go; DEVICE_FACTS §7."""
    with NewerTerminal() as terminal:
        terminal.config[place] = "1"
        device = build(terminal.address, stream=False)
        device.open()
        assert device.put([person("1", cards=["317337604", "80:58400"])], {}) == {}
        assert sorted(terminal.cards) == ["317337604", "5301280"]
        assert everything(device)["1"].cards == ("317337604", "5301280")
        assert device.put([person("1", cards=["5301280"])], {}) == {}
        assert list(terminal.cards) == ["5301280"]
        assert device.check()["cards"] == "decimal"


class ReadOnly(NewerTerminal):
    """ASI3213A-W, firmware 3.000.0000000.2.R: every write of people is 400 (public client of the vendor's readers)."""

    def _answer(self, handler, body):
        if re.search(r"insert|update|remove", handler.path):
            return 400, "Error\r\nBad Request!\r\n"
        return super()._answer(handler, body)


@pytest.mark.parametrize(("model", "named_at_once"), [("DHI-ASI3213A-W", True), ("ASI0000", False)])
def test_firmware_without_write_cgis_is_named(build, model, named_at_once):
    with ReadOnly() as terminal:
        terminal.model = model
        device = build(terminal.address, stream=False)
        device.open()
        assert ("CGIs" in device.check().get("people", "")) is named_at_once
        failed = device.put([person("1", cards=["1001"])], {})
        assert "CGIs" in str(failed["1"])
        assert "CGIs" in device.check()["people"]


def test_a_terminal_that_dies_of_quick_requests_is_paced(build):
    class Brief(Asi7213y):
        quick_s = 0.1
        requests_taken = 10

    with Brief() as terminal:
        device = build(terminal.address, stream=False, pace_ms=100, timezone="UTC")
        device.open()
        for _ in range(12):
            device.check()
        assert len(terminal.requests) > 2 * Brief.requests_taken
    with Brief() as terminal:
        terminal.quick = Brief.requests_taken  # as many as that have come already
        device = build(terminal.address, stream=False, timezone="UTC")
        with pytest.raises(DeviceUnreachable):
            device.open()


def test_a_release_does_not_wait_for_its_turn(build, monkeypatch):
    with NewerTerminal() as terminal:
        device = build(terminal.address, stream=False, pace_ms=1000)
        assert device.batch == 1
        slept = []
        monkeypatch.setattr("drivers.common.http.client.time.sleep", slept.append)
        for _ in range(5):
            device.release(1, Direction.ENTRY, 3)
        assert (len(terminal.targets("openDoor")), sum(slept)) == (5, 0)


def test_without_a_stream_the_terminal_takes_other_connections(build, collect):
    with Asi7213y() as terminal:
        terminal.quick_s = 0.0
        terminal.remember(3)
        device = build(terminal.address, stream=False, timezone="UTC")
        device.open()
        assert [fact.serial for fact in collect(device, 3)] == [546_823, 546_824, 546_825]
        assert terminal.targets("attach") == []
        assert "stream=false" in device.check()["events"]
    with Asi7213y() as terminal:
        terminal.quick_s = 0.0
        device = build(terminal.address, snapshots=True, timezone="UTC")
        device.open()
        device._stream.attached.wait(10)
        with pytest.raises(DeviceUnreachable, match="set stream=false"):
            device.check()
        assert terminal.refused


def test_pictures_need_a_stream(build):
    with pytest.raises(InvalidInput, match="stream=false"):
        build("http://127.0.0.1:9", stream=False, snapshots=True)
