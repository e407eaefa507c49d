"""A person is read back patiently: faces that appear late, counts left out, times to the minute, names that are cut.

From field reports (DEVICE_FACTS section 7): a face is readable 3 to 6 s after it was set; numOfFace may be absent;
times may be kept to the minute; 24:00:00 and 23:59:59 are one end; names hold 32 bytes on a K1T321, cut in silence or
refused with beyondARGSRangeLimit; faces of 135 by 189 pixels were refused there and taken at twice that size.
"""

import io
from datetime import UTC, datetime

import pytest
from PIL import Image

from devicemgr.domain.ports.device import Holding
from devicemgr.errors import DeviceRefused
from drivers.hikvision_console.users.faces import fitted

LONG = "Александра-Константинопольская Верхнеудинская"


def person(**more):
    return Holding("42", **({"name": "A", "cards": ("5",), "doors": frozenset({1})} | more))


@pytest.mark.parametrize("face_count", [True, False], ids=["counted", "not counted"])
def test_a_face_that_appears_late_is_there(sim, console, face, face_count, monkeypatch):
    sim.terminal.faults.face_seconds, sim.terminal.faults.face_count = 1.0, face_count
    device = console()
    assert device.put([person(face="x")], {"42": face}) == {}
    assert not sim.terminal.has_readable_face("42")
    assert [holding.face for holding in device.held(None)[0]] == [""]
    monkeypatch.setattr(sim.terminal.faults, "face_seconds", 0.0)
    assert [holding.face for holding in device.held(None)[0]] == [""]
    sim.terminal.faces.clear()
    assert [holding.face for holding in device.held(None)[0]] == [None]


def test_a_face_that_never_appears_is_missed(sim, console, face, monkeypatch):
    monkeypatch.setattr("drivers.hikvision_console.users.users._FACE_APPEARS_S", 0.0)
    sim.terminal.faults.face_seconds = 60.0
    device = console()
    refused = device.put([person(face="x")], {"42": face})
    assert "face" in str(refused["42"])
    assert [holding.face for holding in device.held(None)[0]] == [None]


def test_a_face_that_was_taken_back_is_gone_at_once(sim, console, face):
    sim.terminal.faults.face_seconds = 60.0
    device = console()
    assert device.put([person(face="x")], {"42": face}) == {}
    assert device.put([person()], {}) == {}
    assert [holding.face for holding in device.held(None)[0]] == [None]
    assert sim.terminal.faces == {}


def test_without_a_count_the_library_says_who_has_a_face(sim, console, face):
    sim.terminal.faults.face_count = False
    device = console()
    assert device.put([person(face="x"), Holding("7", "B")], {"42": face}) == {}
    assert {holding.key: holding.face for holding in device.held(None)[0]} == {"42": "", "7": None}


@pytest.mark.parametrize(
    "end", [datetime(2027, 3, 1, 18, 30, 45, tzinfo=UTC), datetime(2027, 3, 1, 23, 59, 59, tzinfo=UTC)]
)
def test_times_to_the_minute_are_ours(sim, console, end):
    sim.terminal.faults.keeps_seconds = False
    device = console()
    assert device.put([person(valid_to=end)], {}) == {}
    assert sim.terminal.users["42"]["Valid"]["endTime"].endswith(":00")


def test_the_end_of_a_day_has_two_names(sim, console):
    device = console()
    end = datetime(2027, 3, 1, 23, 59, 59, tzinfo=UTC)
    assert device.put([person(valid_to=end)], {}) == {}
    sim.terminal.users["42"]["Valid"]["endTime"] = "2027-03-01T24:00:00"
    assert [holding.valid_to for holding in device.held(None)[0]] == [end]


def test_another_minute_is_another_time(sim, console):
    device = console()
    store = sim._pages._store_user

    def shifted(body, *, new):
        return store(body.replace(b"18:30", b"18:31"), new=new)

    sim._pages._pages["PUT", "/ISAPI/AccessControl/UserInfo/SetUp"] = lambda body: shifted(body, new=None)
    refused = device.put([person(valid_to=datetime(2027, 3, 1, 18, 30, tzinfo=UTC))], {})
    assert "validity" in str(refused["42"])


@pytest.mark.parametrize("cuts", [False, True])
def test_a_name_as_long_as_its_capabilities_say(sim, console, cuts):
    sim.terminal.faults.name_bytes, sim.terminal.faults.cuts_names = 32, cuts
    device = console()
    assert device.put([person(name=LONG)], {}) == {}
    assert 28 <= len(sim.terminal.users["42"]["name"].encode()) <= 32
    assert not sim.events.all("refused")


def test_a_name_that_it_cuts_in_silence_is_ours(sim, console):
    """Its capabilities say another length than it keeps."""
    sim.terminal.faults.name_bytes, sim.terminal.faults.cuts_names = 32, True
    device = console(name_bytes=128)
    assert device.put([person(name=LONG)], {}) == {}
    assert sim.terminal.users["42"]["name"].endswith("\ufffd"), "in the middle of a letter"


def test_a_name_that_is_refused_is_sent_shorter(sim, console):
    sim.terminal.faults.name_bytes = 32
    device = console(name_bytes=128)
    assert device.put([person(name=LONG)], {}) == {}
    assert len(sim.terminal.users["42"]["name"].encode()) <= 32
    assert LONG.startswith(sim.terminal.users["42"]["name"])


def test_another_name_is_no_cut_one(sim, console):
    sim.terminal.faults.name_bytes, sim.terminal.faults.cuts_names = 8, True
    device = console(name_bytes=128)
    assert "name" in str(device.put([person(name="Anna Lee Miller")], {})["42"])


def jpeg(width, height, **how):
    held = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(held, "JPEG", **how)
    return held.getvalue()


@pytest.mark.parametrize("size", [(135, 189), (112, 112), (300, 400), (2000, 3000), (4000, 500)])
def test_face_samples_are_large_enough_and_plain(sim, console, size):
    sim.terminal.faults.min_face_pixels = 300
    device = console()
    assert device.put([person(face="x")], {"42": jpeg(*size, progressive=True, subsampling="4:4:4")}) == {}
    photo = sim.terminal.faces["42"]
    with Image.open(io.BytesIO(photo)) as stored:
        assert min(stored.size) >= 480
        assert not stored.info.get("progressive")
        assert [sampling[1:3] for sampling in stored.layer] == [(2, 2), (1, 1), (1, 1)], "4:2:0"
    assert len(photo) <= 200_000
    assert b"\xff\xc2" not in photo[:1000], "baseline"


def test_what_is_no_picture_is_refused_in_words():
    with pytest.raises(DeviceRefused, match="can't be read"):
        fitted(b"no photo")
