"""WS-Discovery of a simulated ONVIF device: answers probes to its own address and, where there is one, to the group."""

import contextlib
import select
import socket
import struct
import threading
import uuid
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from drivers.sim.onvif.soap import SoapFault, first, read_request

if TYPE_CHECKING:
    from drivers.sim.onvif.simulator import SimulatedOnvif

GROUP, PORT = "239.255.255.250", 3702
_ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"'
    ' xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"><s:Header><a:MessageID>urn:uuid:{message}</a:MessageID>'
    "<a:RelatesTo>{relates}</a:RelatesTo><a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>"
    "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</a:Action></s:Header><s:Body>"
    "<d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:{endpoint}</a:Address></a:EndpointReference>"
    "<d:Types>{types}</d:Types><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{address}</d:XAddrs>"
    "<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"
)


class Discovery:
    """A thread that answers; silent while the discovery mode is NonDiscoverable."""

    def __init__(self, device: "SimulatedOnvif", port: int = PORT) -> None:
        self._device = device
        self._endpoint = str(uuid.uuid5(uuid.NAMESPACE_URL, device.address))
        self._sockets = [_bound(device.host, port)]
        self.port = int(self._sockets[0].getsockname()[1])
        with contextlib.suppress(OSError):  # loopback has no groups
            self._sockets.append(_member(device.host, self.port))
        self._waking, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="ws-discovery", daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._waking.close()
        if self._thread.is_alive():
            self._thread.join(5)
        for held in (*self._sockets, self._woken):
            held.close()

    def _run(self) -> None:
        while True:
            ready, _, _ = select.select([*self._sockets, self._woken], [], [])
            if self._woken in ready:
                return
            for held in ready:
                with contextlib.suppress(OSError):
                    data, place = held.recvfrom(65_535)
                    self._answer(data, place)

    def _answer(self, data: bytes, place: tuple[str, int]) -> None:
        device = self._device
        try:
            request = read_request(data)
        except SoapFault:
            return
        if request.name != "Probe" or device.down.is_set() or device.state.discovery != "Discoverable":
            return
        types = first(request.element, "Types")
        requested = "" if types is None else str(types.text or "")
        device.events.add("probed", types=requested, sender=place[0])
        video, door = {"trt", "tr2"} & set(device.services), "tdc" in device.services
        if requested.strip() and "Device" not in requested and not (video and "NetworkVideoTransmitter" in requested):
            return
        profiles = ["Profile/S", "type/video_encoder"] if video else []
        scopes = " ".join(
            [
                *(f"onvif://www.onvif.org/{what}" for what in [*profiles, *(["Profile/C"] if door else [])]),
                f"onvif://www.onvif.org/name/{device.state.model}",
                "onvif://www.onvif.org/hardware/SIM",
                *device.state.scopes,
            ]
        )
        answer = _ANSWER.format(
            message=uuid.uuid4(),
            relates=escape(request.headers.get("MessageID", "")),
            endpoint=self._endpoint,
            scopes=escape(scopes),
            types="dn:NetworkVideoTransmitter" if video else "tds:Device",
            address=escape(f"{device.base}/onvif/device_service"),
        )
        self._sockets[0].sendto(answer.encode(), place)


def _bound(host: str, port: int) -> socket.socket:
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((host, port))
    except OSError:
        held.close()
        raise
    return held


def _member(host: str, port: int) -> socket.socket:
    held = _bound(GROUP, port)
    try:
        membership = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(host))
        held.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    except OSError:
        held.close()
        raise
    return held
