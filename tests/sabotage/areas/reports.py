"""Sabotages of attendance and reports."""

from tests.sabotage.sabotage import one

_STAYS = "tests/devicemgr/domain/rules/attendance/test_stays.py"
_HOURS = "tests/devicemgr/domain/rules/attendance/test_hours.py"
_MINUTES = "tests/devicemgr/domain/rules/attendance/test_against_minutes.py"
_ROUTES = "tests/devicemgr/api/routes/areas/test_reports.py"
_SPANS = "tests/devicemgr/store/ledger/test_spans.py"

SABOTAGES = (
    one(
        "hours guessed for an exit that is missing",
        "devicemgr/domain/rules/attendance/stays.py",
        "            yield _ended(person, stay, None, event.time, {Flag.NO_EXIT})\n            stay = None\n",
        "            yield _ended(person, stay, event.time, event.time, set())\n            stay = None\n",
        _STAYS,
        _MINUTES,
    ),
    one(
        "a day with a missing passage summed all the same",
        "devicemgr/domain/rules/attendance/hours.py",
        "None if passed is None or self.seconds is None else self.seconds + passed",
        "(self.seconds or 0.0) + (passed or 0.0)",
        _HOURS,
    ),
    one(
        "days cut by UTC instead of the site's clock",
        "devicemgr/domain/rules/attendance/days.py",
        "    return datetime.combine(day, starts, zone).astimezone(UTC)\n",
        "    return datetime.combine(day, starts, UTC)\n",
        _HOURS,
    ),
    one(
        "hours by the clock's face, an hour wrong in nights in which it is changed",
        "devicemgr/domain/rules/attendance/hours.py",
        "        passed = stay.seconds\n",
        """        passed = stay.seconds
        if stay.begin and stay.end:
            begin, end = (at.astimezone(ZoneInfo("Europe/Berlin")) for at in (stay.begin, stay.end))
            passed = (end.replace(tzinfo=None) - begin.replace(tzinfo=None)).total_seconds()
""",
        _HOURS,
    ),
    one(
        "attendance reported where the site has not switched it on",
        "devicemgr/store/site/settings.py",
        "    if not load(session).attendance:\n",
        "    if False:\n",
        _ROUTES,
    ),
    one(
        "times of persons for guards",
        "devicemgr/api/rights/table.py",
        '    ("GET", "/reports/hours"): AUDITOR,\n',
        '    ("GET", "/reports/hours"): GUARD | AUDITOR,\n',
        _ROUTES,
    ),
    one(
        "a cell of a CSV that a spreadsheet takes for a formula",
        "devicemgr/people/tables/formats/delimited.py",
        """    return f"'{cell}" if cell[:1] in (*_FORMULA, "'") and cell else cell\n""",
        "    return cell\n",
        _ROUTES,
    ),
    one(
        "what a console tells late put where it was recorded",
        "devicemgr/store/ledger/spans.py",
        "    return query.order_by(EventRow.time, EventRow.seq).limit(PAGE)\n",
        "    return query.order_by(EventRow.seq).limit(PAGE)\n",
        _SPANS,
        _ROUTES,
    ),
    one(
        "a passage without a name lost with its grant",
        "devicemgr/store/ledger/spans.py",
        """_has('"opened_by":'), is_needed,""",
        """_has('"opened_by":'),""",
        _SPANS,
    ),
)
