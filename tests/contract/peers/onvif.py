"""An ONVIF camera and an ONVIF door controller, without a login: envelopes by hand.

Sources: ONVIF Core Specification 8 (device), 9 (events by pull point) and its topics; Device IO 5; Media 5; Door
Control 5; Access Control 5; WS-BaseNotification 1.3. "Not now" is HTTP 503 of the device's web server (RFC 9110).
"""

import queue
import re
from datetime import UTC, datetime, timedelta

from tests.contract.peers.base import COMMAND, READING, UNKNOWN, Unknown, wait_until
from tests.contract.peers.http_server import Asked, HttpPeer, reply

SPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "tt": "http://www.onvif.org/ver10/schema",
    "tns1": "http://www.onvif.org/ver10/topics",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tdc": "http://www.onvif.org/ver10/doorcontrol/wsdl",
    "tac": "http://www.onvif.org/ver10/accesscontrol/wsdl",
}
DECLARED = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())
PULL_S = 0.3


def stamp(seconds: float = 0.0) -> str:
    """Return a UTC time so far from now."""
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def envelope(body: str, status: int = 200) -> bytes:
    """Return a whole answer."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope {DECLARED}><s:Body>{body}</s:Body></s:Envelope>'
    return reply(status, text.encode(), "application/soap+xml; charset=utf-8")


NOT_SUPPORTED = envelope(
    "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>ter:ActionNotSupported</s:Value></s:Subcode>"
    '</s:Code><s:Reason><s:Text xml:lang="en">Optional Action Not Implemented</s:Text></s:Reason></s:Fault>'.replace(
        "<s:Fault>", '<s:Fault xmlns:ter="http://www.onvif.org/ver10/error">'
    ),
    500,
)


def items(part: str, values: dict[str, str]) -> str:
    """Return Source or Data of a message."""
    inner = "".join(f'<tt:SimpleItem Name="{name}" Value="{value}"/>' for name, value in values.items())
    return f"<tt:{part}>{inner}</tt:{part}>"


def notification(topic: str, source: dict[str, str], data: dict[str, str], operation: str = "") -> str:
    """Return one NotificationMessage."""
    kind = f' PropertyOperation="{operation}"' if operation else ""
    return (
        '<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
        f'{topic}</wsnt:Topic><wsnt:Message><tt:Message UtcTime="{stamp()}"{kind}>'
        f"{items('Source', source)}{items('Data', data)}</tt:Message></wsnt:Message></wsnt:NotificationMessage>"
    )


class OnvifPeer(HttpPeer):
    """What both have in common: clock, services, identity, events; `answers` adds operations, `states` properties."""

    services: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._waiting: queue.Queue[str] = queue.Queue()
        super().__init__()

    def hurry(self, patch) -> None:
        from drivers.common.onvif.services.pull_point import EventPump, Timing

        quick = Timing(lifetime=20.0, pull=1.0, probe=1.0, answer=1.0, pauses=(0.05, 0.1))
        patch.setattr(EventPump.__init__, "__defaults__", (quick,))
        patch.setattr("drivers.common.onvif.services.digital_inputs.FIRST_REPORT_S", 1.0, raising=False)

    def states(self) -> list[str]:
        """Return what it reports of its properties after a new subscription."""
        return []

    def answers(self, operation: str, body: str) -> str | None:
        """Return the body of an answer, None for what it does not know."""
        raise NotImplementedError

    @staticmethod
    def _operation(asked: Asked) -> tuple[str, str]:
        body = asked.body.decode("utf-8", "replace")
        inner = re.search(r"<(?:[\w-]+:)?Body[^>]*>\s*<(?:[\w-]+:)?(\w+)", body)
        return (inner[1] if inner else ""), body

    def rule_of(self, asked: Asked) -> str:
        operation, body = self._operation(asked)
        if operation in self.releases and "inactive" not in body:
            return COMMAND
        return READING if operation.startswith("Get") else ""

    def page(self, asked: Asked) -> bytes:
        operation, body = self._operation(asked)
        inner = self._common(operation) or self.answers(operation, body)
        return NOT_SUPPORTED if inner is None else envelope(inner)

    def _common(self, operation: str) -> str | None:
        now = datetime.now(UTC)
        if operation == "GetSystemDateAndTime":
            time = (
                f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            )
            day = f"<tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            return (
                "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
                "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>UTC0</tt:TZ></tt:TimeZone>"
                f"<tt:UTCDateTime><tt:Time>{time}</tt:Time><tt:Date>{day}</tt:Date></tt:UTCDateTime>"
                "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
            )
        if operation == "GetServices":
            rows = "".join(
                f"<tds:Service><tds:Namespace>{SPACES[name]}</tds:Namespace><tds:XAddr>{self.address}/onvif/{name}"
                "</tds:XAddr><tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
                for name in ("tds", "tev", *self.services)
            )
            return f"<tds:GetServicesResponse>{rows}</tds:GetServicesResponse>"
        if operation == "GetDeviceInformation":
            return (
                "<tds:GetDeviceInformationResponse><tds:Manufacturer>Maker</tds:Manufacturer><tds:Model>M1</tds:Model>"
                "<tds:FirmwareVersion>1.2.3</tds:FirmwareVersion><tds:SerialNumber>4711</tds:SerialNumber>"
                "<tds:HardwareId>1</tds:HardwareId></tds:GetDeviceInformationResponse>"
            )
        return self._events(operation)

    def _events(self, operation: str) -> str | None:
        times = (
            f"<wsnt:CurrentTime>{stamp()}</wsnt:CurrentTime><wsnt:TerminationTime>{stamp(20)}</wsnt:TerminationTime>"
        )
        if operation == "CreatePullPointSubscription":
            self.sessions += 1
            return (
                "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference><wsa:Address>"
                f"{self.address}/onvif/pull/1</wsa:Address></tev:SubscriptionReference>{times}"
                "</tev:CreatePullPointSubscriptionResponse>"
            )
        if operation == "SetSynchronizationPoint":
            for state in self.states():
                self._waiting.put(state)
            return "<tev:SetSynchronizationPointResponse/>"
        if operation == "PullMessages":
            found = []
            try:
                found.append(self._waiting.get(timeout=PULL_S))
                while True:
                    found.append(self._waiting.get_nowait())
            except queue.Empty:
                pass
            times = times.replace("wsnt:", "tev:")
            return f"<tev:PullMessagesResponse>{times}{''.join(found)}</tev:PullMessagesResponse>"
        if operation == "Renew":
            return f"<wsnt:RenewResponse>{times}</wsnt:RenewResponse>"
        return "<wsnt:UnsubscribeResponse/>" if operation == "Unsubscribe" else None


class OnvifCameraPeer(OnvifPeer):
    """A camera with one profile, one relay and one input."""

    services, releases = ("trt",), ("SetRelayOutputState",)
    options = {"relay": "RelayOutput_1"}
    unseen = {"fire_input": "AlarmIn_9"}
    missing, reported = "AlarmIn_9", "DigitalInput_1"
    without = {
        UNKNOWN: "its topics tell of pictures and inputs, never of a person at a door; inputs are read by their token"
    }

    def __init__(self) -> None:
        self._relay = ("Monostable", "PT1S")
        super().__init__()

    def states(self) -> list[str]:
        topic = "tns1:Device/Trigger/DigitalInput"
        return [notification(topic, {"InputToken": "DigitalInput_1"}, {"LogicalState": "false"}, "Initialized")]

    def answers(self, operation: str, body: str) -> str | None:
        if operation == "GetProfiles":
            return (
                '<trt:GetProfilesResponse><trt:Profiles token="P1" fixed="true"><tt:Name>main</tt:Name>'
                '<tt:VideoEncoderConfiguration token="V1"><tt:Name>main</tt:Name><tt:UseCount>1</tt:UseCount>'
                "<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>1920</tt:Width><tt:Height>1080</tt:Height>"
                "</tt:Resolution><tt:Quality>4</tt:Quality></tt:VideoEncoderConfiguration></trt:Profiles>"
                "</trt:GetProfilesResponse>"
            )
        if operation == "GetStreamUri":
            return (
                "<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>rtsp://127.0.0.1:9/main</tt:Uri>"
                "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false"
                "</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
            )
        if operation == "GetRelayOutputs":
            mode, delay = self._relay
            return (
                '<tds:GetRelayOutputsResponse><tds:RelayOutputs token="RelayOutput_1"><tt:Properties>'
                f"<tt:Mode>{mode}</tt:Mode><tt:DelayTime>{delay}</tt:DelayTime><tt:IdleState>open</tt:IdleState>"
                "</tt:Properties></tds:RelayOutputs></tds:GetRelayOutputsResponse>"
            )
        if operation == "SetRelayOutputSettings":
            found = [re.search(rf"<(?:[\w-]+:)?{name}[^>]*>([^<]*)<", body) for name in ("Mode", "DelayTime")]
            self._relay = tuple(each[1] for each in found if each)
        known = ("SetRelayOutputSettings", "SetRelayOutputState")
        return f"<tds:{operation}Response/>" if operation in known else None


class OnvifDoorPeer(OnvifPeer):
    """A controller with one door and one access point."""

    services, releases = ("tdc", "tac"), ("AccessDoor",)
    unseen = {"fire_input": "AlarmIn_9"}
    missing, reported = "AlarmIn_9", "DigitalInput_1"

    def states(self) -> list[str]:
        topic = "tns1:Device/Trigger/DigitalInput"
        return [
            notification(topic, {"InputToken": "DigitalInput_1"}, {"LogicalState": "false"}, "Initialized"),
            notification("tns1:Door/State/DoorMode", {"DoorToken": "D1"}, {"State": "Locked"}, "Initialized"),
        ]

    def answers(self, operation: str, body: str) -> str | None:
        if operation == "GetDoorInfoList":
            return (
                '<tdc:GetDoorInfoListResponse><tdc:DoorInfo token="D1"><tdc:Name>Main</tdc:Name><tdc:Capabilities '
                'Access="true" AccessTimingOverride="true" Lock="true" Unlock="true"/></tdc:DoorInfo>'
                "</tdc:GetDoorInfoListResponse>"
            )
        if operation == "GetAccessPointInfoList":
            return (
                '<tac:GetAccessPointInfoListResponse><tac:AccessPointInfo token="A1"><tac:Name>Main in</tac:Name>'
                '<tac:Entity>D1</tac:Entity><tac:Capabilities DisableAccessPoint="false"/></tac:AccessPointInfo>'
                "</tac:GetAccessPointInfoListResponse>"
            )
        if operation == "GetDoorState":
            mode = "Accessed" if self.opened else "Locked"
            return (
                f"<tdc:GetDoorStateResponse><tdc:DoorState><tdc:DoorMode>{mode}</tdc:DoorMode></tdc:DoorState>"
                "</tdc:GetDoorStateResponse>"
            )
        return "<tdc:AccessDoorResponse/>" if operation == "AccessDoor" else None

    def send_unknown(self) -> list[Unknown]:
        """A denial for a reason that Access Control's DenyReason leaves out, and a topic that its 5.5 leaves out."""
        wait_until(lambda: self.sessions)
        point = {"AccessPointToken": "A1"}
        topic = "tns1:AccessControl/Denied/Credential"
        self._waiting.put(notification(topic, point, {"Reason": "ptReason97", "Card": "9262882"}))
        topic = "tns1:AccessControl/Withheld97/Credential"
        self._waiting.put(notification(topic, point, {"Card": "9262882"}))
        return [Unknown("ptReason97", card="9262882"), Unknown("Withheld97", card="9262882")]
