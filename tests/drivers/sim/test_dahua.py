"""The simulated terminal itself: its bytes, and its commands for people."""

import json

import pytest

from devicemgr.errors import DeviceBusy, InvalidInput
from drivers.sim.dahua.console import SimulatedDahua, picture
from drivers.sim.dahua.memory import BadRequest, People, Records
from drivers.sim.dahua.run import obey
from drivers.sim.dahua.streams import HEARTBEAT, News, event_body, snap_parts, text_part


def test_its_heartbeat_and_events_in_bytes():
    assert HEARTBEAT == b"--myboundary\r\nContent-Type: text/plain\r\nContent-Length:9\r\n\r\nHeartbeat\r\n\r\n"
    news = News("AccessControl", "Pulse", 0, {"UserID": "42", "Status": 1})
    assert event_body(news) == (
        b'Code=AccessControl;action=Pulse;index=0;data={\n   "UserID": "42",\n   "Status": 1\n}\n'
    )
    assert text_part(b"x", mixed=True).count(b"\r\n") < text_part(b"x").count(b"\r\n")


def test_pictures_come_end_to_end_in_one_part():
    one, two = picture(), picture((9, 9))
    sent = snap_parts(News("AccessControl", "Pulse", 0, {"UserID": "42"}, (one, two)))
    assert sent.count(b"--myboundary\r\n") == 2
    assert f"Events[0].ImageInfo[1].Offset={len(one)}\r\n".encode() in sent
    assert one + two in sent


@pytest.mark.parametrize(
    ("do", "rows"),
    [
        ("insert_users", [{"UserID": "1"}]),
        ("insert_users", []),
        ("insert_users", [{"UserID": str(n)} for n in range(2, 13)]),
        ("insert_users", [{"UserID": "2"}, {"UserID": "1"}]),
        ("insert_users", [{"UserID": 2}]),
        ("update_users", [{"UserID": "2"}]),
        ("insert_cards", [{"UserID": "1", "CardNo": "ab"}]),
        ("insert_cards", [{"UserID": "2", "CardNo": "AB"}]),
        ("remove_users", []),
    ],
)
def test_a_batch_that_can_t_be_carried_out_changes_nothing(do, rows):
    people = People(5)
    people.insert_users([{"UserID": "1"}])
    with pytest.raises(BadRequest):
        getattr(people, do)(rows)
    assert (list(people.users), people.cards) == (["1"], {})


def test_records_are_found_oldest_first():
    records = Records()
    for second in (30, 10, 20, 20):
        records.add({"CreateTime": second})
    assert [row["RecNo"] for row in records.find(0, 100, 10)] == [2, 3, 4, 1]
    assert [row["RecNo"] for row in records.find(20, 30, 2)] == [3, 4]


def test_commands_of_a_trainer():
    with SimulatedDahua(doors=2) as sim:
        sim.people.insert_users([{"UserID": "42"}, {"UserID": "43"}])
        sim.people.faces["42"] = b"a face"
        obey(sim, "someone 43")
        assert sim.events.all("unlocked") == []
        for line in (
            "someone 42 2",
            "stranger",
            "card AB",
            "door 2 open",
            "alarm BreakIn",
            "fault lost 2",
            "skew 90",
            "remember 5",
            "full",
            "locked yes",
            "lose",
            "deflate on",
            "state",
            "forget",
        ):
            obey(sim, line)
        assert sim.events.all("unlocked")[0]["channel"] == 2
        state = sim.events.all("state")[0]
        assert (state["users"], state["records"]) == (2, 9)
        json.dumps(sim.events.all())


@pytest.mark.parametrize(
    "line", ["", "dance", "someone", "fault nosuch", "door x open", "door 9 open", "skew soon", "alarm X"]
)
def test_a_wrong_command_says_which_there_are(line):
    with SimulatedDahua() as sim, pytest.raises(InvalidInput, match=r"commands are|there are|doors are"):
        obey(sim, line)


def test_a_taken_port_is_one_line():
    with SimulatedDahua() as sim, pytest.raises(DeviceBusy, match="give another"):
        SimulatedDahua(port=sim.server.server_port)
