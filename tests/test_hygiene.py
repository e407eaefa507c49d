"""What must never be in the product: ways from data to code, parsers with entities, archives that unpack themselves.

Nor words that stand for one of the field's own, in names, texts and pages (docs/ and *.md).
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = [
    ROOT / "cli.py",
    *(path for top in ("devicemgr", "drivers", "enrollment") for path in (ROOT / top).rglob("*.py")),
]

# From bytes to objects, or to other processes by such a way; XML parsers that know DTD and entities.
MODULES = {
    "pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "jsonpickle",
    "yaml",
    "telnetlib",
    "multiprocessing",
    "xml.etree",
    "xml.dom",
    "xml.sax.expatreader",
    "xml.parsers",
    "xmlrpc",
    "imp",
}
ALLOWED = {"xml.sax.saxutils"}
CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "tempfile.mktemp",
    "csv.writer",
    "csv.DictWriter",
}
METHODS = {"extractall", "extract"}
PARSERS = {"etree.fromstring", "etree.parse", "etree.XML", "etree.iterparse"}

WORDED = ("devicemgr", "drivers", "enrollment", "udev", "packaging", "docs", "cli.py", "Makefile", "pyproject.toml")
TEXT_ENDINGS = (".py", ".md", ".toml", ".sh", ".in", ".service", "Makefile", "devicemgr-command")
WORDS = frozenset({"told", "heard", "asked", "somebody", "nobody", "anew", "aside", "meanwhile", "whoever"})
PHRASES = (
    "in step with",
    "brought in step",
    "owner of the box",
    "fit picture",
    "known hole",
    "guessed at once",
    "as long as nothing is said",
    "so it is anyway",
    "wholly or not at all",
    "hung up on",
    "gone on with",
    "is no TOML",
    "is no picture",
    "is no camera",
    "is no address or range",
)
# Names in databases, site files and documents of the API, which stay as they are.
STORED = frozenset({"nobody_passed", "asked_by", "approval_asked"})
STORED_IN = {
    "asked": {
        "devicemgr/domain/rules/past/replay.py",
        "docs/technician.md",
        "devicemgr/api/routes/devices/recording.py",
        "devicemgr/api/routes/site/approvals.py",
        "devicemgr/cli/site/operators.py",
        "devicemgr/store/migrations/versions/0009_operators.py",
        "devicemgr/store/site/approvals.py",
        "devicemgr/store/tables.py",
    }
}
_NAME = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or an attribute; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{inner}.{node.attr}" if isinstance(node, ast.Attribute) and (inner := dotted(node.value)) else ""


def objections(source: str) -> Iterator[str]:
    """Each thing in a file that must not be there, with its line."""
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            yield from (f"{line}: import {name}" for name in (a.name for a in node.names) if is_banned(name))
        elif isinstance(node, ast.ImportFrom) and node.module:
            named = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            yield from (f"{line}: from {name}" for name in named if is_banned(name))
        elif isinstance(node, ast.Call):
            yield from (f"{line}: {why}" for why in of_call(node))


def of_call(node: ast.Call) -> Iterator[str]:
    name, given = dotted(node.func), {keyword.arg: keyword.value for keyword in node.keywords}
    if name in CALLS:
        yield name
    if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS and "archive" in ast.dump(node.func).lower():
        yield f"{node.func.attr} of an archive"
    if name in PARSERS and len(node.args) < 2 and "parser" not in given and "resolve_entities" not in given:
        yield f"{name} without a parser of ours"
    for option in ("shell", "allow_pickle"):
        if isinstance(given.get(option), ast.Constant) and given[option].value is True:  # type: ignore[attr-defined]
            yield f"{option}=True"


def is_banned(name: str) -> bool:
    return name not in ALLOWED and any(name == module or name.startswith(module + ".") for module in MODULES)


@pytest.mark.parametrize(
    "bad",
    [
        "import pickle",
        "from pickle import loads",
        "import xml.etree.ElementTree as ET",
        "from xml import dom",
        "from xml.etree import ElementTree",
        "eval(text)",
        "exec(code)",
        "import yaml",
        "etree.fromstring(data)",
        "subprocess.run(text, shell=True)",
        "np.load(file, allow_pickle=True)",
        "zip_archive.extractall(folder)",
        "import multiprocessing.connection",
        "os.system(text)",
        "csv.writer(file)",
    ],
)
def test_the_check_itself_finds_it(bad: str) -> None:
    assert list(objections(bad)) != []


def test_nothing_of_that_is_in_the_product() -> None:
    found = {str(path.relative_to(ROOT)): list(objections(path.read_text(encoding="utf-8"))) for path in PRODUCT}
    assert len(found) > 200
    assert {path: why for path, why in found.items() if why} == {}


def test_nothing_that_is_committed_names_a_registry_or_this_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.split(b"\0")
    words = ("pypi" + ".org", "files.python" + "hosted", "index" + "-url http", "npm" + "js.org", "/work/" + "wt")
    for name in filter(None, listed):
        path = ROOT / name.decode()
        if path.is_file() and path.suffix in (".py", ".md", ".toml", ".lock", ".sh", ".json", ".txt", ".ts", ""):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not [word for word in words if word in text], name


def listed_words(file: str, text: str) -> Iterator[str]:
    """Return each listed word, alone or within a name, and each listed phrase."""
    for name in set(_NAME.findall(text)):
        parts = {part.lower() for part in _PART.findall(name)}
        if parts & WORDS and name not in STORED and file not in STORED_IN.get(name, set()):
            yield f"{file}: {name}"
    lowered = re.sub(r"\s+", " ", text).lower()
    yield from (f"{file}: {phrase}" for phrase in PHRASES if phrase.lower() in lowered)


def texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *WORDED, "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in listed.stdout.split("\0"):
        if name.endswith(TEXT_ENDINGS) and (ROOT / name).is_file():
            yield name, (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    ["it is told once", "def was_asked(", "class NobodyPassed", "MAX_HEARD_S", "Whoever calls", "kept in\nstep with"],
)
def test_the_search_finds_words_in_names_and_over_lines(text: str) -> None:
    assert list(listed_words("x.py", text))


@pytest.mark.parametrize("text", ['"nobody_passed"', "a task, untold or masked", "beside", "asked_by"])
def test_the_search_leaves_other_words_and_stored_names(text: str) -> None:
    assert not list(listed_words("x.py", text))


def test_no_listed_word_is_in_the_product_or_its_pages() -> None:
    found = dict(texts())
    assert len(found) > 500
    assert [found_word for name, text in found.items() for found_word in listed_words(name, text)] == []
    assert all("asked" in found[name] for name in STORED_IN["asked"])


def test_no_device_of_the_tests_reads_on_after_the_end_of_its_line() -> None:
    """`data += line.recv(n)` in a loop takes the end of a connection for no bytes yet, and spins for ever."""
    blind = re.compile(r"\+= [\w.]+\.(recv|read1)\(\w*\)$", re.MULTILINE)
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "drivers" / "sim").rglob("*.py")]
    assert [str(file.relative_to(ROOT)) for file in files if blind.search(file.read_text(encoding="utf-8"))] == []
