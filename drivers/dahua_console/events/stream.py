"""The terminal's event stream, read by a thread of its own; what arrives waits until it is fetched.

A fast path only: whatever is missed here stands in the terminal's memory (log.py beside this file), alarms apart.
"""

import contextlib
import logging
import queue
import threading
import time

from devicemgr.errors import DeviceError
from devicemgr.text import safe
from drivers.common.http.client import Http, Request
from drivers.common.http.multipart import MultipartReader
from drivers.dahua_console.cgi import target
from drivers.dahua_console.parsing import StreamEvent, read_part
from drivers.dahua_console.refusals import CgiRefused

HEARTBEAT = 5
CODES = ("AccessControl", "DoorNotClosed", "BreakIn", "Duress", "ChassisIntruded", "AlarmLocal")
# ButtonExit is in Intelbras' document; _DoorFace_ is how ASI3213A terminals tell of a face (field report).
MORE_CODES = (*CODES, "ButtonExit", "_DoorFace_")
# A stream without heartbeats is lost; a part that has begun has less time to be whole.
_SILENCE = 3.0 * HEARTBEAT
_PART_S = 8.0
_MAX_WAITING = 2000
_PAUSES = (1.0, 2.0, 5.0, 10.0)

_log = logging.getLogger(__name__)


class EventStream:
    """Reader of one terminal's events between start() and stop(); `fault` says why nothing arrives now."""

    def __init__(self, http: Http, name: str, *, snapshots: bool) -> None:
        self._http, self._name, self._snapshots = http, name, snapshots
        self._events: queue.Queue[tuple[StreamEvent, float]] = queue.Queue(_MAX_WAITING)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._codes: tuple[str, ...] = MORE_CODES
        self.fault: str | None = None
        self.attached = threading.Event()
        self.lost = 0

    def start(self) -> None:
        """Begin to listen."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=f"events-{self._name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; never raises."""
        self._stopping.set()
        self._http.cut()
        if self._thread is not None:
            self._thread.join(2.0)
        self._thread = None
        self._http.close()

    def take(self) -> list[tuple[StreamEvent, float]]:
        """Return what arrived since, each with the CLOCK_MONOTONIC second of its arrival."""
        found: list[tuple[StreamEvent, float]] = []
        with contextlib.suppress(queue.Empty):
            while len(found) < _MAX_WAITING:
                found.append(self._events.get_nowait())
        return found

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._listen()
                self.fault = "the terminal ended its event stream"
            except CgiRefused as error:
                self._codes, self.fault = CODES, str(error)  # some firmware refuses codes that it does not know
            except DeviceError as error:
                self.fault = str(error)
            except Exception as error:
                # Whatever a hostile stream brings about: events still come by the memory.
                _log.exception("the event stream of %s failed", self._name)
                self.fault = f"the event stream can't be read: {type(error).__name__}"
            self.attached.clear()
            if self._stopping.is_set():
                return
            self.lost += 1
            failures = 1 if time.monotonic() - began > 60.0 else failures + 1
            _log.warning("%s: event stream lost: %s", self._name, safe(self.fault))
            self._stopping.wait(_PAUSES[min(failures, len(_PAUSES)) - 1])

    def _listen(self) -> None:
        reader = MultipartReader()
        received_at = time.monotonic()
        begun: float | None = None

        def until() -> float:
            return received_at + _SILENCE if begun is None else begun + _PART_S

        with self._http.stream(Request("GET", self._target())) as stream:
            if stream.status != 200:
                raise CgiRefused(f"the terminal refuses its event stream (HTTP {stream.status})")
            self.fault = None
            self.attached.set()
            for chunk in stream.chunks(until):
                received = False
                for part in reader.feed(chunk):
                    received, received_at = True, time.monotonic()
                    if not part.picture:
                        self._keep(part.body)
                begun = (begun if begun is not None and not received else time.monotonic()) if reader.is_amid else None
                if self._stopping.is_set() or reader.ended:
                    return

    def _keep(self, body: bytes) -> None:
        event = read_part(body)
        if event is None:
            return
        try:
            self._events.put_nowait((event, time.monotonic()))
        except queue.Full:
            # The queue is full: what happened is in the memory.
            self.fault = "more events than could be taken in"

    def _target(self) -> str:
        if self._snapshots:
            pairs = "&Flags[0]=Event&Events=[All]"
            return target("snapManager", "attachFileProc") + f"{pairs}&heartbeat={HEARTBEAT}"
        return target("eventManager", "attach") + f"&codes=[{','.join(self._codes)}]&heartbeat={HEARTBEAT}"
