"""WS-Discovery against the simulator and hostile answers."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from devicemgr.cli.devices.discover import command_to_add
from devicemgr.provisioning import discovery
from drivers import Catalog
from drivers.common.onvif import ws_discovery
from drivers.sim.onvif.simulator import CAMERA, DOOR, SimulatedOnvif

# A network of loopback addresses for this process alone: the port is always 3702.
NET = f"127.37.{os.getpid() % 250}"
HOST = f"{NET}.2"
ANSWER = (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:a="urn:a" xmlns:d="urn:d"><e:Header>'
    "<a:RelatesTo>{relates}</a:RelatesTo></e:Header><e:Body><d:ProbeMatches>{matches}</d:ProbeMatches></e:Body></e:Envelope>"
)
MATCH = (
    "<d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:{endpoint}</a:Address></a:EndpointReference>"
    "<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{addresses}</d:XAddrs></d:ProbeMatch>"
)


def match(addresses, scopes="onvif://www.onvif.org/name/Front%20door onvif://www.onvif.org/hardware/C-1", endpoint="1"):
    return MATCH.format(addresses=addresses, scopes=scopes, endpoint=endpoint)


@pytest.fixture(autouse=True)
def only_asked_hosts(monkeypatch):
    """Nothing leaves for the real network."""
    monkeypatch.setattr(ws_discovery, "interfaces", lambda: [])


@contextmanager
def answering(make, host=HOST):
    """A host that answers each probe with the datagrams of `make(message id)`; gives the probes it heard."""
    heard = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        line.bind((host, 3702))

        def run():
            while True:
                probe, place = line.recvfrom(65_535)
                if probe == b"end":
                    return
                heard.append(probe)
                for body in make(re.search(rb"urn:uuid:[0-9a-f-]{36}", probe)[0].decode()):
                    line.sendto(body if isinstance(body, bytes) else body.encode(), place)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield heard
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"end", (host, 3702))
        thread.join(5)


def found(*matches, hosts=(HOST,)):
    with answering(lambda relates: [ANSWER.format(relates=relates, matches="".join(matches))]) as heard:
        result = ws_discovery.discover(0.5, hosts)
    assert heard
    return result


def test_the_simulated_camera_is_found_by_address():
    with SimulatedOnvif(host=HOST, discovery_port=3702) as camera:
        (one,) = Catalog().get("onvif_camera").discover(0.6, [f"{NET}.1", HOST, "::1"])
        assert (one.kind, one.address) == ("onvif_camera", camera.base)
        assert one.name == camera.state.model
        assert one.model == "SIM"
        assert {event["types"] for event in camera.events.all("probed")} == {"dn:NetworkVideoTransmitter", ""}
        camera.state.discovery = "NonDiscoverable"
        assert Catalog().get("onvif_camera").discover(0.4, [HOST]) == []


def test_two_probes_by_type_and_by_scope_byte_for_byte():
    with answering(lambda _: []) as heard:
        assert ws_discovery.discover(0.2, [HOST]) == []
    kinds = [re.search(rb"<d:Probe>(.*)</d:Probe>", probe)[1] for probe in heard[:2]]
    assert kinds == [
        b"<d:Types>dn:NetworkVideoTransmitter</d:Types>",
        b"<d:Scopes>onvif://www.onvif.org</d:Scopes>",
    ]


def test_names_are_decoded_and_doors_told():
    (one,) = found(match(f"http://{HOST}:8080/onvif/device_service"))
    assert (one.address, one.name, one.model) == (f"http://{HOST}:8080", "Front door", "C-1")
    (door,) = found(match(f"http://{HOST}/x", "onvif://www.onvif.org/Profile/C onvif://www.onvif.org/Profile/T"))
    assert "Profile C" in door.note


def test_a_door_controller_is_one_door_and_no_camera():
    with SimulatedOnvif(DOOR, host=HOST, discovery_port=3702) as door:
        (one,) = Catalog().get("onvif_camera").discover(0.6, [HOST])
        assert (one.kind, one.address) == ("onvif_door", door.base)
        assert {event["types"] for event in door.events.all("probed")} == {"dn:NetworkVideoTransmitter", ""}
        for kind, rows in ((None, 1), ("onvif_door", 1), ("onvif_camera", 0)):
            told = discovery.discover(Catalog(), {}, 0.6, [HOST], kind)
            assert [row["kind"] for row in told["found"] if row["address"] == door.base] == ["onvif_door"] * rows, kind
        (row,) = discovery.discover(Catalog(), {"gate": door.base}, 0.6, [HOST], "onvif_door")["found"]
        assert row["known"] == "gate"
        (row,) = discovery.discover(Catalog(), {}, 0.6, [HOST], "onvif_door")["found"]
        assert f"--driver onvif_door --address {door.base}" in command_to_add(row)


def test_a_camera_with_a_door_is_one_camera_that_tells_of_the_door():
    with SimulatedOnvif((*CAMERA, "tdc", "tac"), host=HOST, discovery_port=3702):
        (one,) = Catalog().get("onvif_camera").discover(0.6, [HOST])
        assert one.kind == "onvif_camera"
        assert "it also opens a door" in one.note


@pytest.mark.parametrize("turned", [False, True])
def test_what_a_device_says_in_two_answers_counts_together(turned):
    typed = match(f"http://{HOST}/x", scopes="onvif://www.onvif.org/name/A")
    scoped = match(f"http://{HOST}/x", scopes="onvif://www.onvif.org/Profile/C").replace(
        "dn:NetworkVideoTransmitter", ""
    )
    answers = [typed, scoped][:: -1 if turned else 1]

    def make(relates):
        return [ANSWER.format(relates=relates, matches=answer) for answer in answers]

    with answering(make):
        (one,) = ws_discovery.discover(0.5, [HOST])
    # It said of itself that it sends video: a camera, with a door.
    assert one.kind == "onvif_camera"
    assert "also opens a door" in one.note
    only = match(f"http://{HOST}/x", scopes="onvif://www.onvif.org/name/A").replace(
        "dn:NetworkVideoTransmitter", "tds:Device"
    )
    answers[:] = [only, scoped]
    with answering(make):
        (one,) = ws_discovery.discover(0.5, [HOST])
    assert (one.kind, one.name) == ("onvif_door", "A")


def test_another_hosts_address_is_noted_and_not_believed():
    (one,) = found(match("http://192.0.2.66:81/onvif/device_service"))
    assert one.address == f"http://{HOST}:81"
    assert "announces http://192.0.2.66:81" in one.note
    (one,) = found(match(f"ftp://{HOST} http://user:pw@{HOST} http://192.0.2.66 https://{HOST}/onvif"))
    assert one.address == f"https://{HOST}"
    assert "announces" not in one.note


@pytest.mark.parametrize(
    ("addresses", "address"),
    [
        # WS-Discovery 1.0 lets XAddrs hold any URI; some cameras announce their name (issue 14, ONVIF (i)).
        ("http://camera.example/onvif/device_service", "http://HOST"),
        ("https://ipc-1a2b.local:8443/onvif", "https://HOST:8443"),
        ("http://camera.example:8000/x http://192.0.2.66/x", "http://HOST:8000"),
        ("http://camera.example:8000/x http://HOST:81/x", "http://HOST:81"),
    ],
)
def test_a_host_name_is_not_looked_up(addresses, address, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("a name was looked up"))
    addresses, address = addresses.replace("HOST", HOST), address.replace("HOST", HOST)
    (one,) = found(match(addresses))
    assert one.address == address
    assert "announces" not in one.note


@pytest.mark.parametrize(
    "addresses",
    [
        "",
        "ftp://192.0.2.1",
        "http://",
        "http://[::",
        "http://192.0.2.1:99999",
        "http://0x7f000001",
        "http://u:p@a.example",
    ],
)
def test_without_a_usable_address_the_senders_is_given(addresses):
    (one,) = found(match(addresses))
    assert one.address == f"http://{HOST}"
    assert "announces no usable address" in one.note


def test_what_says_nothing_of_onvif_and_has_no_address_is_no_device():
    printer = match("", scopes="ldap:///ou=printers").replace("dn:NetworkVideoTransmitter", "wprt:PrintDeviceType")
    assert found(printer) == []


def test_an_answer_without_relates_to_is_taken():
    def make(_):
        return [re.sub("<a:RelatesTo>.*</a:RelatesTo>", "", ANSWER).format(matches=match(f"http://{HOST}:8080"))]

    with answering(make):
        assert [one.address for one in ws_discovery.discover(0.5, [HOST])] == [f"http://{HOST}:8080"]


SLOPPY = {
    "newline before the declaration": lambda whole: b'\n<?xml version="1.0" encoding="UTF-8"?>\n' + whole,
    "NULs after the end": lambda whole: whole + b"\x00" * 7,
    "text after the end": lambda whole: whole + b"\r\n0\r\n",
    "GB2312 declared as UTF-8": lambda whole: (
        b'<?xml version="1.0" encoding="UTF-8"?>' + whole.replace(b"Front%20door", "大门".encode("gb2312"))
    ),
    "an undeclared prefix": lambda whole: whole.replace(b' xmlns:a="urn:a"', b""),
    "a bare ampersand": lambda whole: whole.replace(b"Front%20door", b"A&B"),
    "upper case in the id": lambda whole: re.sub(rb"urn:uuid:[0-9a-f-]{36}", lambda id: id[0].upper(), whole, count=1),
    "CDATA": lambda whole: re.sub(rb"<d:XAddrs>(.*?)</d:XAddrs>", rb"<d:XAddrs><![CDATA[\1]]></d:XAddrs>", whole),
    "a comment": lambda whole: whole.replace(b"<e:Body>", b"<e:Body><!-- firmware 1.2 -->"),
}


@pytest.mark.parametrize("flaw", SLOPPY)
def test_harmless_flaws_are_read_on(flaw):
    """Seen in the field: DEVICE_FACTS 8; home-assistant.io issue 40942 (prefixes), core issue 89620 (GB2312)."""

    def make(relates):
        return [SLOPPY[flaw](ANSWER.format(relates=relates, matches=match(f"http://{HOST}:8080")).encode())]

    with answering(make):
        (one,) = ws_discovery.discover(0.5, [HOST])
    assert (one.address, one.model) == (f"http://{HOST}:8080", "C-1")


BOMB = (
    '<!DOCTYPE e [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: BOMB + whole.replace("Front", "&j;"),
        lambda whole: ("<?xml version='1.0' encoding='utf-16'?>" + BOMB + whole).encode("utf-16"),
        lambda whole: '<!DOCTYPE e SYSTEM "http://127.0.0.1:1/x">' + whole,
        lambda whole: whole[:-9],
        lambda whole: b"\x00\xff" * 100,
        lambda whole: whole.replace("<e:Body>", "<e:Body>" + "<x>" * 5000 + "</x>" * 5000),
        lambda whole: re.sub("urn:uuid:[0-9a-f-]{36}", "urn:uuid:00000000-0000-0000-0000-000000000000", whole),
        lambda whole: whole.replace("ProbeMatches>", "Other>"),
        lambda whole: b"",
    ],
    ids=["bomb", "utf16", "dtd", "cut", "binary", "deep", "not ours", "other", "empty"],
)
def test_hostile_answers_are_dropped_and_the_next_one_is_heard(spoil):
    def make(relates):
        good = ANSWER.format(relates=relates, matches=match(f"http://{HOST}:8080"))
        return [spoil(good.replace(":8080", ":6666")), good]

    with answering(make) as heard:
        assert [one.address for one in ws_discovery.discover(0.5, [HOST])] == [f"http://{HOST}:8080"]
    assert heard


def test_one_flooding_host_does_not_hide_another():
    def flood(relates):
        return [ANSWER.format(relates=relates, matches=match(f"http://{HOST}:{port}")) for port in range(1, 400)]

    with SimulatedOnvif(host=f"{NET}.3", discovery_port=3702) as camera, answering(flood):
        addresses = [one.address for one in ws_discovery.discover(1.0, [f"{NET}.3", HOST])]
    assert camera.base in addresses
    assert len(addresses) <= 65


@pytest.fixture
def two_boxes():
    """Two network namespaces joined by a cable: (name, address) of each."""
    ip = shutil.which("ip")
    names = [f"dm{os.getpid()}{side}" for side in "ab"]

    def run(*words):
        return subprocess.run([ip, *words], capture_output=True, check=True, timeout=10)

    if ip is None or os.geteuid() != 0:
        pytest.skip("network namespaces need root and the command ip")
    try:
        run("netns", "add", names[0])
        run("netns", "add", names[1])
        run("link", "add", "eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for number, name in enumerate(names, 1):
            run("-n", name, "address", "add", f"10.77.0.{number}/24", "dev", "eth0")
            run("-n", name, "link", "set", "eth0", "up")
            run("-n", name, "link", "set", "lo", "up")
        yield [(name, f"10.77.0.{number}") for number, name in enumerate(names, 1)]
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.decode(errors='replace')[:100]}")
    finally:
        for name in names:
            subprocess.run([ip, "netns", "del", name], capture_output=True, check=False, timeout=10)


def test_a_camera_is_found_by_multicast_on_each_interface(two_boxes):
    (here, _), (there, address) = two_boxes
    python, root = sys.executable, Path(__file__).parents[4]
    camera = subprocess.Popen(
        ["ip", "netns", "exec", there, python, "-m", "cli", "sim", "onvif", "--host", address, "--discovery", "--json"],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        cwd=root,
        text=True,
    )
    try:
        assert json.loads(camera.stdout.readline())
        look = (
            "from drivers.common.onvif.ws_discovery import discover; print([one.address for one in discover(1.5, ())])"
        )
        ran = subprocess.run(
            ["ip", "netns", "exec", here, python, "-c", look],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert f"http://{address}" in ran.stdout
    finally:
        camera.terminate()
        camera.communicate(timeout=10)
