"""What must never be in the product: ways from data to code, parsers with entities, archives that unpack themselves."""

import ast
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
    words = ("pypi" + ".org", "files.python" + "hosted", "index" + "-url http", "/work/" + "wt")
    for name in filter(None, listed):
        path = ROOT / name.decode()
        if path.is_file() and path.suffix in (".py", ".md", ".toml", ".lock", ".sh", ".json", ".txt", ""):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not [word for word in words if word in text], name
