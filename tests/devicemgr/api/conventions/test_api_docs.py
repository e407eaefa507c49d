"""docs/api.md and docs/events.md say what the code does."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from devicemgr.api.conventions import document, models
from devicemgr.domain.ledger_events import Kind, Reason

ROOT = Path(__file__).resolve().parents[4]
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EVENTS = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")


def rows(text: str) -> dict[str, str]:
    """First column of each table row, its words in backquotes each by itself, with the rest of the row."""
    found = {}
    for line in re.findall(r"^\| (`.+)$", text, re.MULTILINE):
        first, _, rest = line.partition(" | ")
        found |= {name: rest for name in re.findall(r"`([^`]+)`", first)}
    return found


def test_the_client_of_the_docs_works(
    http: httpx.Client, tcp: Any, operator: Callable[..., str], token: Callable[..., str], tmp_path: Path
) -> None:
    code = re.search(r"```python\n(.*?)```", API, re.DOTALL)[1]
    assert len(code.strip().splitlines()) <= 22
    (tmp_path / "client.py").write_text(code, encoding="utf-8")
    secret = token(operator("panel", "guard"), "guard")
    assert http.post("/people", json={"name": "A", "badge": "4711"}).status_code == 201
    env = {
        "DEVICEMGR_URL": f"http://127.0.0.1:{tcp.port}/api/v1",
        "DEVICEMGR_TOKEN": secret,
        "UNTIL": "admin.person_added",
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        [sys.executable, "client.py"], check=False, cwd=tmp_path, env=env, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines()[-1].endswith("admin.person_added None 4711")


def test_every_status_and_field_of_an_error_is_explained() -> None:
    assert set(models.Problem.model_fields) <= set(rows(API))
    explained = {int(code) for line in re.findall(r"^\| ([0-9, ]+) \|", API, re.MULTILINE) for code in line.split(",")}
    assert explained == set(document._TITLES)


def test_the_catalog_has_every_kind_of_the_code_and_no_other() -> None:
    listed = set(rows(EVENTS.partition("## Reasons")[0])) - set(rows(EVENTS.partition("## Kinds")[0]))
    assert listed == {str(kind) for kind in Kind} | administrative_kinds()


def administrative_kinds() -> set[str]:
    found = set()
    for path in sorted((ROOT / "devicemgr").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r'(?<!f)"(admin\.[a-z_]+)"', text))
        found |= {f"{start}{end}" for start in re.findall(r'f"(admin\.[a-z]+_)\{kind\}"', text) for end in ENDINGS}
    return found


ENDINGS = ("added", "edited", "removed")


def test_the_catalog_has_every_reason_and_field() -> None:
    reasons = rows(EVENTS.partition("## Reasons")[2])
    assert {str(reason) for reason in Reason} <= set(reasons)
    from devicemgr.api.routes.site.events import Event

    assert set(rows(EVENTS.partition("## Kinds")[0])) == set(Event.model_fields)
