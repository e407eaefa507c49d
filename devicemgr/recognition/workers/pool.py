"""The daemon's side of recognition: shares the cameras out among worker processes and passes on what they see."""

import threading
import time
from collections.abc import Sequence

from devicemgr.errors import InvalidInput
from devicemgr.recognition.workers.messages import LaneConfig
from devicemgr.recognition.workers.process import OnMessage, WorkerProcess


class RecognizerPool:
    """`workers` processes; `encoder` and `opener` are `module:function` names, resolved in the workers only."""

    def __init__(self, encoder: str, opener: str, workers: int) -> None:
        if workers < 1:
            raise InvalidInput("the recognizer needs at least one worker")
        self._names = (encoder, opener)
        self._count = workers
        self._lock = threading.Lock()
        self._places: dict[str, int] = {}
        self._lanes: list[LaneConfig] = []
        self._workers: list[WorkerProcess] = []

    def start(self, on_message: OnMessage) -> None:
        """Begin, each worker with its first camera; `on_message` is called from their threads and must be quick."""
        with self._lock:
            self._workers = [WorkerProcess(*self._names, on_message) for _ in range(self._count)]
            self._share_out()

    def set_lanes(self, lanes: Sequence[LaneConfig]) -> None:
        """Watch these cameras and no others; those that stay as they are go on undisturbed."""
        with self._lock:
            self._lanes = list(lanes)
            self._share_out()

    def set_encoder(self, encoder: str) -> None:
        """Another encoder for all workers, `module:function` or `module:function=ARGUMENT`; the same is no change."""
        with self._lock:
            self._names = (encoder, self._names[1])
            for worker in self._workers:
                worker.set_encoder(encoder)

    def settle(self, device: str, track: str) -> None:
        """Mark a track as decided: its worker only watches that no other person takes the place."""
        with self._lock:
            place = self._places.get(device)
            worker = self._workers[place] if place is not None and self._workers else None
        if worker is not None:
            worker.settle(device, track)

    def stop(self, timeout: float) -> None:
        """End all workers within about `timeout` seconds."""
        with self._lock:
            workers, self._workers = self._workers, []
        for worker in workers:
            worker.stop()
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.join(max(0.05, deadline - time.monotonic()))

    def pids(self) -> list[int]:
        """Return the ids of the processes that run now."""
        with self._lock:
            found = [worker.pid for worker in self._workers]
        return [pid for pid in found if pid is not None]

    def frames(self) -> int:
        """Frames looked at by the processes that run now, as they last reported (once a second)."""
        with self._lock:
            return sum(worker.frames for worker in self._workers)

    def _share_out(self) -> None:
        """Each camera keeps its worker; a new one goes to the worker with the fewest."""
        devices = [lane.device for lane in self._lanes]
        self._places = {device: place for device, place in self._places.items() if device in devices}
        for device in devices:
            if device not in self._places:
                load = [list(self._places.values()).count(place) for place in range(self._count)]
                self._places[device] = load.index(min(load))
        for place, worker in enumerate(self._workers):
            worker.set_lanes([lane for lane in self._lanes if self._places[lane.device] == place])
