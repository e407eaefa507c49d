"""`device record`: secrets of each kind are planted in what the devices answer, and none of them survives."""

import base64
import dataclasses
import json
import stat

import pytest

from devicemgr.scrubber import Scrubber
from drivers import Catalog
from drivers.sim.dahua.console import SimulatedDahua
from drivers.sim.gates.turnstile import SimulatedTurnstile
from drivers.sim.hikvision.server import SimulatedHikvision
from drivers.sim.onvif.simulator import SimulatedOnvif
from drivers.sim.onvif.state import User
from drivers.sim.osdp.readers import SimulatedReaders

pytestmark = pytest.mark.usefixtures("home")

# Each is unlike anything that devices say by themselves.
SECRETS = {
    "password": "Zq7!vantage-Kiosk",
    "username": "opsmaster",
    "digest": "9b1d6f0a47c2e38b5f60d1a2c3b4e5f6",
    "nonce": "bm9uY2UtNzM5MTA4MjY0NTE3",
    "serial": "QX4471990023817",
    "mac": "3c:ef:8c:a1:b2:c3",
    "address": "198.51.100.77",
    "address6": "2001:db8::7a11",
    "host": "lobby.example.net",
    "url": "http://198.51.100.78:8080/push?token=sesame44",
    "person": "Zhanar Omarova",
    "badge": "774411",
    "card": "58400317",
    "hex_card": "A8721040",
    "pin": "86420",
    "face": base64.b64encode(bytes(range(7, 250))).decode(),
    "phone": "+77015550199",
    "email": "zhanar@example.org",
    "uuid": "6f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0",
}
FIELDS = {
    "password": "password",
    "userName": "username",
    "digest": "digest",
    "nonce": "nonce",
    "subSerialNumber": "serial",
    "macAddress": "mac",
    "ipAddress": "address",
    "ipv6Address": "address6",
    "hostName": "host",
    "url": "url",
    "name": "person",
    "employeeNo": "badge",
    "cardNo": "card",
    "cardNumber": "hex_card",
    "pinCode": "pin",
    "faceData": "face",
    "phoneNumber": "phone",
    "email": "email",
    "deviceUUID": "uuid",
}


def planted():
    """A field of each kind by its usual name."""
    return {field: SECRETS[kind] for field, kind in FIELDS.items()}


def survivors(text):
    """The kinds of secrets that can still be read in `text`, whole, in pieces of their letters, or as hex."""
    lower = text.lower()
    found = [kind for kind, secret in SECRETS.items() if secret.lower() in lower]
    found += [kind for kind, secret in SECRETS.items() if secret.encode().hex(" ") in lower]
    return found


@pytest.fixture
def parts(parts):
    """The real kinds."""
    return dataclasses.replace(parts, catalog=Catalog())


@pytest.fixture
def add(done, monkeypatch):
    """add(kind, sim) adds a simulated device as `zhanars-door`, with the planted user and password."""

    def make(kind, address, *options):
        monkeypatch.setenv("SECRET", SECRETS["password"])
        secret = ("--username", SECRETS["username"], "--password-env", "SECRET")
        done("device", "add", "zhanars-door", "--driver", kind, "--address", address, *secret, *options)

    return make


def replies(found, kind, least):
    """By what was asked; enough of them are real answers."""
    assert found["kind"] == kind
    by = {reply["asked"]: reply["reply"] for reply in found["replies"]}
    assert len([reply for reply in by.values() if "error" not in reply]) >= least, by
    return by


def test_hikvision(add, done, cli, monkeypatch):
    with SimulatedHikvision(SECRETS["username"], SECRETS["password"]) as sim:
        sim.terminal.config |= planted() | {SECRETS["person"]: 1, "list": [planted(), SECRETS["mac"]], "depth": 774411}
        inner = "".join(f"<{field} opt='{SECRETS[kind]}'>{SECRETS[kind]}</{field}>" for field, kind in FIELDS.items())
        hosts = f'<HttpHostNotificationList xmlns="urn:{SECRETS["host"]}">{inner}</HttpHostNotificationList>'
        sim._pages._hosts = hosts.replace("&", "&amp;")
        real = sim._pages._info

        def info():
            reply = real()
            body = reply.body.replace(b"DS-K1T671M20260101V030200ENSIM0001", SECRETS["serial"].encode())
            body = body.replace(b"00:00:5e:00:53:01", SECRETS["mac"].encode())
            return dataclasses.replace(reply, body=body.replace(b">Simulated<", f">{SECRETS['person']}<".encode()))

        monkeypatch.setattr(sim._pages, "_info", info)
        add("hikvision_console", sim.address, "--option", "spacing=0")
        found = done("device", "record", "zhanars-door")
        text = json.dumps(found)
        assert survivors(text) == []
        assert "127.0.0.1" not in text
        assert "zhanars-door" not in text
        assert text.isascii()
        assert found["device"]["model"] == "DS-K1T671M-SIM"
        assert found["device"]["serial"].startswith("<")
    by = replies(found, "hikvision_console", 5)
    says = by["GET /ISAPI/System/deviceInfo"]["DeviceInfo"]
    assert (says["model"], says["firmwareVersion"], says["relayNum"]) == ("DS-K1T671M-SIM", "V3.2.30", "1")
    assert says["serialNumber"].startswith("<")
    assert says["@xmlns"] == "http://www.isapi.org/ver20/XMLSchema"
    assert by["GET /ISAPI/AccessControl/UserInfo/capabilities?format=json"]["UserInfo"]["maxRecordNum"] == 3000
    assert by["GET /ISAPI/System/time"]["Time"]["timeMode"] == "manual"
    config = by["GET /ISAPI/AccessControl/AcsCfg?format=json"]["AcsCfg"]
    assert (config["remoteCheckTimeout"], config["checkChannelType"]) == (5, "ISAPI")
    # The names of fields stay, and one value has one mark wherever it stands.
    assert config["password"] == config["list"][0]["password"]
    assert config["password"] != config["userName"]
    (row,) = cli("events", "--kind", "admin.device_recorded", "--json").lines
    assert row["detail"] == {"device": "zhanars-door"}


def test_dahua(add, done, cli):
    with SimulatedDahua(credentials=(SECRETS["username"], SECRETS["password"])) as sim:
        sim.cgis.config |= {f"AccessControl[0].{field}": SECRETS[kind] for field, kind in FIELDS.items()}
        sim.cgis.config |= {f"PictureHttpUpload.{field}": SECRETS[kind] for field, kind in FIELDS.items()}
        sim.people.users[SECRETS["badge"]] = {"UserID": SECRETS["badge"], "UserName": SECRETS["person"]}
        add("dahua_console", sim.address)
        found = done("device", "record", "zhanars-door")
        text = json.dumps(found)
        assert survivors(text) == []
        assert "SIM0000000000001" not in text
        assert "127.0.0.1" not in text
        finds = [event["target"] for event in sim.events.all("request") if "AccessUser" in event["target"]]
    by = replies(found, "dahua_console", 6)
    lines = by["GET magicBox getSystemInfo"]["lines"]
    assert lines["deviceType"] == "ASI7213X-T1"
    assert lines["serialNumber"].startswith("<")
    version = by["GET magicBox getSoftwareVersion"]["lines"]["version"]
    assert version == "1.000.0000000.9.R,build:2024-03-01"
    config = by["GET configManager getConfig name=AccessControl"]["lines"]
    assert config["table.AccessControl[0].State"] == "Normal"
    assert config["table.AccessControl[0].password"].startswith("<text")
    assert by["GET AccessUser startFind"]["Total"] == 1
    assert any("stopFind" in target for target in finds)


def test_onvif(add, done):
    with SimulatedOnvif() as sim:
        state = sim.state
        state.users = {SECRETS["username"]: User(SECRETS["password"])}
        state.serial, state.hostname = SECRETS["serial"], SECRETS["host"]
        state.scopes = [f"onvif://www.onvif.org/{kind}/{secret}" for kind, secret in SECRETS.items()]
        state.model = f"SIM {SECRETS['serial']}"
        state.relays[0].token = SECRETS["card"]
        state.encoders[0].token = SECRETS["uuid"]
        sim.faults.announce = f"http://{SECRETS['address']}"
        add("onvif_camera", sim.address)
        found = done("device", "record", "zhanars-door")
        text = json.dumps(found)
        assert survivors(text) == []
        assert "127.0.0.1" not in text
    by = replies(found, "onvif_camera", 5)
    said = by["GetDeviceInformation"]["GetDeviceInformationResponse"]
    assert (said["Manufacturer"], said["FirmwareVersion"]) == ("Simulated", "1.0.0")
    assert said["Model"].startswith("<")  # the serial number stood in it
    services = by["GetServices"]["GetServicesResponse"]["Service"]
    assert "http://www.onvif.org/ver10/device/wsdl" in [service["Namespace"] for service in services]
    assert all(service["XAddr"].startswith("<address") for service in services)
    assert "H264" in json.dumps(by)


def test_a_turnstile_gives_the_bytes_on_its_line(done):
    with SimulatedTurnstile() as sim:
        done("device", "add", "arm", "--driver", "modbus_gate", "--address", sim.path, "--option", "profile=lot")
        found = done("device", "record", "arm")
    assert (found["kind"], found["trace"][0]["at"], found["trace"][0]["way"]) == ("modbus_gate", 0.0, "tx")
    assert found["trace"][0]["bytes"] == "01 03 00 40 00 09 84 18"
    assert sim.path not in json.dumps(found)


def test_an_osdp_reader_gives_its_frames_without_key_material(done, monkeypatch):
    key = bytes.fromhex("8f3a10c7be5520d94417fa6e02b3c85d")
    sim = SimulatedReaders({1: key}).start()
    try:
        monkeypatch.setenv("SECRET", key.hex())
        done(
            "device",
            "add",
            "front",
            "--driver",
            "osdp_reader",
            "--address",
            sim.path,
            "--option",
            "unit=1",
            "--password-env",
            "SECRET",
        )
        found = done("device", "record", "front")
    finally:
        sim.stop()
    assert key.hex() not in json.dumps(found).replace(" ", "")
    frames = [(entry["way"], bytes.fromhex(entry["bytes"])) for entry in found["trace"]]
    handshake = [
        (way, frame[6 + frame[5] :])
        for way, frame in frames
        if frame[4] & 0x08 and frame[6] in (0x11, 0x12, 0x13, 0x14) and frame[5 + frame[5]] in (0x76, 0x77, 0x78)
    ]
    assert len(handshake) >= 4
    assert all(set(data[:-2]) == {0} for _, data in handshake)
    # What is no secret can be read.
    assert any(way == "tx" and frame[5 + (frame[5] if frame[4] & 8 else 0)] == 0x60 for way, frame in frames)


def test_kinds_that_cannot_be_recorded_say_so(done, cli):
    done("device", "add", "cam", "--driver", "rtsp_camera", "--address", "rtsp://192.0.2.1/x")
    ran = cli("device", "record", "cam")
    assert ran.code == 1
    assert "kind rtsp_camera cannot be recorded" in ran.error


def test_a_file_of_its_owners_that_is_not_written_over(done, cli, tmp_path):
    with SimulatedTurnstile() as sim:
        done("device", "add", "arm", "--driver", "modbus_gate", "--address", sim.path, "--option", "profile=lot")
        file = tmp_path / "arm.json"
        assert cli("device", "record", "arm", file).code == 0
        assert json.loads(file.read_text())["kind"] == "modbus_gate"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert cli("device", "record", "arm", file).code == 1
        assert json.loads(cli("device", "record", "arm").out)["kind"] == "modbus_gate"


@pytest.mark.parametrize("kind", SECRETS)
def test_what_is_known_to_be_secret_survives_in_no_field(kind):
    from devicemgr import scrubber

    secret = SECRETS[kind]
    fields = {*scrubber._WORD_FIELDS, *scrubber._NUMBER_FIELDS, *scrubber._EXACT, "x"}
    known = Scrubber([secret])
    for field in fields:
        shown = json.dumps(
            known.scrub_reply({field: secret, f"@{field}": [f"a {secret} b"], f"t.{field}[0]": {"#text": secret}})
        )
        assert secret not in shown.replace("\\u00e9", ""), field


def test_deep_and_long_answers_are_cut():
    deep: object = "x"
    for _ in range(100):
        deep = {"a": deep}
    assert "<too deep>" in json.dumps(Scrubber([]).scrub_reply(deep))
    assert Scrubber([]).scrub_reply({"doorStatus": [1] * 1000})["doorStatus"][-1] == "<800 more>"
