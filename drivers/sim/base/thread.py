"""The thread that a simulated device lives in."""

import os
import queue
import select
import threading
import time
from collections.abc import Callable
from typing import Protocol

from drivers.sim.base.ports import Port

STOP_S = 5.0
IDLE_S = 1.0


class Brain(Protocol):
    """The interface of a simulated device; times are CLOCK_MONOTONIC seconds."""

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes that have come."""

    def advance(self, now: float) -> bytes:
        """Do what is due; the bytes to send."""

    def next_due(self) -> float | None:
        """Return when advance() has something to do next."""


class Peer:
    """Connects a brain to a port until stop(); unplug() and replug() return when it is done."""

    def __init__(self, port: Port, brain: Brain) -> None:
        self._port = port
        self._brain = brain
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stopping = False
        self._wake = -1
        self._back_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="simulated device", daemon=True)

    def start(self) -> None:
        """Plug in and serve; InvalidInput when the place is taken."""
        self._port.plug()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)
        self._thread.start()

    def stop(self) -> None:
        """Unplug and end."""
        if self._wake < 0:
            return
        self.do(self._stop)
        self._thread.join(STOP_S)
        os.close(self._wake)
        self._wake = -1

    def do(self, job: Callable[[], None]) -> None:
        """Run `job` in the device's thread and wait for its end."""
        done = threading.Event()

        def run() -> None:
            try:
                job()
            finally:
                done.set()

        self._jobs.put(run)
        os.eventfd_write(self._wake, 1)
        if not done.wait(STOP_S):
            raise TimeoutError("the simulated device does not react; was it stopped?")

    def bounce(self, seconds: float) -> None:
        """Pull the cable now and plug it in again after `seconds`; from any thread, waits for nothing."""
        if threading.current_thread() is self._thread:
            self._bounce(seconds)
            return
        self._jobs.put(lambda: self._bounce(seconds))
        os.eventfd_write(self._wake, 1)

    def _bounce(self, seconds: float) -> None:
        self._port.unplug()
        self._back_at = time.monotonic() + seconds

    def unplug(self) -> None:
        """Pull the cable."""
        self.do(self._port.unplug)

    def replug(self) -> None:
        """Plug it in again: a new pty behind the same link."""
        self.do(self._port.plug)

    def _stop(self) -> None:
        self._port.unplug()
        self._stopping = True

    def _run(self) -> None:
        while not self._stopping:
            now = time.monotonic()
            if self._back_at is not None and self._back_at <= now:
                self._back_at = None
                self._port.plug()
            dues = [due for due in (self._brain.next_due(), self._back_at) if due is not None]
            due = min(dues, default=None)
            wait = IDLE_S if due is None else min(max(due - now, 0), IDLE_S)
            ready, _, _ = select.select([self._wake, *self._port.waits_on()], [], [], wait)
            if self._wake in ready:
                os.eventfd_read(self._wake)
            while not self._jobs.empty():
                self._jobs.get()()
            if data := self._port.read():
                self._brain.receive(data, time.monotonic())
            if answer := self._brain.advance(time.monotonic()):
                self._port.write(answer)
