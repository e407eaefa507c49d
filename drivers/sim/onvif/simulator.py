"""The simulated ONVIF device as an object, for tests and `devicemgr sim onvif`."""

import copy
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from devicemgr.errors import DeviceBusy
from drivers.sim.base.events import EventLog, Sink
from drivers.sim.onvif.auth import Doorkeeper
from drivers.sim.onvif.call import Call, Operation
from drivers.sim.onvif.discovery import Discovery
from drivers.sim.onvif.faults import Faults
from drivers.sim.onvif.http import Server
from drivers.sim.onvif.services import device, doors, events, io, media, ptz
from drivers.sim.onvif.soap import PREFIXES, Request, not_supported, prefix_of, seconds
from drivers.sim.onvif.state import State

OPERATIONS: dict[str, dict[str, Operation]] = {
    "tds": device.OPERATIONS,
    "trt": media.MEDIA1,
    "tr2": media.MEDIA2,
    "tptz": ptz.PTZ,
    "timg": ptz.IMAGING,
    "tmd": io.OPERATIONS,
    "tdc": doors.DOORS,
    "tac": doors.ACCESS,
    "tev": {},
}
CAMERA = ("tds", "trt", "tr2", "tev", "tptz", "timg", "tmd")
DOOR = ("tds", "tev", "tmd", "tdc", "tac")
REBOOT_S = 0.5
_MAX_LIFETIME = 600.0


class SimulatedOnvif:
    """A device on `host`; a context manager. Requests and actions are in `events`, what shall go wrong in `faults`.

    `auth` is token, digest, both (either will do) or none; `snapshot_auth` digest, basic or none. Events: request,
    refused, injected, notified, rebooting, booted, switched, door, probed, streaming.
    """

    def __init__(
        self,
        services: tuple[str, ...] = CAMERA,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        auth: str = "both",
        snapshot_auth: str = "digest",
        discovery_port: int | None = None,
        tls: ssl.SSLContext | None = None,
        on_event: Sink | None = None,
    ) -> None:
        self.events = EventLog(on_event)
        self.state, self.faults, self.hub, self.doorkeeper = State(), Faults(), events.Hub(), Doorkeeper()
        self.writes = 0  # calls that changed something
        self.services, self.auth, self.snapshot_auth = services, auth, snapshot_auth
        self.lock = threading.RLock()
        self.down = threading.Event()
        self._timers: set[threading.Timer] = set()
        try:
            self._http = Server((host, port), self, tls)
        except (OSError, OverflowError) as error:
            raise DeviceBusy(f"port {port} of {host} is taken or not allowed; give another one") from error
        self.scheme = "https" if tls else "http"
        self.host, self.port = host, int(self._http.server_address[1])
        self._discovery = None if discovery_port is None else Discovery(self, discovery_port)

    @property
    def address(self) -> str:
        """For a driver: where it really is."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def base(self) -> str:
        """What it announces."""
        return self.faults.announce or self.address

    def now(self) -> datetime:
        """By the device's own clock."""
        return datetime.now(UTC) + timedelta(seconds=self.faults.clock_offset_s)

    def start(self) -> "SimulatedOnvif":
        """Serve, and answer WS-Discovery if enabled."""
        self._http.start()
        if self._discovery is not None:
            self._discovery.start()
        return self

    def stop(self) -> None:
        """End everything."""
        self.hub.stop()
        if self._discovery is not None:
            self._discovery.stop()
        with self.lock:
            timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()
        self._http.stop()

    def __enter__(self) -> "SimulatedOnvif":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # What an operation may do (call.Surroundings).

    def notify(self, topic: str, source: dict[str, str], data: dict[str, str], operation: str = "Changed") -> None:
        """Publish that a property of the device changed, or that something happened."""
        self.events.add("notified", topic=topic, source=dict(source), data=dict(data))
        self.hub.publish(events.message(topic, source, data, operation, self.now()))

    def after(self, delay: float, job: Callable[[State], None]) -> None:
        """Do `job` on the state after so many seconds."""

        def run() -> None:
            with self.lock:
                self._timers.discard(timer)
                job(self.state)

        timer = threading.Timer(delay, run)
        timer.daemon = True
        with self.lock:
            self._timers.add(timer)
        timer.start()

    def reboot(self, down_seconds: float = REBOOT_S) -> None:
        """Go away; come back without subscriptions and nonces, and with other subscription addresses."""
        self.events.add("rebooting", boot=self.hub.boot)
        self.down.set()
        self._http.drop_connections()
        self.hub.restart()
        self.doorkeeper.restart()

        def back(_: State) -> None:
            self.down.clear()
            self.events.add("booted", boot=self.hub.boot)

        self.after(down_seconds, back)

    # What happens at the device, for tests and for the commands on standard input.

    def set_input(self, token: str, active: bool) -> None:
        """Press or release what is wired to a digital input."""
        with self.lock:
            self.state.inputs[token] = active
        self.notify(io.INPUT_TOPIC, {"InputToken": token}, {"LogicalState": str(active).lower()})

    def set_door(self, token: str, **values: str) -> None:
        """Change a door by hand: mode, physical, lock, alarm, tamper, fault."""
        with self.lock:
            call = self._call(Request("", "", None), self.state, "")
            doors.change(call, doors.door_of(self.state, token), **values)
        self.events.add("door", token=token, **dict(values))

    def card(self, point: str, topic: str, **data: str) -> None:
        """Something at an access point: `topic` below tns1:AccessControl, such as Denied/CredentialNotFound/Card."""
        self.notify(f"tns1:AccessControl/{topic}", {"AccessPointToken": point}, data, operation="")

    # SOAP.

    def available(self) -> tuple[str, ...]:
        """Return the services that are there now."""
        return tuple(prefix for prefix in self.services if prefix not in self.faults.missing)

    def perform(self, request: Request, path: str, user: str) -> str:
        """Return the body of the answer; SoapFault for a refusal."""
        if request.namespace in (PREFIXES["tev"], PREFIXES["wsnt"]):
            if "tev" not in self.available():
                raise not_supported()
            return self._perform_event(request, path)
        try:
            prefix = prefix_of(request.namespace)
        except StopIteration:
            raise not_supported() from None
        operation = OPERATIONS.get(prefix, {}).get(request.name)
        hidden = self.faults.no_get_services and request.name == "GetServices"
        lacking = request.name in self.faults.lacking
        if operation is None or hidden or lacking or prefix not in self.available():
            raise not_supported()
        with self.lock:
            if self.faults.ignore_sets and not request.name.startswith("Get"):
                self.events.add("injected", fault="ignore_sets", operation=request.name)
                inner = operation(self._call(request, copy.deepcopy(self.state), user, idle=True))
            else:
                inner = operation(self._call(request, self.state, user))
                if not request.name.startswith("Get"):
                    self.writes += 1
                    self.events.add("switched", operation=request.name)
        return f"<{prefix}:{request.name}Response>{inner}</{prefix}:{request.name}Response>"

    def _call(self, request: Request, state: State, user: str, *, idle: bool = False) -> Call:
        around = _Nothing() if idle else self
        now = self.now()
        if request.name == "GetSystemDateAndTime":
            now += timedelta(seconds=self.faults.clock_shown_offset_s)
        services = self.available()
        if request.name == "GetCapabilities":
            services = tuple(prefix for prefix in services if prefix not in self.faults.no_capabilities)
        stream = self.faults.announce_stream or f"{self.base}/stream"
        return Call(request, state, around, self.base, stream, now, services, user)

    def _perform_event(self, request: Request, path: str) -> str:
        key = path.rpartition("/sub/")[2] if "/sub/" in path else ""
        name = request.name
        if name == "CreatePullPointSubscription" and not self.faults.no_pull_point:
            lifetime = min(seconds(request.text("InitialTerminationTime"), 60.0), _MAX_LIFETIME)
            made = self.hub.create(lifetime)
            inner = events.reference(f"{self.base}/onvif/sub/{made.key}", self.now(), lifetime)
            self._publish_properties(made.key)
            return f"<tev:{name}Response>{inner}</tev:{name}Response>"
        if name == "PullMessages":
            return self._pull(request, key)
        if name == "SetSynchronizationPoint":
            self.hub.get(key)
            self._publish_properties(key)
            return "<tev:SetSynchronizationPointResponse/>"
        if name == "Renew" and not self.faults.no_renew:
            lifetime = min(seconds(request.text("TerminationTime"), 60.0), _MAX_LIFETIME)
            self.hub.get(key).until = time.monotonic() + lifetime
            inner = events.times(self.now(), lifetime, "wsnt")
            return f"<wsnt:RenewResponse>{inner}</wsnt:RenewResponse>"
        if name == "Unsubscribe":
            self.hub.remove(key)
            return "<wsnt:UnsubscribeResponse/>"
        raise not_supported()

    def _pull(self, request: Request, key: str) -> str:
        timeout = min(seconds(request.text("Timeout"), 5.0), 60.0)
        limit = int(request.text("MessageLimit", "100") or 100)
        if self.faults.events_hang:
            self.events.add("injected", fault="events_hang", operation="PullMessages")
            timeout = 3600.0
        if self.faults.events_silent:
            self.events.add("injected", fault="events_silent", operation="PullMessages")
        found = self.hub.pull(key, timeout, limit, deaf=self.faults.events_silent or self.faults.events_hang)
        left = max(0.0, self.hub.get(key).until - time.monotonic())
        inner = events.times(self.now(), left, "tev") + "".join(found)
        return f"<tev:PullMessagesResponse>{inner}</tev:PullMessagesResponse>"

    def _publish_properties(self, key: str) -> None:
        with self.lock:
            fields = [
                (io.INPUT_TOPIC, {"InputToken": token}, {"LogicalState": str(active).lower()})
                for token, active in self.state.inputs.items()
            ]
            fields += [
                (io.RELAY_TOPIC, {"RelayToken": r.token}, {"LogicalState": "active" if r.active else "inactive"})
                for r in self.state.relays
            ]
            if "tdc" in self.available():
                fields += [
                    (f"tns1:Door/State/{topic}", {"DoorToken": door.token}, {"State": getattr(door, name)})
                    for door in self.state.doors
                    for name, topic in doors.STATE_TOPICS.items()
                ]
            for topic, source, data in fields:
                self.hub.publish(events.message(topic, source, data, "Initialized", self.now()), key)


class _Nothing:
    """Surroundings of a call that shall have no effect."""

    def notify(self, topic: str, source: dict[str, str], data: dict[str, str]) -> None: ...

    def after(self, seconds: float, job: Callable[[State], None]) -> None: ...

    def reboot(self) -> None: ...
