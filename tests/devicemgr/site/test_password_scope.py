"""A kept password goes to the place that it was given for, through whatever a technician may change."""

from dataclasses import replace

import pytest

from devicemgr.domain.model import DeviceConfig
from devicemgr.errors import InvalidInput
from devicemgr.site.password_scope import GUARD, is_kept_place, require_again
from devicemgr.store.site import devices as device_store, provisioning
from drivers import Catalog
from tests.support.hints import hint_of

KEPT = "only-the-cameras-1"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("http://192.0.2.1", "http://192.0.2.1:80"),
        ("http://192.0.2.1", "http://192.0.2.1/onvif/device_service"),
        ("http://192.0.2.1", "https://192.0.2.1"),
        ("http://192.0.2.1:8000", "https://192.0.2.1:8000"),
        ("rtsp://CAM.example./a", "rtsp://cam.example/b?x"),
        ("rtsp://[2001:db8::1]/a", "rtsp://[2001:db8:0::1]:554/a"),
        ("/dev/ttyUSB0", "serial:/dev/ttyUSB1?baudrate=9600"),
        ("file:/a.mp4", "file:/b.mp4"),
    ],
)
def test_the_same_place(before: str, after: str) -> None:
    assert is_kept_place(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("http://192.0.2.1", "http://192.0.2.66"),
        ("http://192.0.2.1", "http://192.0.2.1:8080"),
        ("http://192.0.2.1:8080", "https://192.0.2.1:8443"),
        ("https://192.0.2.1", "http://192.0.2.1"),
        ("https://192.0.2.1:8443", "http://192.0.2.1:8443"),
        ("rtsps://192.0.2.1/a", "rtsp://192.0.2.1:322/a"),
        ("rtsp://192.0.2.1/a", "http://192.0.2.1/a"),
        ("http://cam.example", "http://cam.example.evil.example"),
        ("http://192.0.2.1", "http://[2001:db8::66]"),
        ("/dev/ttyUSB0", "tcp://192.0.2.66:4001"),
        ("tcp://192.0.2.1:4001", "tcp://192.0.2.66:4001"),
        ("tcp://192.0.2.1:4001", "/dev/ttyUSB0"),
        ("192.0.2.1:60000", "192.0.2.66:60000"),
        ("http://192.0.2.1", "http://["),
    ],
)
def test_another_place(before: str, after: str) -> None:
    assert not is_kept_place(before, after)


GUARDED = {
    "rtsp_camera": {"tls_ca": "verifies", "allow_basic": "widens"},
    "onvif_camera": {"tls_ca": "verifies", "allow_basic": "widens", "allow_hosts": "widens", "rtsp_port": "widens"},
    "http_relay": {"allow_basic": "widens", "tls_ca": "verifies", "tls_fingerprint": "verifies"},
    "onvif_door": {"tls_ca": "verifies", "allow_basic": "widens", "allow_hosts": "widens"},
    "hikvision_console": {"tls_ca": "verifies", "tls_fingerprint": "verifies"},
    "dahua_console": {"tls_ca": "verifies", "tls_fingerprint": "verifies"},
}
ELSEWHERE = ("host", "basic", "tls", "rtsp", "proxy", "redirect", "verify", "url")


@pytest.mark.parametrize("kind", sorted(Catalog().kinds()))
def test_the_options_that_lead_a_password_elsewhere_are_guarded(kind: str) -> None:
    """A new option that sounds like one is guarded, or named here with a reason."""
    harmless = {("dahua_console", "push_host"), ("hikvision_console", "decide")}
    fields = Catalog().get(kind).options.model_fields
    found = {
        name: field.json_schema_extra[GUARD]
        for name, field in fields.items()
        if isinstance(field.json_schema_extra, dict) and GUARD in field.json_schema_extra
    }
    assert found == GUARDED.get(kind, {})
    sounding = {name for name in fields if any(word in name for word in ELSEWHERE)}
    assert sounding - set(found) - {name for of, name in harmless if of == kind} == set()


@pytest.mark.parametrize(
    ("kind", "address", "old", "new", "refused"),
    [
        ("rtsp_camera", "rtsp://192.0.2.1/a", {}, {"allow_basic": True}, True),
        ("rtsp_camera", "rtsp://192.0.2.1/a", {"allow_basic": True}, {"allow_basic": False}, False),
        ("rtsp_camera", "rtsp://192.0.2.1/a", {}, {"fps": 5}, False),
        ("onvif_camera", "http://192.0.2.1", {}, {"allow_hosts": "192.0.2.66"}, True),
        ("onvif_camera", "http://192.0.2.1", {"allow_hosts": "192.0.2.2"}, {"allow_hosts": None}, False),
        ("onvif_camera", "http://192.0.2.1", {}, {"rtsp_port": 8554}, True),
        ("hikvision_console", "https://192.0.2.1", {"tls_fingerprint": "a"}, {"tls_fingerprint": "b"}, True),
        ("hikvision_console", "https://192.0.2.1", {"tls_fingerprint": "a"}, {"tls_fingerprint": None}, True),
        ("dahua_console", "https://192.0.2.1", {"tls_ca": "/a.pem"}, {"tls_ca": ""}, True),
        ("dahua_console", "http://192.0.2.1", {}, {"tls_ca": "/a.pem"}, False),
    ],
)
def test_options(kind: str, address: str, old: dict, new: dict, refused: bool) -> None:
    before = DeviceConfig("id", "cam", kind, address, "admin", KEPT, old)
    after = replace(before, options=old | new)
    options = Catalog().get(kind).options
    if refused:
        with pytest.raises(InvalidInput) as caught:
            require_again(options, before, after)
        assert hint_of(caught) == "edit_device_password"
        assert KEPT not in str(caught.value)
    else:
        require_again(options, before, after)
    require_again(options, replace(before, password=None), after)


@pytest.fixture
def camera(home, done, monkeypatch):
    """A camera whose password is kept, and a second one in a variable."""
    monkeypatch.setenv("KEPT", KEPT)
    monkeypatch.setenv("OTHER", "another-one-2")
    done(
        "device",
        "add",
        "cam",
        "--driver",
        "fake_camera",
        "--address",
        "rtsp://192.0.2.1/x",
        "--username",
        "admin",
        "--password-env",
        "KEPT",
    )


def kept_of(site) -> str | None:
    with site.database.read() as session:
        return device_store.device_config(device_store.device(session, "cam"), site.vault).password


@pytest.mark.usefixtures("camera")
def test_a_device_moves_with_its_password_given_again_and_not_without(site, cli, done):
    refused = cli("device", "edit", "cam", "--address", "rtsp://192.0.2.66/x")
    assert refused.code == 1
    assert "--password-stdin" in refused.error
    assert done("device", "show", "cam")["address"] == "rtsp://192.0.2.1/x"
    done("device", "edit", "cam", "--address", "rtsp://192.0.2.1/y", "--username", "operator")
    assert kept_of(site) == KEPT
    done("device", "edit", "cam", "--address", "rtsp://192.0.2.66/x", "--password-env", "OTHER")
    assert kept_of(site) == "another-one-2"
    done("device", "remove", "cam", "--yes")
    done("device", "add", "cam", "--driver", "fake_camera", "--address", "rtsp://192.0.2.1/x")
    done("device", "edit", "cam", "--address", "rtsp://192.0.2.66/x")


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize("plan", [[], ["--plan"]], ids=["apply", "plan"])
def test_a_site_file_moves_no_kept_password(cli, done, tmp_path, plan):
    file = tmp_path / "site.toml"
    file.write_text(cli("export").out.replace("192.0.2.1", "192.0.2.66"))
    refused = cli("apply", file, *plan)
    assert refused.code == 1
    assert "--password-stdin" in refused.error
    assert done("device", "show", "cam")["address"] == "rtsp://192.0.2.1/x"


@pytest.mark.usefixtures("camera")
@pytest.mark.parametrize("given", ["", None])
def test_an_empty_password_is_none(cli, done, monkeypatch, given):
    monkeypatch.setenv("EMPTY", given or "")
    arguments = ["--password-env", "EMPTY"] if given is not None else []
    assert cli("device", "edit", "cam", "--address", "rtsp://192.0.2.66/x", *arguments).code != 0
    assert done("device", "show", "cam")["address"] == "rtsp://192.0.2.1/x"


@pytest.mark.usefixtures("camera")
def test_passwords_made_for_the_device_stay_behind(site, done):
    """Provisioning tries a password that it has sent and not proven: never on a device at another place."""
    with site.database.write() as session:
        device = device_store.device(session, "cam").id
        for user in (provisioning.OWN, "viewer"):
            provisioning.make_secret(session, site.vault, device, user)
    done("device", "edit", "cam", "--address", "rtsp://192.0.2.66/x", "--password-env", "OTHER")
    with site.database.read() as session:
        assert [provisioning.secret(session, site.vault, device, user) for user in (provisioning.OWN, "viewer")] == [
            None,
            None,
        ]
