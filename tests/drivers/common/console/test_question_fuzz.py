"""Whatever a console asks, nothing opens without the factors that the portal requires, proven and of now.

The questions are parsed by the drivers and decided by the rules, in process. What a question proves is known here from
the vendors' documents (console_golden.py), not from the drivers' tables. A million of them are for `make faults`.
"""

import contextlib
import json
import os
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from devicemgr.access.evidence.console_questions import ConsoleQuestions, request_of
from devicemgr.domain.model import AccessLevel, AccessPoint, Direction, Liveness, Person, Portal, Requirement
from devicemgr.domain.rules.decision.requests import MAX_CONSOLE_AGE_S
from devicemgr.domain.rules.decision.snapshot import Snapshot
from devicemgr.domain.rules.policy import decide
from devicemgr.errors import DeviceError
from drivers.common.console.device_clock import ClockReading
from drivers.common.http.multipart import Part
from drivers.dahua_console.events.push import PushListener
from drivers.dahua_console.events.translate import presented
from drivers.hikvision_console.clock import Clock
from drivers.hikvision_console.events.feed import Feed, Wires
from tests.drivers.common.console.console_golden import (
    HIKVISION_REFUSED,
    dahua_factors,
    hikvision_factors,
)

QUESTIONS = int(os.environ.get("DEVICEMGR_QUESTIONS", "20000"))
PORTALS = {
    f"{require}/{liveness}": Portal(f"{require}/{liveness}", "arm", require=require, liveness=liveness)
    for require in Requirement
    for liveness in (Liveness.OFF, Liveness.CHALLENGE)
}
NAMES = list(PORTALS)
RULES = Snapshot(
    1,
    people={
        "a": Person("a", "A1", "Anna", levels=frozenset({"staff"}), face_consent=True),
        "b": Person("b", "B2", "Bela", levels=frozenset({"staff"}), face_consent=True, suspended=True),
    },
    levels={"staff": AccessLevel("staff", dict.fromkeys(PORTALS))},
    portals=PORTALS,
    cards={"77": "a", "78": "b"},
    badges={"A1": "a", "B2": "b"},
)
HIKVISION, DAHUA = hikvision_factors(), dahua_factors()
# Few methods prove this much, so that they are drawn more often.
RICH = [method for method, used in DAHUA.items() if len(used) > 2]
REFUSED = {minor for minors in HIKVISION_REFUSED.values() for minor in minors}
ODD = (None, "", True, False, -1, 0, 10**30, 4.5, float("nan"), "x", "A1", [], {}, ["A1"], {"a": 1}, "\x00", "７５")


class Site:
    """Decides questions at a portal that is drawn for each, and notes what was granted."""

    def __init__(self, draw):
        self.draw, self.asked, self.opened = draw, ConsoleQuestions(), set()
        self.granted, self.denied = Counter(), Counter()

    def decide(self, fact):
        """The name of the portal if it opens."""
        if self.draw.random() < 0.1:
            # As after a long time: the same question within a second is one that was asked before.
            self.asked, self.opened = ConsoleQuestions(), set()
        name = self.draw.choice(NAMES)
        now = time.monotonic()
        stale = self.asked.why_stale(name, fact, now)
        point = AccessPoint(name, Direction.ENTRY, "c")
        decision = decide(request_of(fact, point, RULES, stale, datetime.now(UTC), now), RULES)
        if decision.granted:
            assert decision.person_id == "a"
            same = (name, fact.at, fact.badge, fact.names, fact.method)
            assert same not in self.opened
            self.opened.add(same)
            self.granted[name] += 1
            return name
        self.denied[str(decision.reason)] += 1
        return None


def enough(portal, proven, liveness):
    """Whether these factors suffice at this portal, by what its name says."""
    require, _, wanted_liveness = portal.partition("/")
    alive = wanted_liveness == "off" or liveness
    if require == "any":
        return "card" in proven or ("face" in proven and alive)
    return set(require.split("+")) <= proven and (alive or "face" not in proven)


def spoil(draw, body):
    """Sometimes bits are flipped, or the end is cut off, or another part is put in."""
    if draw.random() > 0.1:
        return body
    spoilt = bytearray(body)
    for _ in range(draw.randrange(1, 4)):
        spoilt[draw.randrange(len(spoilt))] ^= 1 << draw.randrange(8)
    return bytes(spoilt[: draw.randrange(len(spoilt)) + 1] if draw.random() < 0.3 else spoilt)


def moment(draw):
    """Mostly of now."""
    return datetime.now(UTC) + timedelta(seconds=draw.choice((*[0] * 20, -1, -4, 4, -60, -86_400, 86_400)))


def fresh(at):
    return abs((datetime.now(UTC) - at).total_seconds()) <= MAX_CONSOLE_AGE_S + 1.5


def named(value):
    """Whether somebody is named whom the rules know: else only a card's number says whose proof it is."""
    return str(value).strip() in RULES.badges


def number_of(value):
    """A whole number as consoles write them, in figures or words."""
    try:
        return int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
    except ValueError:
        return None


# Hikvision


def hikvision_alert(draw, serial):
    minors = draw.choice((*[list(HIKVISION)] * 4, list(REFUSED), range(0x900)))
    inner = {
        "majorEventType": 5,
        "subEventType": draw.choice(minors),
        "serialNo": serial,
        "employeeNoString": "A1",
        "cardNo": draw.choice((*["77"] * 8, "78", "79", "", None)),
        "cardReaderNo": 1,
        "doorNo": 1,
        "currentVerifyMode": draw.choice(("faceOrFpOrCardOrPw", "face", "cardAndFace", "cardOrFaceOrPw", "fp", "")),
        "remoteCheck": True,
        "currentEvent": draw.choice((True, True, True, None, False)),
    }
    if draw.random() < 0.3:
        inner[draw.choice(list(inner))] = draw.choice(ODD)
    if draw.random() < 0.1:
        inner["employeeNoString"] = draw.choice(("B2", "nobody", "A1 ", "a1"))
    told = {"dateTime": moment(draw).isoformat(timespec="seconds"), "AccessControllerEvent": inner}
    if draw.random() < 0.05:
        told["dateTime"] = draw.choice(ODD)
    return told


def hikvision_proven(body):
    """By the document alone, from what was sent: the factors, or None for what is no question of now."""
    told = json.loads(body.decode("utf-8", "replace"), strict=False)
    inner = told["AccessControllerEvent"]
    at = datetime.fromisoformat(told["dateTime"])
    if number_of(inner["majorEventType"]) != 5 or not fresh(at if at.tzinfo else at.replace(tzinfo=UTC)):
        return None
    proven = HIKVISION.get(number_of(inner["subEventType"]), frozenset())
    return proven if named(inner.get("employeeNoString")) else proven & {"card"}


@pytest.mark.timeout(1800)
@pytest.mark.scaled
def test_no_question_of_a_hikvision_console_opens_without_the_required_factor():
    draw = random.Random("hikvision")
    site = Site(draw)
    clock = Clock(UTC, 0.0, ClockReading(time.time(), time.monotonic()))
    feed = Feed(Wires(None, None), clock, {}, 5.0)
    questions = serial = 0
    while questions < QUESTIONS // 2:
        serial += 1
        body = spoil(draw, json.dumps(hikvision_alert(draw, serial)).encode())
        feed._on_part(Part({}, body))
        while feed._questions:
            questions += 1
            portal = site.decide(feed._questions.popleft())
            if portal is not None:
                proven = hikvision_proven(body)
                assert proven is not None, body
                assert enough(portal, proven, liveness=False), (portal, body)
    assert_that_grants_can_be_seen(site, HIKVISION.values(), liveness=False)


# Dahua


def dahua_push(draw):
    at = int(moment(draw).timestamp())
    methods = draw.choice((*[list(DAHUA)] * 3, RICH, RICH, range(-1, 60)))
    data = {
        "UserID": "A1",
        "CardNo": draw.choice((*["4D"] * 8, "4E", "4F", "")),
        "Method": draw.choice(methods),
        "Status": 1,
        "ErrorCode": 0,
        "Door": 0,
        "CreateTime": at,
        "UTC": at,
        "Similarity": 90,
        "Alive": draw.choice((100, 100, 0, 1, None, "x")),
    }
    if draw.random() < 0.3:
        data[draw.choice(list(data))] = draw.choice(ODD)
    if draw.random() < 0.1:
        data["UserID"] = draw.choice(("B2", "nobody", "A1 ", "a1"))
    if draw.random() < 0.2:
        data |= draw.choice(({"Status": 0}, {"ErrorCode": 0x10}, {"Status": 0, "ErrorCode": 0x23}))
    event = {"Code": "AccessControl", "Action": "Pulse", "Index": 0, "Data": data}
    return {"Channel": 0, "Events": [event], "FilePath": "", "Time": ""}


def dahua_proven(body):
    """By the document alone: the factors and whether the terminal saw life, or None for what is no question of now."""
    data = json.loads(body.decode("utf-8", "replace"), strict=False)["Events"][0]["Data"]
    times = (number_of(data.get(name)) for name in ("RealUTC", "CreateTimeRealUTC", "CreateTime", "UTC"))
    at = next((second for second in times if second is not None and 946_684_800 <= second <= 4_102_444_800), None)
    if at is None or not fresh(datetime.fromtimestamp(at, UTC)):
        return None
    if number_of(data.get("Status")) != 1 or number_of(data.get("ErrorCode", 0)) != 0:
        return None
    proven = DAHUA.get(number_of(data.get("Method")), frozenset())
    return proven if named(data.get("UserID")) else proven & {"card"}, data.get("Alive") not in (None, "x")


@pytest.mark.timeout(1800)
@pytest.mark.scaled
def test_no_question_of_a_dahua_terminal_opens_without_the_required_factor():
    draw = random.Random("dahua")
    site = Site(draw)
    clock = ClockReading(time.time(), time.monotonic())
    listener = PushListener(0, ["192.0.2.7"], asks=True, seconds=1)
    questions = 0
    while questions < QUESTIONS // 2:
        body = spoil(draw, json.dumps(dahua_push(draw)).encode())
        with contextlib.suppress(DeviceError):
            listener.take(body, "")
        for question in listener.questions():
            questions += 1
            listener.forget(question)
            portal = site.decide(presented(question.event, question.serial, question.arrived, clock, question.read))
            if portal is not None:
                proven = dahua_proven(body)
                assert proven is not None, body
                assert enough(portal, *proven), (portal, body)
    assert_that_grants_can_be_seen(site, DAHUA.values(), liveness=True)


def assert_that_grants_can_be_seen(site, proofs, *, liveness):
    """Every portal that some code can open was opened, and each kind of refusal came."""
    proofs = list(proofs)
    expected = {name for name in PORTALS if any(enough(name, proof, liveness) for proof in proofs)}
    assert set(site.granted) == expected
    assert {"stale_evidence", "second_factor_required", "unknown_credential", "suspended"} <= set(site.denied)
    print(f"\n{site.granted.total()} granted, {site.denied.total()} denied: {dict(site.denied)}")
