"""Terminals with a memory of events, as firmware differs; for the sources see base.py beside this file."""

import time

from tests.drivers.dahua_console.peers.base import PLAIN_REFUSAL, FieldTerminal


class Memory(FieldTerminal):
    """AccessControlCardRec in the vendor's document: `find` with StartTime and EndTime in Unix seconds, oldest first.

    `filters` is how firmware differs: "seconds"; "text" (local text, numbers refused); "refused"; "ignored" (both
    accepted, the oldest shown). `seeks` has doSeekFind and getQuerySize, `caps` is the most that `find` shows,
    `all_at_once` ignores count too, `newest_first` begins with the newest. `text_times` writes CreateTime as text in
    the terminal's zone, which is UTC here.
    """

    filters = "seconds"
    seeks = False
    caps = 1 << 30
    all_at_once = False
    text_times = False
    newest_first = False
    first_number = 1

    def __init__(self):
        super().__init__()
        self.records = []

    def remember(self, count, second=1_760_000_000, step=7):
        """Add records from a second on."""
        for place in range(count):
            number = self.first_number + len(self.records)
            self.records.append((number, second + place * step))

    def recordFinder(self, query, body):
        if query["name"] != "AccessControlCardRec":
            return PLAIN_REFUSAL
        match query["action"]:
            case "getQuerySize" if self.seeks:
                return f"Size={len(self.records)}\r\n"
            case "doSeekFind" if self.seeks:
                offset, count = int(query.get("offset", "0")), int(query["count"])
                return self.shown(self.records[offset : offset + count])
            case "find":
                return self.found(query)
        return PLAIN_REFUSAL

    def found(self, query):
        rows, begin = self.records, query.get("StartTime")
        if begin is not None and self.filters != "ignored":
            if self.filters == "refused" or begin.isdigit() is not (self.filters == "seconds"):
                return PLAIN_REFUSAL
            since = int(begin) if begin.isdigit() else self.second(begin)
            rows = [row for row in rows if row[1] >= since]
        rows = rows[::-1] if self.newest_first else rows
        count = len(rows) if self.all_at_once else int(query["count"])
        return self.shown(rows[: min(count, self.caps)])

    @staticmethod
    def second(text):
        return int(time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S")) - time.timezone)

    def shown(self, rows):
        lines = [f"totalCount={len(rows)}", f"found={len(rows)}"]
        for place, (number, second) in enumerate(rows):
            created = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second)) if self.text_times else second
            for name, value in {
                "AttendanceState": 0,
                "CardName": "Anna",
                "CardNo": "",
                "CardType": 0,
                "CreateTime": created,
                "Door": 0,
                "ErrorCode": 0,
                "Method": 15,
                "ReaderID": 1,
                "RecNo": number,
                "Status": 1,
                "Type": "Entry",
                "URL": "/SnapShotFilePath/x.jpg",
                "UserID": "331221100491",
                "UserType": 0,
            }.items():
                lines.append(f"records[{place}].{name}={value}")
        return "\r\n".join(lines)


class Asi7213y(Memory):
    """ASI7213Y-V3, firmware 1.000.0000014.0.R, as probed: see the module's head.

    `requests_taken` of the quick ones (closer than 700 ms) are answered; then it says no more. A release and its
    challenge come at once, which it bears.
    """

    model = "DHI-ASI7213Y-V3"
    filters = "ignored"
    seeks = True
    first_number = 546_823
    quick_s = 0.7
    requests_taken = 90

    def __init__(self):
        super().__init__()
        self.streams = 0
        self.refused = 0
        self.quick = 0
        self._last = 0.0

    def admit(self, handler):
        with self.lock:
            now = time.monotonic()
            # A margin for the machine that runs the test.
            self.quick, self._last = self.quick + (now - self._last < 0.8 * self.quick_s), now
            if self.streams and "attach" not in handler.path:
                self.refused += 1
                return False
            return self.quick <= self.requests_taken

    def stream(self, handler):
        self.streams += 1
        try:
            return super().stream(handler)
        finally:
            self.streams -= 1
