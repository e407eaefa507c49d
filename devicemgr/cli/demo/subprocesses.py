"""Programs that the demo and the bench start: this same command, in processes of its own, their JSON lines read."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, Self

import platformdirs

from devicemgr.cli.transport.api_client import Api, daemon_answers
from devicemgr.errors import DaemonUnreachable, SystemFault
from devicemgr.home import Home

START_SECONDS = 60.0

_STOP_SECONDS = 6.0
# Where the host's own daemon listens is not for these.
_ANOTHERS = {
    "DEVICEMGR_SOCKET",
    "DEVICEMGR_OPERATORS_SOCKET",
    "DEVICEMGR_LISTEN",
    "DEVICEMGR_TLS_CERT",
    "DEVICEMGR_TLS_KEY",
    "DEVICEMGR_ALLOW_HOST",
}
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Child:
    """One `devicemgr …` process; what it prints as JSON lines is kept in `lines`, its standard error in `log`.

    `takes_lines` gives it a standard input that `send` writes to.
    """

    def __init__(self, arguments: Sequence[str], home: Path, log: Path, *, takes_lines: bool = False) -> None:
        self.lines: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._name = " ".join(arguments[:2])
        self._log = log
        # One cache for all short-lived homes: the face network need not be converted for each.
        cache = os.environ.get("DEVICEMGR_CACHE") or platformdirs.user_cache_dir("devicemgr")
        environment: Mapping[str, str] = {name: value for name, value in os.environ.items() if name not in _ANOTHERS}
        environment = {**environment, "DEVICEMGR_HOME": str(home), "DEVICEMGR_CACHE": cache}
        with log.open("ab") as errors:
            self.process = subprocess.Popen(  # noqa: S603 - this same program
                [sys.executable, "-m", "cli", *arguments],
                stdin=subprocess.PIPE if takes_lines else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for raw in output:
                try:
                    line = json.loads(raw)
                except ValueError:
                    continue
                with self._changed:
                    self.lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, event: str, timeout: float) -> dict[str, Any]:
        """Return the first line whose "event" is that; SystemFault with the end of its log when it does not come."""

        def found() -> dict[str, Any] | None:
            return next((line for line in self.lines if line.get("event") == event), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self.process.poll() is not None, timeout)
            line = found()
        if line is None:
            raise SystemFault(f"`devicemgr {self._name}` did not start: {self.last_words()}")
        return line

    def send(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def last_words(self) -> str:
        """Return the last line of its log."""
        text = self._log.read_text(errors="replace").strip()
        return text.splitlines()[-1] if text else "it said nothing"

    def ask_to_stop(self) -> None:
        """SIGTERM, if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()

    def stop(self) -> int | None:
        """SIGTERM, and SIGKILL after six seconds; the exit code."""
        self.ask_to_stop()
        if self.process.returncode is None:
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdin is not None:
            with suppress(OSError):
                self.process.stdin.close()
        self._reader.join(1.0)
        return self.process.returncode


class Simulation(ABC):
    """A home, processes of this same command in a folder, and the daemon's API; a context manager.

    `WHAT` names it in messages.
    """

    WHAT: str

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.daemon: Child
        self._folder = folder
        self._children: list[Child] = []
        self._api: Api | None = None

    @property
    def api(self) -> Api:
        """The daemon's API, as the owner of this host."""
        assert self._api is not None
        return self._api

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.ask_to_stop()
        for child in self._children:
            child.stop()

    def child(self, name: str, *arguments: str, takes_lines: bool = False) -> Child:
        """Start one more process."""
        child = Child(arguments, self.home.path, self._folder / f"{name}.log", takes_lines=takes_lines)
        self._children.append(child)
        return child

    def start_daemon_api(self) -> None:
        """Wait until the daemon answers; SystemFault with the end of its log when it ends instead."""
        wait_until(
            lambda: daemon_answers(self.home) or self.daemon.process.poll() is not None,
            START_SECONDS,
            f"the daemon of {self.WHAT} did not start in time",
        )
        self._api = Api(self.home, self._no_app)

    def _no_app(self) -> NoReturn:
        raise SystemFault(f"the daemon of {self.WHAT} ended: {self.daemon.last_words()}")

    @abstractmethod
    def _start(self) -> None:
        """Start everything, in its order."""


@contextmanager
def running_daemon(folder: Path, name: str) -> Iterator[tuple[Home, Child]]:
    """Start a daemon in a new home of its own, give both once it answers, and stop it."""
    home = Home(folder / name)
    Child(["init"], home.path, folder / f"{name}-init.log").process.wait()
    daemon = Child(["run"], home.path, folder / f"{name}-run.log")
    try:
        wait_until(lambda: daemon_answers(home), START_SECONDS, "the daemon did not start")
        yield home, daemon
    finally:
        daemon.stop()


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first Ctrl-C, SIGTERM or closed terminal; later ones don't disturb the end."""

    def once(*_: object) -> None:
        for ending in _ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {ending: signal.signal(ending, once) for ending in _ENDINGS}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)


def wait_until(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Ask ten times a second; DaemonUnreachable with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise DaemonUnreachable(what)
        time.sleep(0.1)
