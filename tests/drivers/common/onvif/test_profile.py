"""Setting a simulated device up over the wire: each setting read, refused where it is not offered, set, read back."""

import pytest

from devicemgr.domain.device_profile import Profile, Setting
from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import DeviceLacks, DeviceRefused, DeviceUnreachable
from drivers.onvif_door.driver import DRIVER as DOOR_DRIVER
from drivers.sim.onvif.simulator import DOOR, SimulatedOnvif

STREAM = {"codec": "h264", "width": 1920, "height": 1080, "fps": 10, "gop": 20, "bitrate": 2048}
EACH = {
    "ntp": (["192.0.2.1", "2001:db8::1", "ntp.example"], "not used"),
    "time_zone": ("<+05>-5", "UTC0"),
    "stream": (STREAM, None),
    "osd_text": ("Gate 1 <&>", ["CAMERA 1"]),
    "osd_clock": (True, False),
    "hostname": ("cam-lobby", "sim-1"),
    "discovery": (False, True),
    "https": (True, False),
}


@pytest.fixture
def desk(device, connect):
    """desk(**options) is the simulated camera, connected to be set up."""
    return lambda **options: connect(device, **options).settings()


def written(device):
    return [event["operation"] for event in device.events.all("switched")]


@pytest.mark.parametrize("kind", EACH)
@pytest.mark.parametrize("missing", [[], ["tr2"]], ids=["media2", "media1"])
def test_each_setting_is_read_set_and_read_back(device, desk, kind, missing):
    device.faults.missing = missing
    value, before = EACH[kind]
    found, wanted = desk(), Setting(kind, value)
    if before is not None:
        assert found.read(wanted) == before
    assert not wanted.is_met(found.read(wanted))
    assert device.writes == 0
    found.check(wanted)
    found.write(wanted)
    assert wanted.is_met(found.read(wanted))
    again = desk()
    assert wanted.is_met(again.read(wanted))


def test_what_the_device_holds_afterwards(device, desk):
    found = desk()
    for kind, (value, _) in EACH.items():
        found.write(Setting(kind, value))
    state = device.state
    assert (state.hostname, state.ntp, state.ntp_from_dhcp) == ("cam-lobby", EACH["ntp"][0], False)
    assert (state.time_source, state.timezone, state.discovery) == ("NTP", "<+05>-5", "NonDiscoverable")
    assert (state.protocols["HTTPS"], state.protocols["HTTP"]) == ((True, 443), (True, 80))
    main = state.encoders[0]
    assert (main.encoding, main.width, main.height, main.fps, main.gop, main.bitrate) == (
        "H264",
        1920,
        1080,
        10,
        20,
        2048,
    )
    assert state.encoders[1].width == 640, "the other profile's encoder is left alone"
    assert [(osd.kind, osd.text) for osd in state.osds] == [("Plain", "Gate 1 <&>"), ("DateAndTime", "")]


def test_time_from_dhcp_and_a_zone_by_another_name_is_the_same(device, desk):
    found = desk()
    found.write(Setting("ntp", "dhcp"))
    assert found.read(Setting("ntp", "dhcp")) == "dhcp"
    device.state.timezone = "ALMT-05:00:00"
    assert Setting("time_zone", "<+05>-5").is_met(found.read(Setting("time_zone", "<+05>-5")))
    assert not Setting("time_zone", "<+06>-6").is_met(found.read(Setting("time_zone", "")))


def test_a_clock_set_by_hand_keeps_being_so_and_gets_its_time_with_the_zone(device, desk):
    device.faults.clock_offset_s = -7200.0
    found = desk()
    found.write(Setting("time_zone", "CET-1CEST,M3.5.0,M10.5.0/3"))
    assert (device.state.time_source, device.state.timezone) == ("Manual", "CET-1CEST,M3.5.0,M10.5.0/3")


def test_a_clock_set_by_hand_is_not_set_by_a_clock_in_doubt(device, desk, monkeypatch):
    monkeypatch.setattr("drivers.common.onvif.provisioning.is_doubted", lambda: True)
    before = device.state.timezone
    with pytest.raises(DeviceRefused, match="in doubt"):
        desk().write(Setting("time_zone", "CET-1CEST,M3.5.0,M10.5.0/3"))
    assert device.state.timezone == before


def test_h265_by_media_service_2_and_not_by_1(device, desk):
    found, wanted = desk(), Setting("stream", {"codec": "h265"})
    found.write(wanted)
    assert device.state.encoders[0].encoding == "H265"
    device.state.encoders[0].encoding = "H264"
    device.faults.missing = ["tr2"]
    with pytest.raises(DeviceLacks, match=r"H\.265"):
        desk().check(wanted)


@pytest.mark.parametrize("missing", [[], ["tr2"]], ids=["media2", "media1"])
def test_from_h264_to_jpeg_and_back(device, desk, missing):
    device.faults.missing = missing
    for codec, encoding in (("jpeg", "JPEG"), ("h264", "H264")):
        wanted = Setting("stream", {"codec": codec, "fps": 15})
        found = desk()
        found.check(wanted)
        found.write(wanted)
        assert wanted.is_met(desk().read(wanted))
        assert device.state.encoders[0].encoding == encoding


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ({"width": 1280, "height": 721}, "1280x720"),
        ({"fps": 12}, "10"),
        ({"gop": 400}, "250"),
        ({"bitrate": 20}, "64"),
    ],
)
def test_a_value_that_is_not_offered_is_refused_with_the_nearest(device, desk, wanted, nearest):
    with pytest.raises(DeviceRefused, match=f"nearest is {nearest}: put that into the profile"):
        desk().check(Setting("stream", wanted))
    assert device.writes == 0


def test_an_option_names_the_media_profile(device, desk):
    desk(profile="profile-2").write(Setting("stream", {"fps": 5}))
    assert (device.state.encoders[0].fps, device.state.encoders[1].fps) == (25.0, 5.0)


def test_texts_are_taken_away_and_added(device, desk):
    desk().write(Setting("osd_text", "off"))
    assert device.state.osds == []
    desk().write(Setting("osd_text", "Lobby"))
    desk().write(Setting("osd_clock", True))
    assert Setting("osd_text", "Lobby").is_met(desk().read(Setting("osd_text", "Lobby")))
    desk().write(Setting("osd_clock", False))
    assert [osd.text for osd in device.state.osds] == ["Lobby"]


@pytest.mark.parametrize(
    ("kind", "operations"),
    [
        ("osd_text", ["GetOSDs"]),
        ("osd_clock", ["GetOSDs"]),
        ("ntp", ["GetNTP"]),
        ("hostname", ["GetHostname"]),
        ("discovery", ["GetDiscoveryMode"]),
        ("https", ["GetNetworkProtocols"]),
        ("user", ["GetUsers"]),
        ("password", ["GetUsers"]),
        ("stream", ["GetVideoEncoderConfigurations"]),
    ],
)
def test_what_the_device_does_not_have_is_no_failure(device, desk, kind, operations):
    device.faults.lacking = operations
    with pytest.raises(DeviceLacks):
        desk().read(Setting(kind, "user", "viewer"))


def test_a_set_that_is_not_there(device, desk):
    device.faults.lacking = ["SetHostname"]
    with pytest.raises(DeviceLacks):
        desk().write(Setting("hostname", "cam-lobby"))
    device.state.hostname_from_dhcp = True
    device.faults.lacking = ["SetHostnameFromDHCP"]
    desk().write(Setting("hostname", "cam-lobby"))
    assert (device.state.hostname, device.state.hostname_from_dhcp) == ("cam-lobby", False)


def test_a_device_without_https(device, desk):
    del device.state.protocols["HTTPS"]
    with pytest.raises(DeviceLacks, match="no HTTPS"):
        desk().read(Setting("https", True))


def test_users_are_made_and_changed(device, desk):
    found = desk()
    assert found.read(Setting("user", "operator", "viewer")) is None
    found.write(Setting("user", "operator", "viewer", "Secret1234567890"))
    assert found.read(Setting("user", "operator", "viewer")) == "operator"
    found.write(Setting("user", "user", "viewer", "Another123456789"))
    assert device.state.users["viewer"].password == "Another123456789"
    assert device.state.users["viewer"].level == "User"
    assert written(device) == ["CreateUsers", "SetUser"]


@pytest.mark.parametrize("auth", ["token", "digest"])
def test_the_own_password_is_changed_and_the_level_kept(device, connect, auth):
    device.auth = auth
    device.state.users["admin"].level = "Operator"
    connect(device).settings().write(Setting("password", True, secret="Secret1234567890"))
    assert (device.state.users["admin"].password, device.state.users["admin"].level) == ("Secret1234567890", "Operator")
    with pytest.raises(DeviceRefused):
        connect(device).settings()
    connect(device, "Secret1234567890").settings()


def test_a_lost_answer_says_so_and_is_not_sent_again(device, desk):
    found = desk()
    device.faults.lose_answer = "SetUser"
    with pytest.raises(DeviceUnreachable):
        found.write(Setting("password", True, secret="Secret1234567890"))
    assert device.writes == 1
    assert [e["operation"] for e in device.events.all("injected")] == ["SetUser"]


def test_the_password_of_a_device_without_user(device):
    device.auth = "none"
    with SimulatedOnvif(DOOR, auth="none") as door:
        made = DOOR_DRIVER.build(DeviceConfig("1", "door", "onvif_door", door.address))
        found = made.settings()
        with pytest.raises(DeviceLacks, match="without a user"):
            found.read(Setting("password", True))
        made.close()


def test_a_door_controller_has_no_video():
    with SimulatedOnvif(DOOR) as door:
        made = DOOR_DRIVER.build(DeviceConfig("1", "door", "onvif_door", door.address, "admin", "admin"))
        found = made.settings()
        found.write(Setting("hostname", "door-1"))
        assert door.state.hostname == "door-1"
        for kind in ("stream", "osd_text", "osd_clock"):
            with pytest.raises(DeviceLacks, match="no video"):
                found.read(Setting(kind, "off"))
        made.close()


def test_a_wrong_password_ends_before_anything_is_asked(device, connect):
    with pytest.raises(DeviceRefused, match="password"):
        connect(device, "wrong").settings()
    assert len(device.events.all("refused")) <= 2


def test_secrets_are_in_no_repr():
    assert "Secret" not in repr(Setting("password", True, secret="Secret1234567890"))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"hostname": "a b"},
        {"ntp": []},
        {"ntp": ["a b"]},
        {"time_zone": "Asia/Almaty"},
        {"stream": {"width": 640}},
        {"users": [{"name": "a"}, {"name": "A"}]},
        {"osd": {"text": "a\nb"}},
        {"users": [{"name": "a:b"}]},
        {"colour": 1},
        {"stream": {"codec": "av1"}},
    ],
)
def test_a_profile_that_makes_no_sense(wrong):
    with pytest.raises(ValueError, match="Profile"):
        Profile.model_validate(wrong)


def test_the_order_in_which_things_are_set():
    profile = Profile.model_validate(
        {
            "https": True,
            "replace_default_password": True,
            "users": [{"name": "viewer"}],
            "hostname": "{name}",
            "stream": {"fps": 10},
            "osd": {"text": "At {name}", "clock": "off"},
            "discovery": "off",
            "ntp": "dhcp",
            "time_zone": "UTC0",
        }
    )
    assert [(s.name, s.value) for s in profile.settings("cam_1")] == [
        ("ntp", "dhcp"),
        ("time_zone", "UTC0"),
        ("stream", {"fps": 10.0}),
        ("osd_text", "At cam_1"),
        ("osd_clock", False),
        ("hostname", "cam-1"),
        ("discovery", False),
        ("user viewer", "user"),
        ("password", True),
        ("https", True),
    ]
    assert Profile.model_validate(profile.stated()) == profile
