"""The operator's page lists the checks in the order in which they are made, in the same words."""

import re
from pathlib import Path

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.rules.decision.area_checks import CHECK_OF_ESCORTS, CHECKS_OF_AREAS
from devicemgr.domain.rules.decision.evidence_checks import CHECKS_OF_EVIDENCE
from devicemgr.domain.rules.decision.rights_checks import CHECKS_OF_RIGHTS

PAGE = Path(__file__).parents[4] / "docs" / "operator.md"


def test_the_operators_page_lists_the_checks_in_order():
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    reasons = {reason.value for reason in Reason}  # the page lists kinds of alarms too
    found = [row for row in rows if row[0] in reasons]
    pin = next(place for place, check in enumerate(CHECKS_OF_RIGHTS) if check.reason is Reason.WRONG_PIN)
    rights = (*CHECKS_OF_RIGHTS[:pin], CHECK_OF_ESCORTS, *CHECKS_OF_RIGHTS[pin:])
    checks = (*CHECKS_OF_EVIDENCE, *rights, *CHECKS_OF_AREAS)
    assert found == [(check.reason.value, check.when) for check in checks]
