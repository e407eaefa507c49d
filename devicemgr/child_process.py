"""Child processes for native code (recognizers, photo analyzers): started with a socket, watched, restarted, killed.

A crash, a hang or a leak of native code stays in the child. What travels over the socket is the business of
`recognition.workers.messages` and `enrollment.workers.messages`; both bound the size of each message.
"""

import logging
import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from devicemgr.errors import DevicemgrError
from devicemgr.text import safe

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0  # loading a face model takes long on a slow box
STOP_GRACE_S = 0.5  # a child ends by itself when its socket closes, unless it is stuck
MIN_RESTART_DELAY_S, MAX_RESTART_DELAY_S = 0.2, 10.0
HEALTHY_S = 30.0  # a child that ran this long starts the backoff over
_LOSS_GRACE_S = 0.1
_RECEIVE_BYTES = 65_536


class ChildFailed(Exception):
    """The child process cannot be started or cannot work; the text is its own reason."""


def one_thread_environment() -> dict[str, str]:
    """Return this environment with one thread for each child's numeric libraries: the processes share the cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class ChildProcess:
    """One child process and the parent's end of the socket to it; `start` may be called again after `stop`.

    `start` and `stop` belong to one thread at a time; all others may be called from any thread.
    """

    def __init__(
        self,
        build_command: Callable[[int], list[str]],
        *,
        cwd: Path | None = None,
        is_quiet: bool = False,
        send_buffer_bytes: int | None = None,
    ) -> None:
        """Prepare a child; `build_command` gets the number of the child's end of the socket."""
        self._build_command = build_command
        self._cwd = cwd
        self._output = subprocess.DEVNULL if is_quiet else None
        self._send_buffer_bytes = send_buffer_bytes
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Return the id of the process that runs, or None."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    @property
    def connection(self) -> socket.socket | None:
        """Return the socket to the child between `start` and `stop`."""
        return self._connection

    def has_ended(self) -> bool:
        """Return True if the process was started, has ended and was not yet stopped."""
        process = self._process
        return process is not None and process.poll() is not None

    def start(self) -> socket.socket:
        """Start the process and return the socket to it; ChildFailed if the system refuses."""
        ours, theirs = socket.socketpair()
        if self._send_buffer_bytes is not None:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer_bytes)
        with theirs:
            try:
                process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                    self._build_command(theirs.fileno()),
                    cwd=self._cwd,
                    env=one_thread_environment(),
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=self._output,
                    stderr=self._output,
                )
            except OSError as error:
                ours.close()
                raise ChildFailed(f"it cannot be started: {error.strerror}") from error
        with self._lock:
            self._process, self._connection = process, ours
        return ours

    def send_now(self, data: bytes) -> None:
        """Send without waiting; a child whose buffer is full is stuck, and is disconnected."""
        with self._lock:
            connection = self._connection
            if connection is None:
                return
            try:
                is_whole = connection.send(data, socket.MSG_DONTWAIT) == len(data)
            except OSError:
                is_whole = False
            if not is_whole:
                _shut_down(connection)

    def disconnect(self) -> None:
        """Shut the socket down: the child reads its end, and so does the thread that receives from it."""
        with self._lock:
            if self._connection is not None:
                _shut_down(self._connection)

    def kill(self) -> None:
        """Kill the process if it runs; `stop` collects it."""
        process = self._process
        if process is not None:
            process.kill()

    def stop(self, grace_s: float = STOP_GRACE_S) -> int | None:
        """Close the socket, kill the process after `grace_s` seconds, and return its exit code (None: none ran)."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        process = self._process
        if process is None:
            return None
        try:
            return process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            self._process = None


class ChildOwner(Protocol):
    """What a ChildSupervisor calls, on its own thread."""

    def on_started(self) -> None:
        """Send the child its first messages."""

    def on_data(self, data: bytes) -> bool:
        """Handle received bytes; return True once the child's handshake is complete.

        Raises ChildFailed with the child's own reason, DevicemgrError for what is no message.
        """

    def on_lost(self, cause: str) -> None:
        """Take note that the child is gone and will be restarted."""


class ChildSupervisor:
    """Thread that keeps one child process running: handshake, silence limit, restart with backoff."""

    def __init__(self, name: str, child: ChildProcess, owner: ChildOwner, silence_s: float) -> None:
        """Prepare a supervisor; a child that sends nothing for `silence_s` seconds is killed."""
        self._name = name
        self._child = child
        self._owner = owner
        self._silence_s = silence_s
        self._stopping = threading.Event()
        self._replacing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread, unless it was started or stopped before."""
        if self._thread.ident is None and not self._stopping.is_set():
            self._thread.start()

    def replace(self) -> None:
        """End the child and start another at once, with the command as it is now."""
        self._replacing.set()
        self._child.disconnect()

    def stop(self) -> None:
        """Let the child end by disconnecting it; `join` waits for it."""
        self._stopping.set()
        self._child.disconnect()

    def join(self, timeout: float) -> None:
        """Wait for the child's end; kill it after `timeout` seconds."""
        if self._thread.ident is None:
            return
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._child.kill()
            self._thread.join(timeout)

    def _run(self) -> None:
        losses = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            cause = self._run_once()
            if self._stopping.is_set():
                return
            if self._replacing.is_set():
                log.info("Replacing the %s process", self._name)
                losses = 0
                continue
            losses = 1 if time.monotonic() - began > HEALTHY_S else losses + 1
            log.error("Lost a %s process (%s); starting another", self._name, safe(cause))
            self._owner.on_lost(cause)
            delay = min(MAX_RESTART_DELAY_S, MIN_RESTART_DELAY_S * 2 ** min(losses - 1, 10))
            self._stopping.wait(delay * random.uniform(0.8, 1.2))  # noqa: S311  spreads the load

    def _run_once(self) -> str:
        """Run one process until it is gone; return the cause."""
        self._replacing.clear()  # before the command is built: a later change replaces this process
        try:
            connection = self._child.start()
        except ChildFailed as error:
            return str(error)
        try:
            self._owner.on_started()
            if self._stopping.is_set() or self._replacing.is_set():
                self._child.disconnect()
            return self._receive(connection)
        finally:
            self._child.stop(STOP_GRACE_S if self._stopping.is_set() else _LOSS_GRACE_S)

    def _receive(self, connection: socket.socket) -> str:
        connection.settimeout(START_TIMEOUT_S)
        try:
            while data := connection.recv(_RECEIVE_BYTES):
                if self._owner.on_data(data):
                    connection.settimeout(self._silence_s)
            return "it crashed"
        except TimeoutError:
            return f"silent for {connection.gettimeout():.0f} s"
        except (ChildFailed, OSError, DevicemgrError) as error:
            return str(error)


def _shut_down(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was already gone
