"""Uploads of a terminal: access records, states, results of commands, tables; bounded in number and size.

Source: ZKTeco, Security PUSH Communication Protocol (September 2021), 7 and 9; Attendance PUSH 2.4, ATTLOG and OPERLOG.
"""

import threading
from collections import deque
from collections.abc import Callable
from datetime import tzinfo
from urllib.parse import parse_qs

from devicemgr.text import safe
from drivers.common.zkteco.backlog import Backlog, Source
from drivers.common.zkteco.codes import PHOTO_ERRORS
from drivers.common.zkteco.records import Event, Record, read_event, read_parameters, read_records, read_time, whole
from drivers.zkteco_terminal.commands import CommandQueue

_MAX_STATES, _MAX_NOTES, _MAX_RESULTS = 100, 50, 500
_MAX_PARAMETERS = 400
_DUE = "OK"
# Tables that a terminal uploads by itself and that say nothing here: people and faces are read by queries.
_OWN_TABLES = frozenset(
    {"user", "extuser", "identitycard", "templatev10", "biophoto", "biodata", "userpic", "attphoto", "mulcarduser"}
)


class Uploads:
    """Fed by the threads of the server, emptied by the device's."""

    def __init__(self, backlog: Backlog, commands: CommandQueue, zone: Callable[[], tzinfo | None]) -> None:
        self.backlog, self.commands, self._zone = backlog, commands, zone
        self.kind = ""  # access or attendance, by its first request
        self.parameters: Record = {}
        self.states: deque[Record] = deque(maxlen=_MAX_STATES)
        self.notes: deque[str] = deque(maxlen=_MAX_NOTES)
        self.unread = 0
        self._lock = threading.Lock()

    def register(self, body: bytes) -> None:
        """Keep the parameters of a registration in place of the former ones."""
        with self._lock:
            self.parameters = read_parameters(body)
        self.kind = "access"

    def fetch(self, _: Record) -> str:
        """Return the commands that wait."""
        self.kind = self.kind or "access"
        return self.commands.fetch()

    def take(self, query: Record, body: bytes) -> str | None:
        """Take an upload; return the answer, None when there is no room now."""
        table = query.get("table", "").lower()
        self.kind = self.kind or ("attendance" if table in ("attlog", "operlog") else "access")
        takers: dict[str, Callable[[], str | None]] = {
            "rtlog": lambda: self._take_events(read_records(body), _DUE),
            "rtstate": lambda: self._take_states(body),
            "options": lambda: self._add_parameters(body),
            "attlog": lambda: self._take_attendance(body),
            "tabledata": lambda: self._take_table(query.get("tablename", "").lower(), read_records(body)),
            "operlog": lambda: self._take_operations(body),
        }
        if table in takers:
            return takers[table]()
        self.notes.append(f"it uploaded a table that is not known here: {safe(table or '(no name)', 40)}")
        return _DUE

    def _take_states(self, body: bytes) -> str:
        self.states.extend(read_records(body))
        return _DUE

    def _take_table(self, name: str, records: list[Record]) -> str | None:
        answer = f"{name}={len(records)}"
        if name == "transaction":
            return self._take_events(records, answer)
        if name == "errorlog":
            for record in records:
                self._note_error(record)
        elif name not in _OWN_TABLES:
            self.notes.append(f"it uploaded a table that is not known here: {safe(name or '(no name)', 40)}")
        return answer

    def _note_error(self, record: Record) -> None:
        code = record.get("errcode", "").replace(" ", "").upper()
        why = PHOTO_ERRORS.get(code, f"error {safe(code, 20)}")
        if (number := whole(record.get("cmdid", ""))) is not None:
            self.commands.note(number, why)

    def _take_events(self, records: list[Record], answer: str) -> str | None:
        events = [event for record in records if (event := read_event(record, self._zone())) is not None]
        if not self.backlog.add(events):
            return None
        lost = [record for record in records if read_event(record, self._zone()) is None]
        if lost:
            self.unread += len(lost)
            self.notes.append(f"{len(lost)} records of it can't be read; look into its own memory")
        self.commands.wake()
        return answer

    def _take_attendance(self, body: bytes) -> str | None:
        """ATTLOG: number, time, state, verification and more by tabs; a row a verified person."""
        self.kind = "attendance"
        rows = [line.split("\t") for line in body.decode("utf-8", "replace").split("\n") if line.strip()]
        events = [event for row in rows if (event := self._attendance(row)) is not None]
        if not self.backlog.add(events):
            return None
        if len(events) < len(rows):
            self.unread += len(rows) - len(events)
            self.notes.append(f"{len(rows) - len(events)} records of it can't be read; look into its own memory")
        return f"OK: {len(rows)}"

    def _attendance(self, row: list[str]) -> Event | None:
        at = read_time(row[1], self._zone()) if len(row) > 1 else None
        if at is None or not row[0].strip():
            return None
        state, verify, *_ = [*row[2:4], "", ""]
        return Event(0, at, 0, 1, row[0].strip()[:64], "", verify.strip()[:16], state.strip()[:4])

    def _take_operations(self, body: bytes) -> str:
        """OPERLOG: an operator's doings at an attendance terminal, and its people; the doings are noted."""
        lines = [line for line in body.decode("utf-8", "replace").split("\n") if line.strip()]
        for line in lines:
            words = line.split()
            if words[0] == "OPLOG" and len(words) > 1:
                self.notes.append(f"an operation at the terminal, by its code {safe(words[1], 8)}")
        return f"OK: {len(lines)}"

    def take_results(self, body: bytes) -> str:
        """Take results of commands: `ID=…&Return=…&CMD=…`, a line each."""
        for line in body.decode("utf-8", "replace").split("\n")[:_MAX_RESULTS]:
            fields = {name.lower(): values[0] for name, values in parse_qs(line.strip(), max_num_fields=40).items()}
            number, sign = whole(fields.get("id", "")), -1 if fields.get("return", "").startswith("-") else 1
            result = whole(fields.get("return", "").removeprefix("-"))
            if number is not None and result is not None:
                self.commands.finish(number, sign * result)
        return _DUE

    def take_query(self, query: Record, body: bytes) -> str | None:
        """Take what a query of ours found."""
        name, number = query.get("tablename", "").lower(), whole(query.get("cmdid", ""))
        if number is None:
            return _DUE
        command = self.commands.find(number)
        if command is None:
            return _DUE
        if query.get("type", "").lower() == "options":
            self._add_parameters(body)
            self.commands.add_rows(number, [])
            return _DUE
        records = read_records(body)
        if name == "transaction":
            events = [event for record in records if (event := read_event(record, self._zone())) is not None]
            self.backlog.add(events, Source.MEMORY)
            self.commands.add_rows(number, [])
        else:
            self.commands.add_rows(number, records)
        return f"{name}={len(records)}"

    def _add_parameters(self, body: bytes) -> str:
        with self._lock:
            found = self.parameters | read_parameters(body)
            self.parameters = dict(list(found.items())[:_MAX_PARAMETERS])
        return _DUE
