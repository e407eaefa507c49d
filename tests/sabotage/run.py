"""Applies each sabotage to a copy of the tree and runs the tests that must catch it; exit 1 when one survives.

python tests/sabotage/run.py [WORD…]      only those whose name holds one of the words
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.sabotage.sabotage import Sabotage
from tests.sabotage.sabotages import SABOTAGES

AT_ONCE = int(os.environ.get("DEVICEMGR_SABOTAGES_AT_ONCE", "2"))
SECONDS = 600
CAUGHT, PASSED = 1, 0


def copy_of(folder: Path) -> Path:
    """The tree as git knows it, with what is not committed yet."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout.split(b"\0")
    for name in filter(None, names):
        source = ROOT / os.fsdecode(name)
        if source.is_file():
            target = folder / os.fsdecode(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


def apply(sabotage: Sabotage, tree: Path) -> None:
    """Make its edits; each text must stand in its file exactly once."""
    for name, old, new in sabotage.edits:
        file = tree / name
        text = file.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise SystemExit(f"error: '{sabotage.name}' no longer applies to {name}; write it again")
        file.write_text(text.replace(old, new), encoding="utf-8")


def outcome_of(tree: Path, tests: tuple[str, ...], seconds: float = SECONDS) -> tuple[int, str]:
    """pytest's exit code and last line of a run inside the copy."""
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *tests]
    try:
        ran = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return CAUGHT, "it hung"
    failed = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return ran.returncode, (failed or ran.stdout.splitlines()[-1:] or [ran.stderr[-200:]])[0]


def tried(sabotage: Sabotage) -> tuple[Sabotage, int, str, float]:
    """One sabotage from copy to verdict."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        tree = copy_of(Path(folder))
        apply(sabotage, tree)
        code, why = outcome_of(tree, sabotage.tests)
    return sabotage, code, why, time.monotonic() - began


def main(words: list[str]) -> int:
    """Print the table; 1 when a sabotage survives, or the tests fail without one."""
    chosen = [s for s in SABOTAGES if not words or any(word in s.name for word in words)]
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        tests = tuple(sorted({test for sabotage in chosen for test in sabotage.tests}))
        code, why = outcome_of(copy_of(Path(folder)), tests, 6 * SECONDS)
    print(f"{'nothing is sabotaged':<58} {'passes' if code == PASSED else 'FAILS'}  {why}", flush=True)
    if code != PASSED:
        return 1
    survived = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for sabotage, code, why, seconds in pool.map(tried, chosen):
            verdict = "caught" if code == CAUGHT else "SURVIVED"
            survived += code != CAUGHT
            print(f"{sabotage.name:<58} {verdict:<8} {seconds:5.1f} s  {why[:110]}", flush=True)
    print(f"{len(chosen)} sabotages, {len(chosen) - survived} caught, {survived} survived")
    return int(survived > 0 or not chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
