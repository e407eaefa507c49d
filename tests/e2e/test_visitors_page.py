"""Walk the day of docs/visitors.md by its own commands, and compare what they print with the page."""

import re
import shlex
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "visitors.md"


def steps() -> list[tuple[list[str], str | None]]:
    """Return each command of the day, and the line that the page says it prints, if it says one."""
    section = PAGE.read_text().split("## A day at the desk")[1].split("\n## ")[0]
    lines = re.findall(r"^    (.*)$", section, re.MULTILINE)
    found: list[tuple[list[str], str | None]] = []
    for line in lines:
        if line.startswith("devicemgr "):
            found.append((shlex.split(line)[1:], None))
        else:
            found[-1] = (found[-1][0], line)
    return found


def test_a_day_at_the_desk_goes_as_the_page_says(entrance: None, done: Any, cli: Any) -> None:
    done("level", "add", "visitors", "--portal", "main")
    done("person", "add", "Aigul Serikova", "--badge", "1001", "--level", "visitors")
    walk = steps()
    assert len(walk) == 5
    assert sum(said is not None for _, said in walk) == 3
    for words, said in walk:
        ran = cli(*words)
        assert ran.code == 0, ran.err
        assert said is None or said in ran.out, f"{words} printed: {ran.out}"
        if words[1] in ("list", "show"):
            assert "V-000001" in ran.out
