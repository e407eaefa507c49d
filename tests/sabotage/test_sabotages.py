"""The list of sabotages keeps pace with the source; `make sabotage` runs them."""

from pathlib import Path
from typing import Any

import pytest

from tests.sabotage.sabotages import SABOTAGES

ROOT = Path(__file__).resolve().parents[2]


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len(SABOTAGES) >= 20
    assert len({sabotage.name for sabotage in SABOTAGES}) == len(SABOTAGES)


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.name)
def test_it_still_applies_and_still_is_python(sabotage: Any) -> None:
    texts: dict[str, str] = {}
    for name, old, new in sabotage.edits:
        text = texts.get(name) or (ROOT / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} no longer holds it once: {old}"
        texts[name] = text.replace(old, new)
    for name, text in texts.items():
        if name.endswith(".py"):
            compile(text, name, "exec")
    for test in sabotage.tests:
        assert (ROOT / test.partition("::")[0]).exists(), test
