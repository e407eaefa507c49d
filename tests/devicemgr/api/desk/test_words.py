"""The desk has words for each name that the daemon gives: kinds, reasons, problem codes, details, roles, checks."""

import inspect
import json
import re
from functools import cache

import pytest

from devicemgr import errors
from devicemgr.domain.ledger_events import Kind, Reason
from devicemgr.domain.model import Role
from tests.devicemgr.api.conventions.test_api_docs import EVENTS, ROOT, administrative_kinds

LANGUAGES = ("en", "ru", "kk")


@cache
def catalog(language: str) -> dict[str, str]:
    file = ROOT / "devicemgr" / "web" / "i18n" / f"{language}.json"
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return found


@cache
def sources() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "devicemgr").rglob("*.py")))


def problem_codes() -> set[str]:
    """Return the codes of problem documents: those of the errors' families, and those that raisers give."""
    classes = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, errors.DevicemgrError)]
    families = {one.slug for one in classes} | set(re.findall(r'\bproblem\(\s*\d+, "([a-z-]+)"', sources()))
    given = set(re.findall(r'\bcode="([a-z_]+)"', sources()))
    return {family.replace("-", "_") for family in families} | given | {"no_such_route", "method_not_allowed"}


def details() -> set[str]:
    """Return the details of events that docs/events.md names."""
    kinds = EVENTS.partition("## Kinds")[2].partition("## Reasons")[0]
    rows = [line.split(" | ")[-1] for line in kinds.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([a-z_0-9]+)`", row)}


def checks() -> set[str]:
    """Return the checks of the doctor but those of devices."""
    found = set(re.findall(r'\brun\("([a-z ]+)"', sources()))
    return {name.replace(" ", "_") for name in found}


VOCABULARY = {
    "kind": lambda: {str(kind) for kind in Kind} | administrative_kinds(),
    "reason": lambda: {str(reason) for reason in Reason},
    "role": lambda: {str(role) for role in Role},
    "problem": problem_codes,
    "detail": details,
    "check": checks,
}


def test_the_vocabulary_is_found() -> None:
    sizes = {prefix: len(names()) for prefix, names in VOCABULARY.items()}
    assert sizes["kind"] > 150
    assert sizes["problem"] > 70
    assert sizes["detail"] > 140
    assert sizes["check"] > 18


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("prefix", VOCABULARY)
def test_each_name_has_words(prefix: str, language: str) -> None:
    missing = sorted(name for name in VOCABULARY[prefix]() if f"{prefix}.{name}" not in catalog(language))
    assert missing == [], f"devicemgr/web/i18n/{language}.json has no words for these"
