"""Turns of a shared lock: the urgent first, then whoever waited longest."""

import threading

from devicemgr.fair_lock import FairLock


def test_turns_go_round_and_the_urgent_come_first():
    lock, order, threads = FairLock(), [], []

    def ask(name, urgent):
        with lock.taken(urgent):
            order.append(name)

    with lock.taken():
        for number, (name, urgent) in enumerate([("a", False), ("b", False), ("c", True), ("d", False), ("e", True)]):
            threads.append(threading.Thread(target=ask, args=(name, urgent)))
            threads[-1].start()
            while lock.waiting <= number:
                pass
    for thread in threads:
        thread.join()
    assert order == ["c", "e", "a", "b", "d"]


def test_who_gave_up_waiting_is_passed_over():
    lock = FairLock()
    assert lock.acquire()
    assert not lock.acquire(0.01)
    assert lock.waiting == 0
    lock.release()
    assert lock.acquire(0)
