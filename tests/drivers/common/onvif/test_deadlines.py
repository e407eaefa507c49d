"""One thread for all deadlines: what is due is called, what is cancelled is not."""

import queue

from drivers.common.onvif.soap.deadlines import Deadlines


def test_what_is_due_is_called_in_order_and_what_is_cancelled_is_not():
    deadlines, called = Deadlines(), queue.SimpleQueue()
    deadlines.after(0.2, lambda: called.put("late"))
    deadlines.after(0.02, lambda: called.put("cancelled"))()
    deadlines.after(0.01, lambda: called.put("soon"))
    deadlines.after(0, lambda: called.put("now"))
    assert [called.get(timeout=5) for _ in range(3)] == ["now", "soon", "late"]
    assert called.empty()
