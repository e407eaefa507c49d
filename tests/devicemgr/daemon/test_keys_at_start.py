"""The start of a daemon and its keys: an unusable key ends it and changes nothing, and no healthy database moves."""

import ast
import os
import secrets
import sqlite3
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devicemgr.daemon import startup
from devicemgr.errors import KeyMissing, StorageFailed
from devicemgr.gallery.cache import GalleryKeeper
from devicemgr.home import Home
from devicemgr.site import site as sites
from devicemgr.site.site import Parts
from tests.scenarios.lobbies import furnish
from tests.support.core import NoFaces, build_gallery

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def parts(catalog: Any) -> Parts:
    return Parts(catalog, NoFaces(), build_gallery, "fake", "x:y", "x:y")  # type: ignore[arg-type]


@pytest.fixture
def home(tmp_path: Path, parts: Parts) -> Home:
    """A lobby, with a sealed record and a snapshot."""
    found = Home(tmp_path / "home")
    site = startup.open_for_daemon(found, parts)
    with site.database.write() as session:
        furnish(session, site)
    site.sealer.seal()
    site.snapshots.take()
    site.close()
    return found


def content(home: Home) -> dict[str, bytes]:
    files = (path for path in home.path.rglob("*") if path.is_file() and not path.name.endswith((".lock", "-shm")))
    return {str(path.relative_to(home.path)): path.read_bytes() for path in files}


UNUSABLE: dict[str, Callable[[Path], Any]] = {
    "damaged": lambda key: key.write_bytes(key.read_bytes()[:20]),
    "empty": lambda key: key.write_bytes(b""),
    "noise": lambda key: key.write_bytes(bytes(range(128, 256))),
    "foreign": lambda key: key.write_bytes(b64encode(secrets.token_bytes(32)) + b"\n"),
    "gone": lambda key: key.unlink(),
    "a folder": lambda key: (key.unlink(), key.mkdir()),
    "open to others": lambda key: key.chmod(0o644),
}


@pytest.mark.parametrize("how", UNUSABLE)
def test_an_unusable_key_ends_the_start_and_touches_nothing(home: Home, parts: Parts, how: str) -> None:
    UNUSABLE[how](home.key)
    before = content(home)
    for _ in range(2):
        with pytest.raises(KeyMissing, match=str(home.key)):
            startup.open_for_daemon(home, parts)
        assert not home.quarantine.exists()
        assert content(home) == before


def test_an_unusable_key_is_told_before_a_damaged_database_is_moved(home: Home, parts: Parts) -> None:
    home.key.write_bytes(b"?")
    home.database.write_bytes(os.urandom(8192))
    with pytest.raises(KeyMissing):
        startup.open_for_daemon(home, parts)
    assert not home.quarantine.exists()
    assert home.database.exists()


STRAY: dict[str, Callable[[Path], Any]] = {
    "an archive": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(500)),
    "empty": lambda path: path.write_bytes(b""),
    "another key": lambda path: (path.write_bytes(b64encode(secrets.token_bytes(32)) + b"\n"), path.chmod(0o600)),
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a link": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("what", STRAY)
def test_what_lies_beside_a_good_key_is_no_key(home: Home, parts: Parts, what: str) -> None:
    STRAY[what](home.new_key)
    before = home.key.read_bytes()
    site = startup.open_for_daemon(home, parts)
    assert site.database.frozen is None
    site.close()
    assert sites.initialize(home) is False
    assert home.key.read_bytes() == before
    assert os.path.lexists(home.new_key)


def test_a_rotation_that_was_killed_after_its_commit_goes_on_by_what_the_keys_hold(home: Home, parts: Parts) -> None:
    home.key.rename(home.new_key)
    home.key.write_bytes(b64encode(secrets.token_bytes(32)) + b"\n")
    home.key.chmod(0o600)
    own = home.new_key.read_bytes()
    startup.open_for_daemon(home, parts).close()
    assert home.key.read_bytes() == own
    assert not home.new_key.exists()


@pytest.mark.parametrize("error", [StorageFailed("the photo is damaged"), RuntimeError("a text is damaged")])
def test_no_other_error_moves_a_database_whatever_its_words(
    home: Home, parts: Parts, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(GalleryKeeper, "refresh", fail)
    if isinstance(error, StorageFailed):
        startup.open_for_daemon(home, parts).close()
    else:
        with pytest.raises(RuntimeError):
            startup.open_for_daemon(home, parts)
    assert not home.quarantine.exists()
    assert home.database.exists()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE devices SET name = CAST(x'ff61' AS TEXT) WHERE name = 'arm'",
        "UPDATE portals SET mode = 'nprmal'",
        "UPDATE devices SET options = 'no JSON'",
        "UPDATE alembic_version SET version_num = '9e'",
    ],
)
def test_damage_that_sqlite_does_not_see_sets_it_aside_by_its_type(home: Home, parts: Parts, damage: str) -> None:
    with sqlite3.connect(home.database) as raw:
        assert raw.execute(damage).rowcount > 0
    raw.close()
    site = startup.open_for_daemon(home, parts)
    assert site.database.frozen
    site.close()
    assert (next(home.quarantine.iterdir()) / "devicemgr.db").exists()


def decisions_by_message(source: str) -> list[int]:
    """Lines that look into the text of an error: `x in str(error)`, `str(error).startswith(…)`, `error.args`."""
    found: list[int] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            found += [node.lineno for side in node.comparators if _is_text_of_error(side)]
        elif isinstance(node, ast.Attribute):
            named = isinstance(node.value, ast.Name) and node.value.id in _ERRORS
            found += [node.lineno] if (node.attr == "args" and named) or _is_text_of_error(node.value) else []
    return sorted(set(found))


_ERRORS = {"error", "problem", "fault", "exc", "exception", "failure", "cause"}
_SHOWN = {"strip", "split"}  # on the way to a line that somebody reads


def _is_text_of_error(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("lower", "casefold"):
        return _is_text_of_error(node.func.value)
    calls = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("str", "repr")
    return calls and bool(node.args) and _names_an_error(node.args[0])  # type: ignore[attr-defined]


def _names_an_error(node: ast.AST) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in _ERRORS


def test_the_search_finds_what_it_looks_for() -> None:
    for line in (
        'x = "damaged" in str(error)',
        'x = "a" not in str(error).lower()',
        'x = str(error.orig).startswith("a")',
        "x = error.args[0]",
        'x = any(word in str(fault) for word in ("a",))',
    ):
        assert decisions_by_message(line) == [1], line


def test_nothing_is_decided_by_the_words_of_a_message() -> None:
    found = []
    for folder in ("devicemgr", "drivers", "enrollment"):
        for file in (ROOT / folder).rglob("*.py"):
            lines = file.read_text(encoding="utf-8").splitlines()
            for number in decisions_by_message("\n".join(lines)):
                if not any(f").{word}()" in lines[number - 1] for word in _SHOWN):
                    found.append(f"{file.relative_to(ROOT)}:{number}: {lines[number - 1].strip()}")
    assert found == []
