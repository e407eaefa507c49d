"""Commands that wait for the terminal to fetch them, and their results: it is the one that calls."""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from drivers.common.zkteco.codes import ACCEPTED, NOT_NOW
from drivers.common.zkteco.records import MAX_RECORDS, Record

MAX_FETCH_BYTES = 1 << 20
_MAX_KEPT = 400
_PAUSE_S = 0.3


@dataclass(eq=False)
class Command:
    """One command; `result` None until the terminal has answered it, `rows` what it uploaded for a query."""

    text: str
    number: int = 0
    is_sent: bool = False
    result: int | None = None
    rows: list[Record] = field(default_factory=list, repr=False)
    parameters: Record = field(default_factory=dict, repr=False)
    note: str = ""
    uploaded_at: float = 0.0


class CommandQueue:
    """Any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._number = secrets.randbelow(1 << 29) + 1  # so that a result of an older run fits none of this one
        self._waiting: list[Command] = []
        self._sent: dict[int, Command] = {}

    def put(self, texts: Sequence[str]) -> list[Command]:
        """Have commands fetched in this order."""
        with self._changed:
            commands = []
            for text in texts:
                self._number += 1
                commands.append(Command(text, self._number))
            self._waiting += commands
            return commands

    def fetch(self) -> str:
        """Return what the terminal is to do next, a line each; what has been fetched is never handed out again."""
        with self._changed:
            taken: list[str] = []
            size = 0
            while self._waiting and (not taken or size + len(self._waiting[0].text) < MAX_FETCH_BYTES):
                command = self._waiting.pop(0)
                command.is_sent = True
                self._sent[command.number] = command
                taken.append(f"C:{command.number}:{command.text}")
                size += len(command.text)
            while len(self._sent) > _MAX_KEPT:
                self._sent.pop(next(iter(self._sent)))
            self._changed.notify_all()
            return "\n".join(taken)

    def find(self, number: int) -> Command | None:
        """Return the command that was fetched under `number`; None for one that is not of this run."""
        with self._changed:
            return self._sent.get(number)

    def add_rows(self, number: int, rows: Sequence[Record]) -> bool:
        """Keep what was uploaded for a query; whether there is such a query."""
        command = self.find(number)
        if command is None:
            return False
        with self._changed:
            command.rows += rows[: MAX_RECORDS - len(command.rows)]
            command.uploaded_at = time.monotonic()
            self._changed.notify_all()
        return True

    def note(self, number: int, why: str) -> None:
        """Keep why a command failed, as the terminal's error log says."""
        command = self.find(number)
        if command is not None:
            command.note = why

    def finish(self, number: int, result: int) -> None:
        """Keep a command's result; a main controller's "accepted" is none yet."""
        with self._changed:
            command = self._sent.get(number)
            if command is None or result == ACCEPTED:
                return
            command.result = result
            self._changed.notify_all()

    def wait(self, commands: Sequence[Command], until: float, also: Callable[[], bool] = lambda: False) -> bool:
        """Wait until all have results, or `also` is true; False at the CLOCK_MONOTONIC second `until`."""
        with self._changed:
            return self._changed.wait_for(
                lambda: also() or all(command.result is not None for command in commands),
                max(0.0, until - time.monotonic()),
            )

    def wake(self) -> None:
        """Have `also` of wait() looked at again."""
        with self._changed:
            self._changed.notify_all()

    def withdraw(self, commands: Sequence[Command]) -> bool:
        """Take back what was not fetched; whether none had been: then nothing was done."""
        with self._changed:
            self._waiting = [command for command in self._waiting if command not in commands]
            return not any(command.is_sent for command in commands)

    def run(self, texts: Sequence[str], until: float) -> list[Command]:
        """Have commands carried out in this order; `result` None is no answer.

        From the first that the terminal can't do just now all are sent again: a removal that came after what is to
        stay would take that away. Each has to be one that may be carried out twice.
        """
        commands = self.put(texts)
        while self.wait(commands, until):
            again = next((place for place, command in enumerate(commands) if command.result in NOT_NOW), None)
            if again is None or time.monotonic() + _PAUSE_S > until:
                break
            threading.Event().wait(_PAUSE_S)
            commands[again:] = self.put(texts[again:])
        self.withdraw(commands)
        return commands
