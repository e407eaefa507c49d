"""Print the part of the API's OpenAPI document that the desk uses: packaging/desk_schema.py > FILE

The desk's types are made of it. Operations that it does not call are left out, and so are fields that its sources do
not name and all texts for people, so that none of these changes anything here.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "devicemgr" / "web" / "src"
_CALL = re.compile(r'\b(?:call|followed)\(\s*"(\w+)",\s*"(/api/v1/[^"]*)"')
_TEXTS = frozenset({"title", "summary", "description", "example", "examples"})
_MAPS = frozenset({"schemas", "responses", "paths", "headers", "content"})
_REFERENCE = "#/components/schemas/"


def sources() -> str:
    """Return all of the sources, without the types that are made of the document."""
    files = (file for file in sorted(SOURCES.rglob("*.ts")) if not file.name.endswith(".d.ts"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def called(text: str) -> set[tuple[str, str]]:
    """Return method and path of each operation that the sources name."""
    return {(found[1], found[2]) for found in _CALL.finditer(text)}


def references(part: Any) -> Iterator[str]:
    """Yield the names of the schemas that a part of a document refers to."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref" and isinstance(value, str) and value.startswith(_REFERENCE):
                yield value.removeprefix(_REFERENCE)
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def bare(part: Any, words: set[str]) -> Any:
    """Return a part of a document without texts for people, and without fields and parameters that no word names."""
    if isinstance(part, list):
        named = (one for one in part if not (isinstance(one, dict) and "in" in one and one["name"] not in words))
        return [bare(one, words) for one in named]
    if not isinstance(part, dict):
        return part
    return {key: _bare_value(key, value, words) for key, value in part.items() if key not in _TEXTS}


def _bare_value(key: str, value: Any, words: set[str]) -> Any:
    if key == "properties":
        return {name: bare(field, words) for name, field in value.items() if name in words}
    if key == "required" and isinstance(value, list):
        return [name for name in value if name in words]
    if key in _MAPS:
        return {name: bare(one, words) for name, one in value.items()}
    return bare(value, words)


def without_problems(operation: dict[str, Any]) -> dict[str, Any]:
    """Return an operation with its good answers alone: the client reads all problems as one type of its own."""
    good = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    return operation | {"responses": good}


def part_of(document: dict[str, Any], wanted: set[tuple[str, str]]) -> dict[str, Any]:
    """Return the document with these operations alone, and the schemas that they need."""
    paths: dict[str, Any] = {}
    for method, path in sorted(wanted):
        paths.setdefault(path, {})[method] = without_problems(document["paths"][path][method])
    schemas, needed = document["components"]["schemas"], set()
    waiting = set(references(paths))
    while waiting:
        name = waiting.pop()
        needed.add(name)
        waiting |= set(references(schemas[name])) - needed
    kept = {name: schemas[name] for name in sorted(needed)}
    return {"openapi": document["openapi"], "info": document["info"], "paths": paths, "components": {"schemas": kept}}


def main() -> None:
    """Print the part as JSON."""
    sys.path.insert(0, str(ROOT))
    from devicemgr.api.app import create_app  # noqa: PLC0415 - found by the path of this checkout

    whole = create_app(SimpleNamespace(site=None)).openapi()  # type: ignore[arg-type]
    whole["info"] = {}
    text = sources()
    words = set(re.findall(r"\w+", text))
    whole["components"]["schemas"] = bare(whole["components"]["schemas"], words)
    json.dump(bare(part_of(whole, called(text)), words), sys.stdout, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
