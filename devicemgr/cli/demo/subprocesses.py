"""Programs that the demo and the bench start: this same command, in processes of its own, their JSON lines read."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs

from devicemgr.errors import DaemonUnreachable, SystemFault

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
