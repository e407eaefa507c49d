"""Applies each sabotage to a copy of the tree and runs the tests that must catch it; exit 1 when one survives.

python tests/sabotage/run.py [WORD…]      only those whose name holds one of the words
    --since REV       only those whose edited files or tests have changed since a revision, or are not committed
    --tests-pass      the tests are known to pass: they are not run first without any sabotage
    --sample N        N of them by chance; the seed is printed, and --seed N gives the same ones again
"""

import argparse
import os
import random
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
    # Some tests ask git which files belong to the product.
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    return folder


def apply(sabotage: Sabotage, tree: Path) -> None:
    """Make its edits; each text must stand in its file exactly once."""
    for name, old, new in sabotage.edits:
        file = tree / name
        text = file.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise SystemExit(f"error: '{sabotage.name}' no longer applies to {name}; write it again")
        file.write_text(text.replace(old, new), encoding="utf-8")


def outcome_of(tree: Path, tests: tuple[str, ...], seconds: float = SECONDS, *options: str) -> tuple[int, list[str]]:
    """pytest's exit code and its lines on what failed, or else its last one, of a run inside the copy."""
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *options, *tests]
    try:
        ran = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return CAUGHT, ["it hung"]
    failed = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return ran.returncode, failed or ran.stdout.splitlines()[-1:] or [ran.stderr[-200:]]


def tried(sabotage: Sabotage) -> tuple[Sabotage, int, str, float]:
    """One sabotage from copy to verdict."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        tree = copy_of(Path(folder))
        apply(sabotage, tree)
        code, why = outcome_of(tree, sabotage.tests, SECONDS, "-x")
    return sabotage, code, why[0], time.monotonic() - began


def changed_since(revision: str) -> frozenset[str]:
    """The files that differ from a revision, with those that are not committed."""
    names: set[str] = set()
    for command in (["git", "diff", "--name-only", revision], ["git", "ls-files", "-o", "--exclude-standard"]):
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise SystemExit(f"error: git does not know the revision '{revision}'")
        names.update(ran.stdout.splitlines())
    return frozenset(names)


def is_touched(sabotage: Sabotage, changed: frozenset[str]) -> bool:
    """Whether a file that it edits, or one of its tests, is among the changed files; a folder of tests by its files."""
    tests = [test.partition("::")[0] for test in sabotage.tests]
    return any(
        name in changed or any(file.startswith(f"{name}/") for file in changed)
        for name in (*(edit[0] for edit in sabotage.edits), *tests)
    )


def chosen_of(options: argparse.Namespace) -> list[Sabotage]:
    """The sabotages that the command line names, in their order."""
    chosen = [s for s in SABOTAGES if not options.words or any(word in s.name for word in options.words)]
    if options.since is not None:
        changed = changed_since(options.since)
        chosen = [sabotage for sabotage in chosen if is_touched(sabotage, changed)]
    if options.sample is not None:
        picked = random.Random(options.seed).sample(range(len(chosen)), min(options.sample, len(chosen)))
        print(f"a sample of {len(picked)} of {len(chosen)}; again with --seed {options.seed}", flush=True)
        chosen = [chosen[number] for number in sorted(picked)]
    return chosen


def passes_unsabotaged(chosen: list[Sabotage]) -> bool:
    """Run the tests without a sabotage; print what fails."""
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        tests = tuple(sorted({test for sabotage in chosen for test in sabotage.tests}))
        began = time.monotonic()
        code, failed = outcome_of(copy_of(Path(folder)), tests, 6 * SECONDS)
    passes = code == PASSED
    print(
        f"{'nothing is sabotaged':<58} {'passes' if passes else 'FAILS'} {time.monotonic() - began:5.1f} s", flush=True
    )
    if not passes:
        print("\n".join(failed), flush=True)
    return passes


def main(words: list[str]) -> int:
    """Print the table; 1 when a sabotage survives, or its tests fail without one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*")
    parser.add_argument("--since")
    parser.add_argument("--tests-pass", action="store_true")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args(words)
    chosen = chosen_of(options)
    if not chosen:
        print("no sabotage is chosen")
        return 0 if options.since is not None else 1
    if not options.tests_pass and not passes_unsabotaged(chosen):
        return 1
    survived = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for sabotage, verdict_code, why, seconds in pool.map(tried, chosen):
            verdict = "caught" if verdict_code == CAUGHT else "SURVIVED"
            survived += verdict_code != CAUGHT
            print(f"{sabotage.name:<58} {verdict:<8} {seconds:5.1f} s  {why[:110]}", flush=True)
    print(f"{len(chosen)} sabotages, {len(chosen) - survived} caught, {survived} survived")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
