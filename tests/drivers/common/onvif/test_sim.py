"""The simulated ONVIF device, asked by hand-written SOAP: what it refuses, and that each fault happens."""

import base64
import hashlib
import http.client
import json
import re
import secrets
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drivers.sim.onvif.simulator import DOOR, SimulatedOnvif

TDS = "http://www.onvif.org/ver10/device/wsdl"
TEV = "http://www.onvif.org/ver10/events/wsdl"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"


def token(password="admin", offset=0.0, nonce=None):
    nonce = nonce or secrets.token_bytes(16)
    created = (datetime.now(UTC) + timedelta(seconds=offset)).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()
    return (
        f'<w:Security xmlns:w="{WSSE}" xmlns:u="{WSU}"><w:UsernameToken><w:Username>admin</w:Username>'
        f"<w:Password>{digest}</w:Password><w:Nonce>{base64.b64encode(nonce).decode()}</w:Nonce>"
        f"<u:Created>{created}</u:Created></w:UsernameToken></w:Security>"
    )


def ask(device, call, namespace=TDS, path="/onvif/device_service", security=None):
    body = (
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header>'
        f"{token() if security is None else security}</e:Header><e:Body><{call}</e:Body></e:Envelope>"
    )
    name = call.split(">")[0].split("/")[0].split(" ")[0]
    body = body.replace(f"<{name}", f'<{name} xmlns="{namespace}"', 1)
    line = http.client.HTTPConnection(device.host, device.port, timeout=5)
    line.request("POST", path, body.encode(), {"Content-Type": "application/soap+xml"})
    answer = line.getresponse()
    text = answer.read().decode("utf-8", "replace")
    line.close()
    return answer.status, text


@pytest.fixture
def device():
    with SimulatedOnvif() as made:
        yield made


def test_what_needs_no_password_and_what_does(device):
    assert ask(device, "GetSystemDateAndTime/>", security="")[0] == 200
    status, text = ask(device, "GetNTP/>", security="")
    assert (status, "ter:NotAuthorized" in text) == (400, True)
    assert ask(device, "GetNTP/>")[0] == 200


@pytest.mark.parametrize(
    ("password", "offset", "why"),
    [
        ("wrong", 0, "wrong password"),
        ("admin", 60, "created outside the window"),
        ("admin", -60, "created outside the window"),
    ],
)
def test_tokens_that_are_refused(device, password, offset, why):
    status, text = ask(device, "GetNTP/>", security=token(password, offset))
    assert (status, "ter:NotAuthorized" in text) == (400, True)
    assert device.events.all("refused")[0]["why"] == why


def test_a_token_counts_once(device):
    security = token()
    assert ask(device, "GetNTP/>", security=security)[0] == 200
    assert ask(device, "GetNTP/>", security=security)[0] == 400
    assert device.events.all("refused")[0]["why"] == "replayed nonce"


def test_it_remembers_what_is_set_unless_it_only_says_so(device):
    assert ask(device, "SetHostname><Name>lobby</Name></SetHostname>")[0] == 200
    assert "lobby" in ask(device, "GetHostname/>")[1]
    device.faults.ignore_sets = True
    assert ask(device, "SetHostname><Name>yard</Name></SetHostname>")[0] == 200
    assert "lobby" in ask(device, "GetHostname/>")[1]
    assert device.events.all("injected")[0]["operation"] == "SetHostname"


def test_commands_that_are_not_there(device):
    status, text = ask(device, "UpgradeSystemFirmware/>")
    assert (status, "ter:ActionNotSupported" in text) == (500, True)
    device.faults.missing = ["tev"]
    assert "ter:ActionNotSupported" in ask(device, "CreatePullPointSubscription/>", TEV)[1]


def pull_point(device):
    text = ask(device, "CreatePullPointSubscription/>", TEV, "/onvif/event_service")[1]
    return re.search(r"Address>http://[^/]+(/[^<]+)<", text)[1]


def pull(device, path, seconds=2):
    return ask(
        device, f"PullMessages><Timeout>PT{seconds}S</Timeout><MessageLimit>50</MessageLimit></PullMessages>", TEV, path
    )


def test_events_are_pulled_and_a_reboot_changes_the_address(device):
    path = pull_point(device)
    assert pull(device, path)[1].count('PropertyOperation="Initialized"') == 4
    device.set_input("input-1", True)
    text = pull(device, path)[1]
    assert 'Name="InputToken" Value="input-1"' in text
    assert 'Name="LogicalState" Value="true"' in text
    device.reboot(0.05)
    device.events.wait_for("booted")
    status, text = pull(device, path)
    assert (status, "ResourceUnknownFault" in text) == (400, True)
    assert pull_point(device) != path


def test_silent_events(device):
    path = pull_point(device)
    pull(device, path)
    device.faults.events_silent = True
    device.set_input("input-1", True)
    assert "NotificationMessage" not in pull(device, path, 1)[1]
    assert device.events.all("injected")[0]["fault"] == "events_silent"


def test_doors_open_for_a_time_and_close(device):
    with SimulatedOnvif(DOOR) as door:
        ns = "http://www.onvif.org/ver10/doorcontrol/wsdl"
        call = "AccessDoor><Token>door-1</Token><AccessTime>PT0.1S</AccessTime></AccessDoor>"
        assert ask(door, call, ns)[0] == 200
        door.events.wait_for("notified", 4)
        told = [(e["topic"].rpartition("/")[2], e["data"]["State"]) for e in door.events.all("notified")]
        assert told == [
            ("DoorMode", "Accessed"),
            ("LockPhysicalState", "Unlocked"),
            ("DoorMode", "Locked"),
            ("LockPhysicalState", "Locked"),
        ]


def test_probes_are_answered_unless_discovery_is_off(device):
    with SimulatedOnvif(discovery_port=0, host="127.0.0.1") as found:
        place = ("127.0.0.1", found._discovery.port)
        probe = (
            b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/'
            b'addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header><w:MessageID>uuid:1</w:MessageID>'
            b"</e:Header><e:Body><d:Probe/></e:Body></e:Envelope>"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(5)
            line.sendto(probe, place)
            answer = line.recv(65_535).decode()
            assert f"{found.address}/onvif/device_service" in answer
            assert "uuid:1" in answer
            found.state.discovery = "NonDiscoverable"
            line.sendto(b"not xml", place)
            line.sendto(probe, place)
            line.settimeout(0.3)
            with pytest.raises(TimeoutError):
                line.recv(65_535)
        assert len(found.events.all("probed")) == 1


def test_the_command_obeys_lines_and_tells(tmp_path):
    program = Path(sys.executable).parent / "devicemgr"
    child = subprocess.Popen(
        [program, "sim", "onvif", "--kind", "door", "--count", "2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready = [json.loads(child.stdout.readline()) for _ in range(2)]
        assert [line["event"] for line in ready] == ["ready", "ready"]
        child.stdin.write("2:door door-1 alarm DoorForcedOpen\nfault nonsense 1\n")
        child.stdin.flush()
        told = [json.loads(child.stdout.readline()) for _ in range(3)]
        assert told[0] | {"monotonic": 0} == {
            "device": 2,
            "event": "notified",
            "topic": "tns1:Door/State/DoorAlarm",
            "source": {"DoorToken": "door-1"},
            "data": {"State": "DoorForcedOpen"},
            "monotonic": 0,
        }
        assert told[2]["event"] == "error"
        assert "no fault 'nonsense'" in told[2]["message"]
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0
        child.stdin.close()
        child.stdout.close()
