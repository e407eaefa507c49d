"""Each check and each piece of advice has a code, and the desk has words for it in each language."""

import ast
import json
from collections import Counter
from pathlib import Path

import pytest

from devicemgr.domain.ledger_events import Reason
from devicemgr.domain.rules import policy
from devicemgr.domain.rules.decision import advice
from devicemgr.domain.rules.decision.area_checks import CHECK_OF_ESCORTS, CHECKS_OF_AREAS
from devicemgr.domain.rules.decision.evidence_checks import CHECKS_OF_EVIDENCE
from devicemgr.domain.rules.decision.rights_checks import CHECKS_OF_RIGHTS

ROOT = Path(__file__).resolve().parents[5]
CHECKS = (
    *CHECKS_OF_EVIDENCE,
    *CHECKS_OF_RIGHTS,
    CHECK_OF_ESCORTS,
    *CHECKS_OF_AREAS,
    policy.CONSOLE_REFUSED,
)


def codes_of_advice() -> set[str]:
    """Return each code in the source: the second argument of `Advice`, the first of the functions that make it."""
    found: set[str] = set()
    for call in ast.walk(ast.parse(Path(advice.__file__).read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            place = {"Advice": 1, "_text": 0, "_moment": 0}.get(call.func.id)
            if place is not None:
                constants = (one for one in ast.walk(call.args[place]) if isinstance(one, ast.Constant))
                found |= {one.value for one in constants if isinstance(one.value, str)}
    return found


def test_each_check_has_a_code_of_its_own() -> None:
    assert {code: count for code, count in Counter(check.code for check in CHECKS).items() if count > 1} == {}


@pytest.mark.parametrize("language", ["en", "ru", "kk"])
def test_the_desk_has_words_for_each_code(language: str) -> None:
    words = json.loads((ROOT / f"devicemgr/web/i18n/{language}.json").read_text(encoding="utf-8"))
    wanted = {f"check.{check.code}" for check in CHECKS} | {"check.presented", "check.decided_then"}
    wanted |= {f"advice.{code}" for code in codes_of_advice()} | {f"reason.{reason}" for reason in Reason}
    assert len(codes_of_advice()) > 20
    assert wanted - set(words) == set()
