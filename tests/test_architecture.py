"""docs/ARCHITECTURE.md says what pyproject's contracts hold, and the contracts catch an import upwards."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_LINES, MAX_FILES_IN_A_FOLDER = 400, 12
PAGE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def layers(package: str) -> list[set[str]]:
    """Return the layers of a package by its contract, from top to bottom, without the package's name."""
    (found,) = [
        contract["layers"]
        for contract in CONTRACTS
        if contract["type"] == "layers" and all(layer.startswith(package + ".") for layer in contract["layers"])
    ]
    return [{name.strip().removeprefix(package + ".") for name in re.split(r"[|:]", layer)} for layer in found]


def documented(package: str) -> list[set[str]]:
    """Return the layers of a package by the table of the page."""
    table = PAGE.split(f"| Layer of `{package}` | What |\n|---|---|\n")[1].split("\n\n")[0]
    return [set(re.findall(r"`([a-z_/]+)`", row.split("|")[1])) for row in table.splitlines()]


@pytest.mark.parametrize("package", ["devicemgr", "enrollment"])
def test_the_table_of_layers_is_the_contract(package: str) -> None:
    assert documented(package) == layers(package)


def test_the_table_of_drivers_is_the_contract() -> None:
    sim, kinds, common = layers("drivers")
    assert documented("drivers") == [sim, set(), common]
    folders = {path.parent.name for path in (ROOT / "drivers").glob("*/__init__.py")}
    assert kinds == folders - sim - common


def test_every_package_of_the_core_has_a_layer() -> None:
    folder = ROOT / "devicemgr"
    here = {path.parent.name for path in folder.glob("*/*.py")} | {path.stem for path in folder.glob("*.py")}
    assert here - {"__init__", "__pycache__"} <= set().union(*layers("devicemgr"))


def test_no_file_and_no_folder_is_too_large_to_read() -> None:
    """A migration a version is kept, and none of them is read together with the others."""
    files = [path for top in ("devicemgr", "drivers", "enrollment", "tests") for path in (ROOT / top).rglob("*.py")]
    long = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in files}
    assert {name: lines for name, lines in long.items() if lines > MAX_LINES} == {}
    product = [path for path in files if path.relative_to(ROOT).parts[0] != "tests" and path.name != "__init__.py"]
    folders = Counter(str(path.parent.relative_to(ROOT)) for path in product)
    full = {name for name, count in folders.items() if count > MAX_FILES_IN_A_FOLDER}
    assert full - {"devicemgr/store/migrations/versions"} == set()


def test_no_source_of_the_desk_is_too_large_to_read() -> None:
    """Of its files only the API's types are made, by `make desk`."""
    web = ROOT / "devicemgr" / "web"
    files = [path for name in ("src", "tests") for path in (web / name).rglob("*") if path.is_file()]
    files = [path for path in files if path.name != "schema.d.ts"]
    assert {path.name for path in files if len(path.read_text("utf-8").splitlines()) > MAX_LINES} == set()
    folders = Counter(path.parent.name for path in files)
    assert {name for name, count in folders.items() if count > MAX_FILES_IN_A_FOLDER} == set()


def test_every_file_that_the_pages_name_is_there() -> None:
    """Names with a folder: `access/pipeline.py` may leave the package out."""
    pages = [ROOT / "docs" / "ARCHITECTURE.md", ROOT / "docs" / "threads.md", *(ROOT / "docs" / "adr").glob("*.md")]
    named = {name for page in pages for name in re.findall(r"`([a-z_]+(?:/[a-z_]+)+\.py)", page.read_text("utf-8"))}
    assert len(named) > 30
    assert {name for name in named if not any((ROOT / top / name).is_file() for top in ("", "devicemgr"))} == set()


def test_every_decision_is_in_the_index_and_fits_a_page() -> None:
    folder = ROOT / "docs" / "adr"
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    index = (folder / "README.md").read_text("utf-8")
    # A number that was given out before its page is written has a row without a link.
    numbers = sorted([page.name[:4] for page in pages] + re.findall(r"^\| (\d{4}) \| kept for ", index, re.MULTILINE))
    assert numbers == [f"{n:04d}" for n in range(1, len(numbers) + 1)]
    for page in pages:
        text = page.read_text("utf-8")
        assert f"]({page.name})" in index
        assert [line for line in text.splitlines() if line.startswith("## ")] == [
            "## Context",
            "## Decision",
            "## Consequences",
        ]
        assert len(text.splitlines()) <= 40


def test_an_import_upwards_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("devicemgr", "drivers", "enrollment"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.tsv", "*.toml"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    lint = [
        sys.executable,
        "-c",
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command",
    ]
    lint[-1] += "; lint_imports_command(['--no-cache'])"
    kept = subprocess.run(lint, cwd=copy, capture_output=True, text=True, check=False)
    assert kept.returncode == 0, kept.stdout + kept.stderr
    planted = copy / "devicemgr" / "store" / "sqlite.py"
    planted.write_text(
        planted.read_text("utf-8") + "\nfrom devicemgr.ledger import writer as _writer  # noqa\n", "utf-8"
    )
    broken = subprocess.run(lint, cwd=copy, capture_output=True, text=True, check=False)
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert "devicemgr.store.sqlite -> devicemgr.ledger.writer" in broken.stdout
