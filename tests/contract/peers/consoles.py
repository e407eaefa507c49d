"""Face terminals of Hikvision and Dahua: bodies as in captures and documents named at each."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from tests.contract.peers.base import COMMAND, READING, UNSEEN, Unknown
from tests.contract.peers.http_server import Asked, HttpPeer, Stream, reply

ISAPI = "http://www.isapi.org/ver20/XMLSchema"


def xml(root: str, inner: str, namespace: str = ISAPI) -> bytes:
    """Return a document of ISAPI."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} version="2.0" xmlns="{namespace}">{inner}</{root}>'
    return reply(200, text.encode(), "application/xml")


class HikvisionPeer(HttpPeer):
    """A DS-K1T671M that decides by itself.

    Bodies: Hikvision, ISAPI Developer Guide for person-based access control; the captures of DEVICE_FACTS, 1 (digest
    challenge, deviceInfo, alertStream with heartbeats, deviceBusy as status 503 and as statusCode 2 with status 200).
    """

    username, password = "admin", "console-1"
    challenge = reply(
        401,
        b'<?xml version="1.0"?><userCheck><statusValue>401</statusValue><statusString>Unauthorized</statusString>'
        b"<isActivated>true</isActivated></userCheck>",
        "application/xml",
        'WWW-Authenticate: Digest qop="auth", realm="DS-60cf1d3a", nonce="NjM0NDU2Nzg6MTIz", stale="false", opaque="", '
        'domain="::"',
    )
    options = {"decide": "console", "poll_seconds": 0.3, "spacing": 0, "fire_input": False}
    without = {
        UNSEEN: "no option names an input by number; its doors are counted, and a portal on one too many is an alarm"
    }
    BUSY = {"statusCode": 2, "statusString": "Device Busy", "subStatusCode": "deviceBusy", "errorCode": 536870916}

    def __init__(self) -> None:
        super().__init__()
        self._events: list[dict] = []
        self._serial = 587

    def rule_of(self, asked: Asked) -> str:
        if "/RemoteControl/door/" in asked.target:
            return COMMAND
        return "" if "alertStream" in asked.target else READING

    def busy_answer(self, asked: Asked) -> bytes:
        return reply(503 if self.refused % 2 else 200, json.dumps(self.BUSY | {"errorMsg": "deviceBusy"}).encode())

    def page(self, asked: Asked) -> bytes | Stream:
        page = urlsplit(asked.target).path.removeprefix("/ISAPI/")
        now = datetime.now().astimezone()
        if page == "Event/notification/alertStream":
            self.sessions += 1
            beat = json.dumps({"eventType": "heartBeat", "eventState": "active", "dateTime": now.isoformat()}).encode()
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=MIME_boundary\r\n\r\n--MIME_boundary\r\n"
            )
            return Stream(head, self.part(beat))
        if page == "System/deviceInfo":
            return xml(
                "DeviceInfo",
                "<deviceName>Access Controller</deviceName><deviceID>255</deviceID><model>DS-K1T671M</model>"
                "<serialNumber>DS-K1T671M20200101V030230ENE00000000</serialNumber>"
                "<macAddress>00:00:5e:00:53:01</macAddress><firmwareVersion>V3.2.30</firmwareVersion>"
                "<firmwareReleasedDate>build 210301</firmwareReleasedDate><deviceType>ACS</deviceType>"
                "<relayNum>1</relayNum><electroLockNum>1</electroLockNum>",
            )
        if page == "System/time":
            zone = now.utcoffset() // timedelta(minutes=1)
            hours, minutes = divmod(abs(zone), 60)
            # The sign of timeZone is inverted (capture): UTC-3 is CST+3.
            text = f"CST{'-' if zone > 0 else '+'}{hours}:{minutes:02}:00"
            stamp = now.isoformat(timespec="seconds")
            return xml("Time", f"<timeMode>NTP</timeMode><localTime>{stamp}</localTime><timeZone>{text}</timeZone>")
        if "/RemoteControl/door/" in asked.target:
            inner = "<requestURL></requestURL><statusCode>1</statusCode><statusString>OK</statusString>"
            ok = f"{inner}<subStatusCode>ok</subStatusCode>"
            return xml("ResponseStatus", ok, "http://www.hikvision.com/ver10/XMLSchema")
        return self._json(page, asked)

    def _json(self, page: str, asked: Asked) -> bytes:
        if page == "AccessControl/AcsEvent":
            return reply(200, json.dumps({"AcsEvent": self._search(json.loads(asked.body)["AcsEventCond"])}).encode())
        found = {
            "AccessControl/AcsCfg": {"AcsCfg": {"remoteCheckDoorEnabled": False, "uploadCapPic": False}},
            "AccessControl/AcsWorkStatus": {
                "AcsWorkStatus": {"doorLockStatus": [0], "hostAntiDismantleStatus": "close"}
            },
            "AccessControl/UserInfo/Count": {"UserInfoCount": {"userNumber": 0, "bindCardUserNumber": 0}},
        }.get(page)
        if found is not None:
            return reply(200, json.dumps(found).encode())
        refusal = {"statusCode": 4, "statusString": "Invalid Operation", "subStatusCode": "notSupport"}
        return reply(403, json.dumps(refusal | {"errorCode": 1073741825, "errorMsg": "notSupport"}).encode())

    def _search(self, condition: dict) -> dict:
        with self.lock:
            fitting = [
                event for event in self._events
                if condition.get("major") in (0, event["major"]) and condition.get("minor") in (0, event["minor"])
                and event["serialNo"] >= condition.get("beginSerialNo", 0)
            ]  # fmt: skip
        start = condition["searchResultPosition"]
        page = fitting[start : start + condition["maxResults"]]
        more = "MORE" if start + len(page) < len(fitting) else "OK" if page else "NO MATCH"
        return {
            "searchID": condition["searchID"], "totalMatches": len(fitting), "responseStatusStrg": more,
            "numOfMatches": len(page), "InfoList": page,
        }  # fmt: skip

    @staticmethod
    def part(body: bytes) -> bytes:
        """Return a part of the stream: byte length, and the next boundary."""
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        return head + body + b"\r\n--MIME_boundary\r\n"

    def send_unknown(self) -> list[Unknown]:
        """Major 5, minors 0x7e1 (with a person and a card) and 0x7e2: beyond the guide's list of events."""
        at = datetime.now().astimezone().isoformat(timespec="seconds")
        person = {"employeeNoString": "1042", "cardNo": "9262882", "currentVerifyMode": "cardOrFaceOrPw"}
        with self.lock:
            for minor, more in ((0x7E1, person), (0x7E2, {})):
                self._serial += 1
                event = {"major": 5, "minor": minor, "time": at, "serialNo": self._serial, "doorNo": 1}
                self._events.append(event | {"cardReaderNo": 1} | more)
        return [Unknown("5/0x7e1", badge="1042"), Unknown("5/0x7e2")]


class DahuaPeer(HttpPeer):
    """An ASI7213Y that decides by itself.

    Bodies: Dahua HTTP API for access control (magicBox, global, configManager, recordFinder, eventManager,
    accessControl, AccessUser). "Not now" is 401 to a login that was right before, which means too many connections
    (DEVICE_FACTS, 2), and 503.
    """

    username, password = "admin", "console-1"
    challenge = reply(
        401,
        b"",
        "text/plain",
        'WWW-Authenticate: Digest realm="Login to 5a1d9c7f3b2e48609d1c7f3b2e486090", qop="auth", nonce="1862903457", '
        'opaque="b2e486095a1d9c7f3b2e48609d1c7f3b"',
    )
    without = {UNSEEN: "no option names an input, and the terminal does not say how many doors it has"}

    def __init__(self) -> None:
        super().__init__()
        self._records: list[dict] = []

    def rule_of(self, asked: Asked) -> str:
        if "action=openDoor" in asked.target:
            return COMMAND
        return "" if "eventManager" in asked.target else READING

    def busy_answer(self, asked: Asked) -> bytes:
        return reply(503) if self.refused % 2 else self.challenge

    def page(self, asked: Asked) -> bytes | Stream:
        parts = urlsplit(asked.target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        cgi = parts.path.rpartition("/")[2].removesuffix(".cgi")
        call = f"{cgi} {query.get('action')} {query.get('name', '')}".strip()
        if call == "eventManager attach":
            self.sessions += 1
            head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=myboundary\r\n\r\n"
            return Stream(head, b"--myboundary\r\nContent-Type: text/plain\r\nContent-Length:9\r\n\r\nHeartbeat\r\n")
        texts = {
            "magicBox getDeviceType": "type=ASI7213Y-V3",
            "magicBox getSystemInfo": "deviceType=ASI7213Y-V3\r\nserialNumber=6J02F5APAJ00001\r\nhardwareVersion=1.00",
            "magicBox getSoftwareVersion": "version=1.000.0000004.0.R,build:2022-01-14",
            "global getCurrentTime": f"result={datetime.now():%Y-%m-%d %H:%M:%S}",
            "configManager getConfig AccessControl": "table.AccessControl[0].UnlockHoldInterval=3000\r\n"
            "table.AccessControl[0].State=Normal",
            "accessControl getDoorStatus": "Info.status=Close",
            "accessControl openDoor": "OK",
            "AccessUser stopFind": "OK",
        }
        if call == "recordFinder find AccessControlCardRec":
            return reply(200, self._find(query).encode(), "text/plain")
        if call == "AccessUser startFind":
            return reply(200, b'{"Caps":10,"Token":1,"Total":0}')
        if call in texts:
            return reply(200, texts[call].encode() + b"\r\n", "text/plain")
        return reply(400, b"Error\r\nBad Request!\r\n", "text/plain")

    def _find(self, query: dict) -> str:
        start, most = int(query.get("StartTime", "0")), int(query.get("count", "100"))
        with self.lock:
            rows = [row for row in self._records if row["CreateTime"] >= start][:most]
        lines = [f"records[{n}].{key}={value}" for n, row in enumerate(rows) for key, value in row.items()]
        return "\r\n".join([f"found={len(rows)}", *lines, ""])

    def send_unknown(self) -> list[Unknown]:
        """A record with ErrorCode 0x7e and Method 97, which the API's lists leave out, of user 1042."""
        row = {"RecNo": 12, "CreateTime": int(datetime.now(UTC).timestamp()), "UserID": "1042", "CardNo": "", "Door": 0}
        with self.lock:
            self._records.append(row | {"Type": "Entry", "Method": 97, "Status": 0, "ErrorCode": 0x7E})
        return [Unknown("0x7e", badge="1042")]
