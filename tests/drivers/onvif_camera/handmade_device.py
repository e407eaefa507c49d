"""An ONVIF device written by hand on a loopback socket: it checks the UsernameToken and the HTTP Digest itself."""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl"'
    ' xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:ter="http://www.onvif.org/ver10/error">'
    "<s:Body>{}</s:Body></s:Envelope>"
)
NOT_AUTHORIZED = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode></s:Code>"
    '<s:Reason><s:Text xml:lang="en">Sender not Authorized</s:Text></s:Reason></s:Fault>'
)
UNSUPPORTED = (
    "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>ter:ActionNotSupported</s:Value></s:Subcode>"
    '</s:Code><s:Reason><s:Text xml:lang="en">Optional Action Not Implemented</s:Text></s:Reason></s:Fault>'
)
PROFILE = (
    '<trt:Profiles token="{t}" fixed="true"><tt:Name>{n}</tt:Name>'
    '<tt:VideoEncoderConfiguration token="v{t}"><tt:Name>v</tt:Name><tt:UseCount>1</tt:UseCount>'
    "<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>{w}</tt:Width><tt:Height>{h}</tt:Height></tt:Resolution>"
    "<tt:Quality>5</tt:Quality></tt:VideoEncoderConfiguration></trt:Profiles>"
)
JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"
NONCE = "b64nonce"


class OnvifServer:
    """State of the fake device; tests change its attributes."""

    def __init__(self) -> None:
        self.user, self.password = "admin", "пароль-1"
        self.skew = timedelta(0)
        self.clock_shown_ahead = timedelta(0)
        self.authentication = "token"
        self.announced = "192.0.2.1"
        self.stream_uri = "rtsp://root:leak@192.0.2.1:8554/live/main?a=1"
        self.services = True
        self.canned: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.operations: list[str] = []
        self.authorised = 0
        self.refusals = 0
        self.plain_password_seen = False
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.http.daemon_threads = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def token_is_right(self, body: str) -> bool:
        found = re.search(
            r"Username>(.*?)<.*?PasswordDigest\">(.*?)<.*?Nonce[^>]*>(.*?)<.*?Created[^>]*>(.*?)<", body, re.S
        )
        if found is None:
            return False
        user, digest, nonce, created = found.groups()
        raw = base64.b64decode(nonce) + created.encode() + self.password.encode()
        age = datetime.now(UTC) + self.skew - datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        fresh = abs(age.total_seconds()) < 10
        return user == self.user and digest == base64.b64encode(hashlib.sha1(raw).digest()).decode() and fresh

    def digest_is_right(self, method: str, header: str) -> bool:
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', header))
        if fields.get("username") != self.user or fields.get("nonce") != NONCE:
            return False
        ha1 = hashlib.md5(f"{self.user}:ipcam:{self.password}".encode()).hexdigest()
        ha2 = hashlib.md5(f"{method}:{fields['uri']}".encode()).hexdigest()
        want = f"{ha1}:{NONCE}:{fields['nc']}:{fields['cnonce']}:auth:{ha2}"
        return fields["response"] == hashlib.md5(want.encode()).hexdigest()

    def answer(self, operation: str) -> str:
        if operation == "GetSystemDateAndTime":
            now = datetime.now(UTC) + self.skew + self.clock_shown_ahead
            time = (
                f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            )
            day = f"<tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            inner = f"<tt:UTCDateTime><tt:Time>{time}</tt:Time><tt:Date>{day}</tt:Date></tt:UTCDateTime>"
            inner = f"<tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>{inner}"
            inner = f"<tds:SystemDateAndTime>{inner}</tds:SystemDateAndTime>"
            return f"<tds:GetSystemDateAndTimeResponse>{inner}</tds:GetSystemDateAndTimeResponse>"
        media = f"http://{self.announced}/onvif/media_service"
        return {
            "GetServices": "<tds:GetServicesResponse><tds:Service>"
            f"<tds:Namespace>http://www.onvif.org/ver10/media/wsdl</tds:Namespace><tds:XAddr>{media}</tds:XAddr>"
            "<tds:Version><tt:Major>2</tt:Major><tt:Minor>6</tt:Minor></tds:Version></tds:Service>"
            "</tds:GetServicesResponse>"
            if self.services
            else UNSUPPORTED,
            "GetCapabilities": "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media>"
            f"<tt:XAddr>{media}</tt:XAddr><tt:StreamingCapabilities/></tt:Media></tds:Capabilities>"
            "</tds:GetCapabilitiesResponse>",
            "GetDeviceInformation": "<tds:GetDeviceInformationResponse><tds:Manufacturer>Acme\x09Co</tds:Manufacturer>"
            f"<tds:Model>{'M' * 500}</tds:Model><tds:FirmwareVersion>1.2</tds:FirmwareVersion>"
            "<tds:SerialNumber>42</tds:SerialNumber><tds:HardwareId>h</tds:HardwareId></tds:GetDeviceInformationResponse>",
            "GetProfiles": "<trt:GetProfilesResponse>"
            + PROFILE.format(t="main", n="Main", w=1920, h=1080)
            + PROFILE.format(t="sub", n="Sub", w=640, h=480)
            + "</trt:GetProfilesResponse>",
            "GetStreamUri": f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{self.stream_uri}</tt:Uri>"
            "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
            "<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>",
            "GetSnapshotUri": "<trt:GetSnapshotUriResponse><trt:MediaUri>"
            f"<tt:Uri>http://{self.announced}/snap.jpg?ch=1</tt:Uri>"
            "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
            "<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetSnapshotUriResponse>",
        }[operation]


def _handler(device: OnvifServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901  one HTTP server
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None: ...

        def reply(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def challenge(self) -> None:
            device.refusals += 1
            self.reply(401, b"no", WWW_Authenticate=f'Digest realm="ipcam", qop="auth", nonce="{NONCE}"')

        def do_GET(self) -> None:
            if device.digest_is_right("GET", self.headers.get("Authorization", "")):
                self.reply(200, JPEG, Content_Type="image/jpeg")
            else:
                self.challenge()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            operation = re.search(r"Body[^>]*>\s*<(?:\w+:)?(\w+)", body)
            assert operation is not None
            device.operations.append(operation.group(1))
            device.plain_password_seen |= device.password in body or "Basic" in self.headers.get("Authorization", "")
            if device.canned is not None:
                device.canned(self)
                return
            if operation.group(1) != "GetSystemDateAndTime" and not self.authorised(body):
                return
            answer = device.answer(operation.group(1))
            self.reply(400 if answer.startswith("<s:Fault") else 200, ENVELOPE.format(answer).encode())

        def authorised(self, body: str) -> bool:
            if device.authentication == "token" and not device.token_is_right(body):
                device.refusals += 1
                self.reply(400, ENVELOPE.format(NOT_AUTHORIZED).encode(), Content_Type="application/soap+xml")
                return False
            if device.authentication == "basic":
                device.refusals += 1
                self.reply(401, b"", WWW_Authenticate='Basic realm="ipcam"')
                return False
            if device.authentication == "digest":
                if not device.digest_is_right("POST", self.headers.get("Authorization", "")):
                    self.challenge()
                    return False
                assert "UsernameToken" not in body
            device.authorised += 1
            return True

    return Handler
