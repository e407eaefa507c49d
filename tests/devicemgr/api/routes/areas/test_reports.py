"""/reports: attendance only where it is switched on, files, spans, and what retention has removed."""

import csv
import io
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest

from devicemgr.domain.ledger_events import Fact, Kind
from devicemgr.domain.model import Direction
from devicemgr.store.ledger import events

NOVEMBER = {"from": "2026-11-01", "to": "2026-11-30"}
OF_PERSONS = ("presence", "first-last", "hours")
ALL = (*OF_PERSONS, "denials", "visitors", "musters")


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def report(http):
    def get(kind, code=200, **asked):
        answer = http.get(f"/reports/{kind}", params=NOVEMBER | asked)
        assert answer.status_code == code, answer.text
        return answer.json()

    return get


@pytest.fixture
def apply(http):
    def put(toml):
        answer = http.post("/site/apply", json={"toml": toml})
        assert answer.status_code == 200, answer.text

    return put


@pytest.fixture
def on(apply):
    """Switch attendance on, with days from midnight in Almaty (UTC+5)."""
    apply('[site]\nattendance = true\ntimezone = "Asia/Almaty"\n')


@pytest.fixture
def passed(staffed, record, person_id):
    """passed(BADGE, ENTRY, EXIT) records a stay, times in UTC, either of them left out by None."""

    def add(badge, entry, leave=None, portal="main"):
        person, facts = person_id(badge), []
        for at, direction in ((entry, Direction.ENTRY), (leave, Direction.EXIT)):
            if at is not None:
                where = {"portal": portal, "direction": direction, "device": "gate-1", "person_id": person}
                facts.append(Fact(Kind.PASSAGE_COMPLETED, utc(at), **where))
        return record(*facts)

    return add


@pytest.mark.usefixtures("staffed")
def test_times_of_persons_are_refused_in_words_unless_the_site_switches_attendance_on(report):
    for kind in OF_PERSONS:
        problem = report(kind, 409)
        assert problem["code"] == "attendance_off"
        assert "works council" in problem["detail"]
        assert problem["hint"]["code"] == "turn_on_attendance"
    for kind in ("denials", "visitors", "musters"):
        assert report(kind)["rows"] == []


def test_switching_it_off_again_is_in_force_at_once(report, apply, on, passed):
    passed("1", "2026-11-30 03:00", "2026-11-30 12:00")
    assert report("hours")["totals"][0]["hours"] == 9
    apply("[site]\nattendance = false\n")
    report("hours", 409)


def test_hours_are_summed_by_person_and_period(report, on, passed):
    passed("1", "2026-11-27 03:00", "2026-11-27 12:15")
    passed("1", "2026-11-30 03:00", "2026-11-30 12:00")
    passed("2", "2026-11-30 04:00")
    found = report("hours")
    assert found["rows"] == [
        {"badge": "1", "name": "Anna", "day": "2026-11-27", "hours": 9.25, "exceptions": []},
        {"badge": "1", "name": "Anna", "day": "2026-11-30", "hours": 9.0, "exceptions": []},
        {"badge": "2", "name": "Berik", "day": "2026-11-30", "hours": None, "exceptions": ["no_exit"]},
    ]
    assert found["totals"] == [
        {"badge": "1", "name": "Anna", "hours": 18.25, "days": 2, "days_without_hours": 0},
        {"badge": "2", "name": "Berik", "hours": None, "days": 1, "days_without_hours": 1},
    ]
    assert {name: found[name] for name in ("report", "from", "to", "timezone", "day_starts", "removed_before")} == {
        "report": "hours",
        "from": "2026-10-31T19:00:00.000Z",
        "to": "2026-11-30T19:00:00.000Z",
        "timezone": "Asia/Almaty",
        "day_starts": "00:00",
        "removed_before": None,
    }


def test_a_night_shift_at_the_edges_of_a_span_counts_once_and_for_the_day_on_which_it_begins(report, on, passed):
    passed("1", "2026-11-29 17:00", "2026-11-30 01:00")  # 22:00 to 06:00 in Almaty
    by_day = {day: report("hours", **{"from": day, "to": day}) for day in ("2026-11-29", "2026-11-30")}
    assert by_day["2026-11-29"]["totals"][0]["hours"] == 8
    assert by_day["2026-11-30"]["rows"] == []


def test_a_day_may_begin_later_than_at_midnight(report, on, apply, passed):
    passed("1", "2026-11-29 17:00", "2026-11-29 21:00")
    passed("1", "2026-11-29 21:30", "2026-11-30 01:30")
    assert [row["hours"] for row in report("hours")["rows"]] == [4, 4]
    apply('[site]\nday_starts = "05:00"\n')
    assert [(row["day"], row["hours"]) for row in report("hours")["rows"]] == [("2026-11-29", 8)]
    assert report("hours", **{"from": "2026-11-30"})["rows"] == []


def test_a_start_of_days_that_is_no_time_of_day_is_refused(http):
    for text in ("5:00", "24:00", "noon", "05:00:00"):
        answer = http.post("/site/apply", json={"toml": f'[site]\nday_starts = "{text}"\n'})
        assert (answer.status_code, "05:00" in answer.json()["detail"]) == (422, True)


def test_first_and_last_of_a_day(report, on, passed):
    passed("1", "2026-11-30 03:00", "2026-11-30 07:00")
    passed("1", "2026-11-30 08:00", "2026-11-30 12:00")
    passed("2", None, "2026-11-30 12:00")
    assert report("first-last")["rows"] == [
        {
            "badge": "1",
            "name": "Anna",
            "day": "2026-11-30",
            "first": "2026-11-30T03:00:00.000Z",
            "last": "2026-11-30T12:00:00.000Z",
            "exceptions": [],
        },
        {
            "badge": "2",
            "name": "Berik",
            "day": "2026-11-30",
            "first": None,
            "last": "2026-11-30T12:00:00.000Z",
            "exceptions": ["no_entry"],
        },
    ]


def test_presence_says_who_was_in_which_zone(report, on, passed, http, add_portal):
    assert http.post("/zones", json={"name": "lab", "parent": "building"}).status_code == 201
    add_portal("lab-door", channel=2, inside="lab", outside="building")
    passed("1", "2026-11-30 03:00")
    passed("1", "2026-11-30 04:00", "2026-11-30 11:00", portal="lab-door")
    passed("1", None, "2026-11-30 12:00")
    stays = [(row["zone"], row["hours"]) for row in report("presence")["rows"]]
    assert stays == [("building", 1), ("lab", 7), ("building", 1)]
    assert [row["zone"] for row in report("presence", zone="lab")["rows"]] == ["lab"]
    assert [row["hours"] for row in report("hours")["rows"]] == [9]
    assert [row["hours"] for row in report("hours", zone="lab")["rows"]] == [7]
    assert report("presence", **{"from": "2026-11-30T10:00Z", "to": "2026-11-30T10:30Z"})["rows"][0]["zone"] == "lab"


def test_one_person_alone(report, on, passed):
    passed("1", "2026-11-30 03:00", "2026-11-30 12:00")
    passed("2", "2026-11-30 03:00", "2026-11-30 12:00")
    assert [row["badge"] for row in report("hours", person="2")["rows"]] == ["2"]


def test_what_a_console_tells_late_is_put_where_it_happened(report, on, passed, record, person_id):
    passed("1", None, "2026-11-30 12:00")
    late = {"portal": "main", "direction": Direction.ENTRY, "device": "console-1", "person_id": person_id("1")}
    record(Fact(Kind.ACCESS_GRANTED, utc("2026-11-30 03:00"), detail={"decided_by": "console"}, **late))
    (row,) = report("hours")["rows"]
    assert (row["hours"], row["exceptions"]) == (9, ["offline_source"])


def test_an_erased_person_has_neither_badge_nor_name(report, on, passed, http):
    passed("1", "2026-11-02 03:00", "2026-11-02 12:00")
    passed("2", "2026-11-02 03:00", "2026-11-02 11:00")
    assert http.delete("/people/1").status_code == 200
    assert [(row["badge"], row["name"], row["hours"]) for row in report("hours")["rows"]] == [
        ("2", "Berik", 8),
        (None, None, 9),
    ]


def test_denials_are_counted_by_reason_portal_and_person(report, staffed, record, person_id):
    where = {"portal": "main", "direction": Direction.ENTRY}
    for minute in range(3):
        at = utc(f"2026-11-30 03:0{minute}")
        record(Fact(Kind.ACCESS_DENIED, at, person_id=person_id("3"), reason="no_access_level", **where))
    record(Fact(Kind.ACCESS_DENIED, utc("2026-11-30 04:00"), reason="unknown_face", **where))
    found = report("denials")
    assert found["total"] == 4
    assert found["rows"] == [
        {
            "reason": "no_access_level",
            "portal": "main",
            "badge": "3",
            "name": "Dana",
            "count": 3,
            "first": "2026-11-30T03:00:00.000Z",
            "last": "2026-11-30T03:02:00.000Z",
        },
        {
            "reason": "unknown_face",
            "portal": "main",
            "badge": None,
            "name": None,
            "count": 1,
            "first": "2026-11-30T04:00:00.000Z",
            "last": "2026-11-30T04:00:00.000Z",
        },
    ]
    assert report("denials", person="3")["total"] == 3
    assert report("denials", zone="building")["total"] == 4


def test_visits_are_listed_with_host_and_times_and_those_of_the_erased_without(http, staffed, record):
    visit = {"name": "Ivan Petrov", "host": "1", "valid_to": "2030-01-01"}
    badge = http.post("/visitors", json=visit).json()["badge"]
    assert http.post(f"/visitors/{badge}/arrive", json={}).status_code == 200
    assert http.post(f"/visitors/{badge}/leave", json={}).status_code == 200
    gone = (
        ("visit_arrived", "2026-11-30 03:00"),
        ("visit_overdue", "2026-11-30 04:00"),
        ("visit_ended", "2026-12-02 05:00"),
    )
    record(*(Fact(kind, utc(at), person_id="of one erased", detail={"visit": "V-9"}) for kind, at in gone))
    span = {"from": "2026-11-01", "to": "2029-12-31"}
    here, erased = http.get("/reports/visitors", params=span).json()["rows"]
    assert (here["badge"], here["name"], here["host"], here["host_name"]) == (badge, "Ivan Petrov", "1", "Anna")
    assert (here["state"], here["overdue"], here["arrived"] <= here["left"]) == ("left", False, True)
    assert {name: value for name, value in erased.items() if value is not None} == {
        "arrived": "2026-11-30T03:00:00.000Z",
        "left": "2026-12-02T05:00:00.000Z",
        "overdue": True,
    }
    of_host = [http.get("/reports/visitors", params=span | {"person": who}).json()["rows"] for who in ("1", "2", badge)]
    assert [len(rows) for rows in of_host] == [1, 0, 1]
    assert http.get("/reports/visitors", params=span | {"zone": "building"}).json()["code"] == "unknown_parameter"


def test_musters_are_listed_with_what_became_of_people(report, record, person_id, staffed):
    name = {"muster": "building-1", "zone": "building", "drill": True}
    begun = {**name, "count": 3, "digest": "0", "unnamed": 1}
    totals = {"missing": 0, "safe": 2, "out": 1, "not_here": 0, "unnamed": 1}
    record(
        Fact("muster_started", utc("2026-11-30 03:00"), detail=begun, actor="operator:aigul"),
        Fact("muster_marked", utc("2026-11-30 03:05"), person_id=person_id("1"), detail={**name, "mark": "safe"}),
        Fact("muster_ended", utc("2026-12-01 03:10"), detail={**name, "totals": totals}),
        Fact("muster_started", utc("2026-12-02 03:00"), detail={**begun, "muster": "building-2"}),
    )
    (row,) = report("musters")["rows"]
    assert (row["muster"], row["drill"], row["count"], row["marks"]) == ("building-1", True, 3, 1)
    assert (row["safe"], row["out"], row["ended"]) == (2, 1, "2026-12-01T03:10:00.000Z")
    assert report("musters", 422, person="1")["code"] == "unknown_parameter"
    assert report("musters", zone="building")["rows"] == [row]


def test_a_file_without_rows_has_its_header(http, on, staffed):
    for kind in ALL:
        answer = http.get(f"/reports/{kind}", params=NOVEMBER, headers={"Accept": "text/csv"})
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["content-disposition"] == f'attachment; filename="{kind}.csv"'
        header, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
        assert (header[-1], rows) == ("timezone", [])
        data = http.get(f"/reports/{kind}", params=NOVEMBER | {"format": "xlsx"}).content
        assert [cell.value for cell in openpyxl.load_workbook(io.BytesIO(data)).active[1]] == header


def test_no_cell_of_a_file_is_a_formula(http, on, passed):
    names = ["=1+1", "+7 701", "-2", "@SUM(A1)"]
    for number, name in enumerate(names, 10):
        assert http.post("/people", json={"badge": f"{number}", "name": name}).status_code == 201
        passed(str(number), "2026-11-30 03:00", "2026-11-30 12:00")
    text = http.get("/reports/hours", params=NOVEMBER | {"format": "csv"}).content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[1] == ["10", "'=1+1", "2026-11-30", "9.0", "", "Asia/Almaty"]
    assert [row[1] for row in rows if row[2] == "total"] == [f"'{name}" for name in names]
    data = http.get("/reports/hours", params=NOVEMBER | {"format": "xlsx"}).content
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    cells = [row[1] for row in sheet.iter_rows(min_row=2)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert {cell.value for cell in cells} == set(names)


def test_times_of_files_are_those_of_the_sites_clock(http, on, passed):
    passed("1", "2026-11-30 03:00", "2026-11-30 12:00")
    text = http.get("/reports/first-last", params=NOVEMBER | {"format": "csv"}).content.decode("utf-8-sig")
    row = list(csv.reader(io.StringIO(text)))[1]
    assert row[2:] == ["2026-11-30", "2026-11-30 08:00:00", "2026-11-30 17:00:00", "", "Asia/Almaty"]
    data = http.get("/reports/first-last", params=NOVEMBER | {"format": "xlsx"}).content
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    assert sheet["D2"].value == datetime(2026, 11, 30, 8)
    assert sheet["C2"].value == "2026-11-30"


NONSENSE = [
    ({"from": "2026-12-01"}, 422, "before it begins"),
    ({"from": "2026-11-30T10:00", "to": "2026-11-30T10:00"}, 422, "before it begins"),
    ({"from": "yesterday"}, 422, "not a time"),
    ({"to": "2026-11-31"}, 422, "not a time"),
    ({"person": "404"}, 404, "404"),
    ({"zone": "moon"}, 404, "moon"),
    ({"zone": "outside"}, 404, "outside"),
    ({"format": "pdf"}, 422, "format"),
    ({"knid": "x"}, 422, "no query parameter 'knid'"),
]


@pytest.mark.usefixtures("on", "staffed")
def test_what_makes_no_sense_is_refused_in_words(report):
    for asked, code, words in NONSENSE:
        assert words in report("hours", code, **asked)["detail"]


@pytest.mark.usefixtures("on", "staffed")
def test_a_wide_span_is_fine(report):
    for kind in ALL:
        assert report(kind, **{"from": "0001-01-01", "to": "9999-12-31"})["rows"] == []


def test_what_retention_removed_of_the_span_is_said(report, on, passed, site):
    passed("1", "2026-11-10 03:00", "2026-11-10 12:00")
    last = passed("1", "2026-11-20 03:00", "2026-11-20 12:00")
    with site.database.write() as session:
        events.remove_oldest(session, last[0] - 1, 10_000)
    found = report("hours")
    assert found["removed_before"] == "2026-11-20T03:00:00.000Z"
    assert [row["day"] for row in found["rows"]] == ["2026-11-20"]
    assert report("hours", **{"from": "2026-11-21"})["removed_before"] is None


def test_a_report_of_persons_times_is_recorded(report, on, passed, person_id, site):
    passed("1", "2026-11-30 03:00", "2026-11-30 12:00")
    report("hours", person="1")
    report("denials")
    with site.database.read() as session:
        made = events.of_kinds(session, ["admin.report_made"])
    assert [(one["detail"]["report"], one["person_id"]) for one in made] == [("hours", person_id("1"))]


WHO = {
    "guard": {"denials", "visitors", "musters"},
    "technician": set(),
    "admin": set(ALL),
    "auditor": set(ALL),
}


def test_who_may_have_which_report(on, passed, operator, token, web):
    passed("1", "2026-11-30 03:00", "2026-11-30 12:00")
    for role, allowed in WHO.items():
        client = web(Authorization=f"Bearer {token(operator(role, role), role)}")
        answers = {kind: client.get(f"/reports/{kind}", params=NOVEMBER) for kind in ALL}
        assert {kind for kind, answer in answers.items() if answer.status_code == 200} == allowed
        assert {answer.status_code for answer in answers.values()} <= {200, 403}
        if "hours" in allowed:
            (row,) = answers["hours"].json()["rows"]
            assert ("name" in row) == (role == "admin")


def test_a_long_record_is_read_in_pages(report, on, staffed, record, person_id, monkeypatch):
    monkeypatch.setattr("devicemgr.store.ledger.spans.PAGE", 3)
    begin, facts = utc("2026-11-02 03:00"), []
    for hours in range(40):
        direction = Direction.EXIT if hours % 2 else Direction.ENTRY
        where = {"portal": "main", "direction": direction, "person_id": person_id("1")}
        facts.append(Fact(Kind.PASSAGE_COMPLETED, begin + timedelta(hours=hours), **where))
    record(*facts)
    assert report("hours")["totals"][0]["hours"] == 20
