"""XML that attacks its reader: refused within 20 MiB and without a connection anywhere, by each of the readers."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.common.http.xml import MAX_ATTRIBUTES, MAX_BYTES, MAX_TAGS
from tests.drivers.common.http.raw_http import RawServer, reply

CHILD = Path(__file__).with_name("hostile_child.py")
ROOT = Path(__file__).resolve().parents[4]
SOAP = "http://www.w3.org/2003/05/soap-envelope"
# What the readers may take: 20 MiB, and a second each, of which a busy box may make many.
MOST_MIB, MOST_SECONDS = 20, 15

GOOD = (
    '<s:Envelope xmlns:s="{soap}" xmlns:t="http://www.onvif.org/ver10/device/wsdl"{more}><s:Body>'
    "<t:GetDeviceInformationResponse><t:Manufacturer>M</t:Manufacturer><t:Model>{model}</t:Model>"
    "<t:FirmwareVersion>1</t:FirmwareVersion><t:SerialNumber>2</t:SerialNumber><t:HardwareId>3</t:HardwareId>"
    "</t:GetDeviceInformationResponse></s:Body></s:Envelope>"
)
INFO = '<DeviceInfo xmlns="http://www.isapi.org/ver20/XMLSchema"{more}><model>{model}</model></DeviceInfo>'


def lol(levels, width):
    """Entities of entities."""
    inner = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * width}">' for n in range(1, levels))
    return f'<!ENTITY a0 "aaaaaaaaaaaaaaaa">{inner}'


def attacks(canary, big=900_000):
    """name: (what stands before the root, attributes of the root, the model's text), each of `big` bytes at most."""
    there = f"http://127.0.0.1:{canary}"
    located = f' xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:schemaLocation="urn:x {there}/x.xsd"'
    return {
        "good": ("", "", "fine"),
        "bomb": (f"<!DOCTYPE z [{lol(10, 16)}]>", "", "&a9;"),
        "quadratic": (f'<!DOCTYPE z [<!ENTITY a "{"a" * 50_000}">]>', "", "&a;" * 5000),
        "xxe-file": ('<!DOCTYPE z [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "", "&x;"),
        "xxe-http": (f'<!DOCTYPE z [<!ENTITY x SYSTEM "{there}/x">]>', "", "&x;"),
        "external-dtd": (f'<!DOCTYPE z SYSTEM "{there}/x.dtd">', "", "fine"),
        "parameter-entity": (f'<!DOCTYPE z [<!ENTITY % p SYSTEM "{there}/p"> %p;]>', "", "fine"),
        "schema-location": ("", located, "fine"),
        "no-namespace": ("", located.replace('schemaLocation="urn:x ', 'noNamespaceSchemaLocation="'), "fine"),
        "stylesheet": (f'<?xml-stylesheet type="text/xsl" href="{there}/x.xsl"?>', "", "fine"),
        "include": ("", "", f'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{there}/i"/>'),
        "deep": ("", "", "<a>" * (big // 7) + "</a>" * (big // 7)),
        "deep-and-short": ("", "", "<a>" * 5000 + "</a>" * 5000),
        "huge-attribute": ("", f' z="{"a" * big}"', "fine"),
        "many-attributes": ("", "".join(f' z{n}="1"' for n in range(big // 12)), "fine"),
        "many-elements": ("", "", "<a/>" * (big // 4)),
        "huge-text": ("", "", "a" * big),
        "huge-name": ("", "", f"<{'a' * big}/>"),
        "at-the-bounds": ("", "", _at_the_bounds(big)),
        "utf-16-bomb": (f"<!DOCTYPE z [{lol(8, 16)}]>", "", "&a7;"),
        "utf-16-elements": ("", "", "<a/>" * (big // 8)),
        "utf-7-elements": ('<?xml version="1.0" encoding="UTF-7"?>', "", "+ADw-a/+AD4-" * (big // 12)),
    }


def _at_the_bounds(big):
    """As many tags, attributes and bytes as are read."""
    tags, attributes = MAX_TAGS - 100, MAX_ATTRIBUTES - 100
    marked = "<b" + "".join(f' a{n}="1"' for n in range(20)) + "/>"
    inner = "<a/>" * (tags - attributes // 20) + marked * (attributes // 20)
    return inner + "t" * (min(big, MAX_BYTES) - len(inner) - 1000)


# These are no attack on a reader that looks nowhere else: they are read as if it did not stand there.
HARMLESS = {"good", "schema-location", "no-namespace", "stylesheet"}
# And these may be read or refused, within the bounds: they are only large.
LARGE = {"huge-attribute", "huge-text", "huge-name", "include", "at-the-bounds"}
# What is sent: nearly all that each reader takes in before it looks at the XML, 5 MB and 1 MiB.
ONVIF_BYTES, HIKVISION_BYTES = 4_800_000, 1_000_000


def body(form, attack, name):
    before, more, model = attack
    text = before + form.format(soap=SOAP, more=more, model=model)
    return text.encode("utf-16") if name.startswith("utf-16") else text.encode()


@pytest.fixture(scope="module")
def canary():
    """A listener that must not be called; `called()` empties it and tells how often it was."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)

        def called():
            count = 0
            while True:
                try:
                    listener.accept()[0].close()
                except BlockingIOError:
                    return count
                count += 1

        yield listener.getsockname()[1], called


@pytest.fixture(scope="module")
def results(canary):
    known = attacks(canary[0], HIKVISION_BYTES)
    larger = attacks(canary[0], ONVIF_BYTES)

    def answer(request, connection):
        name = re.match(rb"\w+ /([a-z0-9-]+)", request)[1].decode()
        if name not in known:
            connection.sendall(reply(404))
            return
        onvif = b"/onvif " in request.split(b"\r\n", 1)[0]
        told = body(GOOD, larger[name], name) if onvif else body(INFO, known[name], name)
        connection.sendall(reply(200, told, "Content-Type: text/xml"))

    server = RawServer(answer)
    try:
        command = [sys.executable, str(CHILD), server.address, *known]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, cwd=ROOT)
    finally:
        server.close()
    assert ran.returncode == 0, ran.stderr
    asked = {re.match(rb"\w+ (\S+)", request)[1].decode() for request in server.requests}
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {f"/{one['attack']}/onvif" for one in found} <= asked
    return {(one["way"], one["attack"]): one for one in found}


WAYS = ("zeep", "no schemas", "hikvision")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", attacks(1))
def test_an_attack_is_refused_in_little_memory(results, way, name):
    came = results[way, name]
    if name in HARMLESS:
        assert (came["came"], came["error"]) == ("fine", None)
    elif name not in LARGE:
        assert came["error"], came
        assert came["came"] is None
    if name == "at-the-bounds":
        assert came["error"] is None
    assert came["mib"] <= MOST_MIB
    assert came["seconds"] <= MOST_SECONDS
    assert "root:" not in str(came)


def test_nothing_was_fetched_from_anywhere(results, canary):
    port, called = canary
    assert len(results) == len(WAYS) * len(attacks(1))
    assert called() == 0
    # The canary does hear who calls.
    socket.create_connection(("127.0.0.1", port)).close()
    assert called() == 1
