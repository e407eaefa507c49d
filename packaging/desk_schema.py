"""Print the part of the API's OpenAPI document that the desk uses: packaging/desk_schema.py > FILE

The desk's types are made of it. Operations that it does not call are left out, and so are all texts for people, so that
neither changes anything here.
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
_CALL = re.compile(r'\bcall\(\s*"(\w+)",\s*"(/api/v1/[^"]*)"')
_TEXTS = frozenset({"title", "summary", "description", "example", "examples"})
_MAPS = frozenset({"properties", "schemas", "responses", "paths", "headers", "content"})
_REFERENCE = "#/components/schemas/"


def called() -> set[tuple[str, str]]:
    """Return method and path of each operation that the sources name."""
    texts = (file.read_text(encoding="utf-8") for file in sorted(SOURCES.rglob("*.ts")))
    return {(found[1], found[2]) for text in texts for found in _CALL.finditer(text)}


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


def bare(part: Any, *, is_map: bool = False) -> Any:
    """Return a part of a document without texts for people; `is_map` for one whose keys are names of the API."""
    if isinstance(part, list):
        return [bare(value) for value in part]
    if not isinstance(part, dict):
        return part
    kept = part if is_map else {key: value for key, value in part.items() if key not in _TEXTS}
    return {key: bare(value, is_map=not is_map and key in _MAPS) for key, value in kept.items()}


def part_of(document: dict[str, Any], wanted: set[tuple[str, str]]) -> dict[str, Any]:
    """Return the document with these operations alone, and the schemas that they need."""
    paths: dict[str, Any] = {}
    for method, path in sorted(wanted):
        paths.setdefault(path, {})[method] = document["paths"][path][method]
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
    json.dump(bare(part_of(whole, called())), sys.stdout, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
