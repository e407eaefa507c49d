"""An ONVIF device written by hand on a loopback socket: each answer is the bytes that a test gives it.

It knows only the documents (ONVIF Core, Media, Media 2, SOAP 1.2), and shares nothing with the driver or the simulator.
"""

import contextlib
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAMESPACES = (
    'xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
    'xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tr2="http://www.onvif.org/ver20/media/wsdl" '
    'xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:tmd="http://www.onvif.org/ver10/deviceIO/wsdl" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" '
    'xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:ter="http://www.onvif.org/ver10/error" '
    'xmlns:tns1="http://www.onvif.org/ver10/topics" xmlns:tnshik="http://www.hikvision.com/2011/event/topics" '
    'xmlns:tnsaxis="http://www.axis.com/2009/event/topics"'
)
SPACES = {
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tr2": "http://www.onvif.org/ver20/media/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tmd": "http://www.onvif.org/ver10/deviceIO/wsdl",
}
JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"


def envelope(inner: str, namespaces: str = NAMESPACES) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {namespaces}><s:Body>{inner}</s:Body></s:Envelope>'
    ).encode()


def fault(subcode: str, reason: str) -> bytes:
    return envelope(
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason></s:Fault>'
    )


UNSUPPORTED = fault("ter:ActionNotSupported", "Optional Action Not Implemented")
NOT_AUTHORIZED = fault("ter:NotAuthorized", "Sender not Authorized")


def notification(topic: str, source: str, data: str, operation: str = "Initialized") -> str:
    """One wsnt:NotificationMessage; `source` and `data` as NAME=VALUE with blanks between."""

    def items(pairs: str) -> str:
        return "".join('<tt:SimpleItem Name="{}" Value="{}"/>'.format(*pair.split("=", 1)) for pair in pairs.split())

    return (
        '<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
        f'{topic}</wsnt:Topic><wsnt:Message><tt:Message UtcTime="{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}" '
        f'PropertyOperation="{operation}"><tt:Source>{items(source)}</tt:Source><tt:Data>{items(data)}</tt:Data>'
        "</tt:Message></wsnt:Message></wsnt:NotificationMessage>"
    )


class Peer:
    """Tests replace `answers` (bytes, or a function of the handler that answers itself) by operation or path."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, str, str, dict[str, str]]] = []
        self.waiting: list[str] = []
        self.delay_s = 0.0
        self.delivered = threading.Event()
        self.services = ("trt", "tev", "tmd")
        self.capabilities: tuple[str, ...] = ()
        self.answers: dict[str, bytes | Callable[[BaseHTTPRequestHandler, str], None]] = {}
        self.altered: Callable[[str, bytes], tuple[bytes, dict[str, str]]] = lambda operation, body: (body, {})
        self.announced_port = 0
        self.subscription_port = 0
        self._servers: list[ThreadingHTTPServer] = []
        self.port = self.listen()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def operations(self, port: int | None = None) -> list[str]:
        return [operation for at, operation, *_ in self.requests if port in (None, at)]

    def listen(self) -> int:
        """Answer on another port too; return it."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self._servers.append(server)
        return server.server_port

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def notify(self, *messages: str) -> None:
        """Hand these over with the next pull."""
        self.delivered.clear()
        self.waiting += messages

    def usual(self, operation: str) -> bytes:
        base = f"http://127.0.0.1:{self.announced_port or self.port}"
        now = datetime.now(UTC)
        clock = (
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}"
            f"</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>"
            f"{now.day}</tt:Day></tt:Date>"
        )
        services = "".join(
            f"<tds:Service><tds:Namespace>{SPACES[name]}</tds:Namespace><tds:XAddr>{base}/onvif/{name}</tds:XAddr>"
            "<tds:Version><tt:Major>2</tt:Major><tt:Minor>6</tt:Minor></tds:Version></tds:Service>"
            for name in self.services
        )
        words = {"trt": "Media", "tev": "Events"}
        capabilities = "".join(
            f"<tt:{words[name]}><tt:XAddr>{base}/onvif/{name}</tt:XAddr></tt:{words[name]}>"
            for name in self.capabilities
        )
        times = "<wsnt:CurrentTime>{0}</wsnt:CurrentTime><wsnt:TerminationTime>{0}</wsnt:TerminationTime>".format(
            f"{now:%Y-%m-%dT%H:%M:%SZ}"
        )
        subscription = f"http://127.0.0.1:{self.subscription_port or self.port}/event-1024_1024"
        encoder = (
            "<tt:Name>v</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>"
            "640</tt:Width><tt:Height>480</tt:Height></tt:Resolution><tt:Quality>5</tt:Quality>"
        )
        inner = {
            "GetSystemDateAndTime": "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP"
            f"</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>{clock}</tt:UTCDateTime>"
            "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>",
            "GetServices": f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>",
            "GetCapabilities": f"<tds:GetCapabilitiesResponse><tds:Capabilities>{capabilities}</tds:Capabilities>"
            "</tds:GetCapabilitiesResponse>",
            "GetDeviceInformation": "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme</tds:Manufacturer>"
            "<tds:Model>M1</tds:Model><tds:FirmwareVersion>1.2</tds:FirmwareVersion><tds:SerialNumber>42"
            "</tds:SerialNumber><tds:HardwareId>h</tds:HardwareId></tds:GetDeviceInformationResponse>",
            "GetProfiles": '<trt:GetProfilesResponse><trt:Profiles token="p1" fixed="true"><tt:Name>Main</tt:Name>'
            f'<tt:VideoEncoderConfiguration token="v1">{encoder}</tt:VideoEncoderConfiguration></trt:Profiles>'
            "</trt:GetProfilesResponse>",
            "GetStreamUri": f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{base}/stream</tt:Uri>"
            "</trt:MediaUri></trt:GetStreamUriResponse>",
            "GetSnapshotUri": f"<trt:GetSnapshotUriResponse><trt:MediaUri><tt:Uri>{base}/snapshot.jpg</tt:Uri>"
            "</trt:MediaUri></trt:GetSnapshotUriResponse>",
            "GetDigitalInputs": "<tmd:GetDigitalInputsResponse/>",
            "GetRelayOutputs": "<tds:GetRelayOutputsResponse/>",
            "CreatePullPointSubscription": "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference>"
            f"<wsa:Address>{subscription}</wsa:Address></tev:SubscriptionReference>{times}"
            "</tev:CreatePullPointSubscriptionResponse>",
            "SetSynchronizationPoint": "<tev:SetSynchronizationPointResponse/>",
            "Renew": f"<wsnt:RenewResponse>{times}</wsnt:RenewResponse>",
            "Unsubscribe": "<wsnt:UnsubscribeResponse/>",
        }.get(operation)
        return UNSUPPORTED if inner is None else envelope(inner)

    def pulled(self) -> bytes:
        until = time.monotonic() + 0.3
        while not self.waiting and time.monotonic() < until:
            time.sleep(0.02)
        taken, self.waiting = self.waiting, []
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        times = f"<tev:CurrentTime>{now}</tev:CurrentTime><tev:TerminationTime>{now}</tev:TerminationTime>"
        if taken:
            self.delivered.set()
        return envelope(f"<tev:PullMessagesResponse>{times}{''.join(taken)}</tev:PullMessagesResponse>")


def _handler(peer: Peer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None: ...

        def reply(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the driver may have hung up: on closing, or on what is too much
                self.wfile.write(body)

        def do_GET(self) -> None:
            self._answer(self.path, "")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found = re.search(r"Body[^>]*>\s*<(?:\w+:)?(\w+)", body)
            assert found is not None
            self._answer(found[1], body)

        def _answer(self, what: str, body: str) -> None:
            self.close_connection = True
            peer.requests.append((self.server.server_port, what, body, dict(self.headers)))
            time.sleep(peer.delay_s)
            given = peer.answers.get(what)
            if callable(given):
                given(self, body)
                return
            if given is None:
                given = peer.pulled() if what == "PullMessages" else peer.usual(what)
            if what.startswith("/"):
                self.reply(200 if what in peer.answers else 404, given)
                return
            changed, headers = peer.altered(what, given)
            self.reply(400 if b"s:Fault" in changed else 200, changed, **headers)

    return Handler
