"""A request with an Idempotency-Key is carried out once, however often it is sent."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from devicemgr.api.authorization import PREFIX, TABLE
from devicemgr.api.conventions import kept_answers
from devicemgr.api.conventions.idempotency import NOT_KEPT
from devicemgr.api.conventions.kept_answers import (
    KEPT_S,
    MAX_ALL_BYTES,
    MAX_ANSWER_BYTES,
    MAX_KEYS_OF_A_CALLER,
    Answer,
    KeptAnswers,
)
from devicemgr.domain.model import Role
from devicemgr.errors import InvalidInput, TooManyTries

KEY = {"Idempotency-Key": '"3f1c-1"'}
ANNA = {"name": "Anna", "badge": "1042"}
# A picture, a secret or a measure of a face by the name of its field.
PRIVATE_FIELDS = {"picture", "token", "jpeg", "score", "csrf", "secret"}
# Its "picture" is the name of a file.
PUBLIC = {("POST", "/site/apply")}


def added(http: httpx.Client) -> int:
    return len(http.get("/events", params={"kind": "admin.person_added"}).json())


def test_the_same_again_gets_the_first_answer_and_does_nothing(http: httpx.Client) -> None:
    first = http.post("/people", json=ANNA, headers=KEY)
    again = http.post("/people", json=ANNA, headers={"Idempotency-Key": "3f1c-1"})
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert added(http) == 1


def test_without_a_key_all_is_as_ever(http: httpx.Client) -> None:
    assert [http.post("/people", json=ANNA).status_code for _ in range(2)] == [201, 409]


@pytest.mark.parametrize("other", [("POST", "/people", {"name": "Bo", "badge": "7"}), ("PUT", "/people/1042", ANNA)])
def test_a_key_with_another_request_is_refused(http: httpx.Client, other: tuple[str, str, Any]) -> None:
    http.post("/people", json=ANNA, headers=KEY)
    method, path, body = other
    refused = http.request(method, path, json=body, headers=KEY)
    assert (refused.status_code, refused.json()["code"]) == (422, "key_reused")


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 129, '""', "é"])
def test_what_is_no_key_is_refused_and_nothing_done(http: httpx.Client, key: str) -> None:
    refused = http.post("/people", json=ANNA, headers=[(b"Idempotency-Key", key.encode())])
    assert (refused.status_code, refused.json()["code"]) == (422, "malformed_key")
    assert added(http) == 0


def test_a_refusal_is_repeated_too(http: httpx.Client) -> None:
    http.post("/people", json=ANNA)
    refused = http.post("/people", json=ANNA, headers=KEY)
    http.delete("/people/1042")
    assert http.post("/people", json=ANNA, headers=KEY).json() == refused.json()


def test_keys_are_each_callers_own(as_role: Callable[[Role], httpx.Client]) -> None:
    guard, admin = as_role(Role.GUARD), as_role(Role.ADMIN)
    for client in (guard, admin):
        answer = client.post("/zones/reset", json={"reason": "a drill"}, headers=KEY)
        assert (answer.status_code, "idempotency-replayed" in answer.headers) == (200, False)


class Opened:
    """Openings that take until they are let go."""

    def __init__(self) -> None:
        self.count = 0
        self.may_end = threading.Event()

    def __call__(self, name: str, direction: Any, *_: object) -> dict[str, Any]:
        self.count += 1
        assert self.may_end.wait(30)
        return {"portal": name, "direction": direction, "request": "r", "outcome": "confirmed"}


def test_the_second_waits_for_the_first_that_is_under_way(
    client: httpx.Client, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, arrived = Opened(), threading.Semaphore(0)
    monkeypatch.setattr(app.state.context.runtime, "open_portal", opened)
    begin = KeptAnswers.begin

    def arriving(self: KeptAnswers, *given: Any) -> Any:
        found = begin(self, *given)
        arrived.release()
        return found

    monkeypatch.setattr(KeptAnswers, "begin", arriving)

    def send() -> httpx.Response:
        return client.post("/portals/main/open", json={"direction": "entry"}, headers=KEY)

    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(send), pool.submit(send)]
        assert arrived.acquire(timeout=30)
        assert arrived.acquire(timeout=30)
        opened.may_end.set()
        found = [answer.result() for answer in answers]
    assert opened.count == 1
    assert found[0].json() == found[1].json()
    assert sorted("idempotency-replayed" in one.headers for one in found) == [False, True]


def test_what_failed_unexpectedly_is_not_tried_again(
    http: httpx.Client, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def fail(*_: object) -> None:
        tries.append(1)
        raise RuntimeError

    monkeypatch.setattr(app.state.context.runtime, "open_portal", fail)
    found = [http.post("/portals/main/open", json={"direction": "entry"}, headers=KEY) for _ in range(2)]
    assert [(one.status_code, one.json()["code"]) for one in found] == [(500, "internal")] * 2
    assert len(tries) == 1


def test_of_a_large_answer_it_is_only_kept_that_there_was_one(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devicemgr.api.conventions.idempotency.MAX_ANSWER_BYTES", 10)
    assert http.post("/people", json=ANNA, headers=KEY).status_code == 201
    again = http.post("/people", json=ANNA, headers=KEY)
    assert (again.status_code, again.json()["code"], added(http)) == (409, "answer_not_kept", 1)


def test_a_token_is_shown_once_whatever_the_key(http: httpx.Client, operator: Callable[..., str]) -> None:
    path = f"/operators/{operator('panel', 'guard')}/tokens"
    found = [http.post(path, json={"roles": ["guard"], "days": 1}, headers=KEY).json()["token"] for _ in range(2)]
    assert found[0] != found[1]


def test_no_answer_with_a_secret_or_a_picture_is_kept(app: FastAPI) -> None:
    """By the document: a route that is added with such a field must be named."""
    document = app.openapi()
    schemas = document["components"]["schemas"]

    def fields(part: Any, seen: frozenset[str] = frozenset()) -> set[str]:
        if isinstance(part, list):
            return set().union(*(fields(one, seen) for one in part)) if part else set()
        if not isinstance(part, dict):
            return set()
        name = str(part.get("$ref", "")).rpartition("/")[2]
        found = fields(schemas[name], seen | {name}) if name and name not in seen else set()
        return found.union(part.get("properties", {}), *(fields(one, seen) for one in part.values()))

    private = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answers = [found["content"] for status, found in operation["responses"].items() if status < "300"]
            if method != "get" and fields(answers) & PRIVATE_FIELDS:
                private.add((method.upper(), path.removeprefix(PREFIX)))
    assert private - PUBLIC <= set(NOT_KEPT)
    assert set(NOT_KEPT) <= set(TABLE)
    assert ("POST", "/devices/{name}/snapshot") in private


def answer_of(size: int) -> Answer:
    return Answer(200, (), b"x" * size)


def test_the_oldest_answers_of_a_caller_go_first() -> None:
    kept = KeptAnswers()
    for number in range(MAX_KEYS_OF_A_CALLER + 1):
        kept.end(kept.begin("a", str(number), b"f")[0], answer_of(1))
    assert (kept.begin("a", "0", b"f")[1], kept.begin("a", "5", b"f")[1]) == (True, False)


def test_what_is_under_way_is_never_dropped() -> None:
    kept = KeptAnswers()
    for number in range(MAX_KEYS_OF_A_CALLER):
        kept.begin("a", str(number), b"f")
    with pytest.raises(TooManyTries):
        kept.begin("a", "more", b"f")
    assert kept.begin("b", "more", b"f")[1]


def test_all_answers_together_are_bounded() -> None:
    kept, number = KeptAnswers(), MAX_ALL_BYTES // MAX_ANSWER_BYTES
    for caller in range(number + 1):
        kept.end(kept.begin(str(caller), "k", b"f")[0], answer_of(MAX_ANSWER_BYTES))
    assert kept.begin("0", "k", b"f")[1]
    assert not kept.begin(str(number), "k", b"f")[1]


def test_keys_are_bounded_over_all_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_answers, "MAX_KEYS", 3)
    kept = KeptAnswers()
    for caller in range(4):
        kept.end(kept.begin(str(caller), "k", b"f")[0], answer_of(1))
    assert kept.begin("0", "k", b"f")[1]


def test_an_answer_ends_with_its_time() -> None:
    now = [0.0]
    kept = KeptAnswers(lambda: now[0])
    kept.end(kept.begin("a", "k", b"f")[0], answer_of(1))
    now[0] = KEPT_S - 1
    with pytest.raises(InvalidInput):
        kept.begin("a", "k", b"another")
    now[0] = KEPT_S + 1
    assert kept.begin("a", "k", b"another")[1]
