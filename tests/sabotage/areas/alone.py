"""Sabotages of devices that decide alone, and of what a killed daemon left open."""

from tests.sabotage.sabotage import one

_LAST_RUN = "tests/devicemgr/access/portals/test_last_run.py"
_OFFLINE = "tests/devicemgr/access/test_offline_rules.py"
_AWAY = "tests/scenarios/test_consoles_away.py"
_REASONS = "tests/scenarios/test_exact_reasons.py"
_PROFILES = "tests/drivers/uhppote_controller/test_profiles.py"
_RULES = "tests/devicemgr/domain/rules/alone/test_rules_in_use.py"
_FOLD = "tests/devicemgr/domain/rules/areas/test_fold.py"

SABOTAGES = (
    one(
        "a release that waits at its gate forgotten by a restart",
        "devicemgr/access/pipeline.py",
        "        self._passages.resume(left, person, now)\n",
        "",
        _LAST_RUN,
    ),
    one(
        "a release of the last run taken as open for ever",
        "devicemgr/access/portals/last_run.py",
        "    return [one for one in found if one is not None and not one.is_over]\n",
        "    return [one for one in found if one is not None]\n",
        _LAST_RUN,
    ),
    one(
        "an erased person put back by a gate",
        "devicemgr/domain/rules/areas/draft.py",
        "        return event.person_id if event.person_id not in self.erased else None\n",
        "        return event.person_id\n",
        _FOLD,
    ),
    one(
        "what a device decided while it was away judged as if it were now",
        "devicemgr/access/evidence/device_reports.py",
        "offline=not report.live)",
        "offline=False)",
        _OFFLINE,
        _AWAY,
    ),
    one(
        "an interlock of now held against a decision of then",
        "devicemgr/access/evidence/device_reports.py",
        "if report.live or one.reason not in _NOT_KNOWN_LATER",
        "",
        _OFFLINE,
    ),
    one(
        "people who came before forgotten when company is judged",
        "devicemgr/access/evidence/device_reports.py",
        "<= within_s)",
        "< 0)",
        _OFFLINE,
    ),
    one(
        "a card that a device does not hold left unknown",
        "devicemgr/access/evidence/device_decisions.py",
        " or is_not_held\n",
        "\n",
        _REASONS,
    ),
    one(
        "a lock of now taken as the reason of then",
        "devicemgr/access/evidence/device_decisions.py",
        "if decision.reason is Reason.PORTAL_LOCKED and not report.live:",
        "if False:",
        _REASONS,
    ),
    one(
        "a chain of time profiles written from its first",
        "drivers/uhppote_controller/held/profiles.py",
        "        for place in reversed(range(len(wanted))):\n",
        "        for place in range(len(wanted)):\n",
        _PROFILES,
    ),
    one(
        "a span that is open a minute too long",
        "drivers/uhppote_controller/held/profiles.py",
        "timedelta(minutes=0 if span[1] == LAST_SECOND else 1)",
        "timedelta(minutes=0)",
        _PROFILES,
    ),
    one(
        "time profiles that were cleared not noticed",
        "drivers/uhppote_controller/held/profiles.py",
        "        if self._read(number) != expected:\n            self.forget()\n",
        "",
        _PROFILES,
    ),
    one(
        "rules of other portals shown as a device's",
        "devicemgr/domain/rules/alone/rules_in_use.py",
        "    portals = portals_of(device, snapshot)\n",
        "    portals = list(snapshot.portals.values())\n",
        _RULES,
    ),
)
