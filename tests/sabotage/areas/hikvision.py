"""Sabotages of the driver of Hikvision consoles."""

from tests.sabotage.sabotage import one

SABOTAGES = (
    one(
        "all memories of a console read on behind one cursor",
        "drivers/hikvision_console/events/memories.py",
        "Memory(isapi, clock, cursors.get(log_of(major), adopted), should_stop, major)",
        'Memory(isapi, clock, cursors.get("", adopted), should_stop, major)',
        "tests/drivers/hikvision_console/test_majors.py",
    ),
    one(
        "a pushed question believed without the console's memory",
        "drivers/hikvision_console/events/push.py",
        "        if not self._is_remembered(event, clock, arrived + seconds):\n            return None\n",
        "",
        "tests/drivers/hikvision_console/test_remote_check.py",
    ),
    one(
        "an old certificate or any other taken for the pinned one",
        "drivers/common/http/tls.py",
        '        if hashlib.sha256(secured.getpeercert(binary_form=True) or b"").digest() in self.pins:\n',
        "        if self.pins:\n",
        "tests/drivers/common/http/test_tls.py",
    ),
    one(
        "a console that is out of memory taken for a busy one",
        "drivers/hikvision_console/isapi.py",
        "(words is None and (code == BUSY or answer.status in (429, 503)))",
        "code == BUSY or answer.status in (429, 503)",
        "tests/drivers/hikvision_console/test_sub_statuses.py",
    ),
)
