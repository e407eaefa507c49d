"""Jobs: followed, canceled, bounded, and forgotten."""

import threading

import pytest

from devicemgr.errors import AlreadyExists, NotFound, RequestError, TooManyTries
from devicemgr.operations import jobs
from devicemgr.operations.jobs import Job, Jobs

OPERATION = ("POST", "/devices/{name}/test")


def job(subject="gate", **more):
    return Job("test", subject, "operator:t", OPERATION, **more)


@pytest.fixture
def gate():
    """Lets waiting work go on."""
    made = threading.Event()
    yield made
    made.set()


def test_a_job_is_followed_to_its_result(gate):
    def work(one):
        one.progress("first", 1, 2)
        gate.wait(10)
        return {"x": 1}

    all_jobs = Jobs()
    one = all_jobs.start(job(), work)
    assert all_jobs.get(one.id) is one
    gate.set()
    assert one.ended.wait(10)
    assert (one.phase, one.result, one.step, one.done, one.of) == ("done", {"x": 1}, "first", 1, 2)


def test_a_canceled_job_ends_at_its_next_step_and_keeps_what_is_done(gate):
    def work(one):
        done = []
        for number in range(3):
            if not one.progress("step", number, 3):
                break
            done.append(number)
            gate.wait(10)
        return done

    one = Jobs().start(job(), work)
    one.cancel()
    assert one.as_json()["canceling"] is True
    gate.set()
    assert one.ended.wait(10)
    assert one.phase == "canceled"
    assert len(one.result) < 3


def test_work_that_did_not_see_the_cancel_is_done(gate):
    one = Jobs().start(job(), lambda _: gate.wait(10))
    one.cancel()
    gate.set()
    assert one.ended.wait(10)
    assert one.phase == "done"


def test_one_that_only_waits_is_let_go_at_once(gate):
    one = Jobs().start(job(seconds=5, waits_only=True), lambda _: gate.wait(10))
    assert one.as_json()["of"] == 5
    one.cancel()
    assert one.ended.is_set()
    assert (one.phase, one.result) == ("canceled", None)


def test_a_failure_is_the_jobs_and_a_fault_of_the_program_too():
    def refuse(_):
        raise RequestError("not so")

    def break_down(_):
        raise KeyError("a")

    for work, words in ((refuse, "not so"), (break_down, "failed unexpectedly")):
        one = Jobs().start(job(), work)
        assert one.ended.wait(10)
        assert one.phase == "failed"
        assert words in str(one.error)


def test_the_same_runs_once_and_only_so_many_at_a_time(gate, monkeypatch):
    monkeypatch.setattr(jobs, "MAX_RUNNING", 2)
    all_jobs = Jobs()
    all_jobs.start(job("a"), lambda _: gate.wait(10))
    with pytest.raises(AlreadyExists):
        all_jobs.start(job("a"), lambda _: None)
    canceled = all_jobs.start(job("b", waits_only=True), lambda _: gate.wait(10))
    canceled.cancel()  # its thread goes on, and counts
    with pytest.raises(TooManyTries):
        all_jobs.start(job("c"), lambda _: None)


def test_ended_jobs_are_forgotten(monkeypatch):
    monkeypatch.setattr(jobs, "MAX_KEPT", 3)
    all_jobs = Jobs()
    made = []
    for number in range(5):
        made.append(all_jobs.start(job(str(number)), lambda _: None))
        assert made[-1].ended.wait(10)
    assert [one.subject for one in all_jobs.all()] == ["4", "3"]  # one place is for the next
    monkeypatch.setattr(jobs, "MAX_KEPT_SECONDS", -1.0)
    with pytest.raises(NotFound):
        all_jobs.get(made[-1].id)
