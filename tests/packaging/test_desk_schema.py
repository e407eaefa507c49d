"""The part of the API's document that the desk's types are made of: what else changes, changes no types."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "packaging" / "desk_schema.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("desk_schema", SCRIPT)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def document(*, more: bool) -> dict[str, Any]:
    """A document of two routes; with `more`, as a later version may have it."""
    fields = {"name": {"type": "string", "description": "x" if more else "y"}, "on": {"$ref": "#/components/schemas/B"}}
    schemas = {"A": {"properties": fields, "required": ["name"]}, "B": {"type": "string"}, "C": {}}
    get: dict[str, Any] = {"parameters": [{"in": "path", "name": "name"}], "responses": {"200": {"content": {}}}}
    get["responses"]["200"]["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}
    paths: dict[str, Any] = {"/a": {"get": get, "delete": {}}, "/c": {"get": {}}}
    if more:
        fields["of_later"] = {"$ref": "#/components/schemas/C"}
        schemas["A"]["required"].append("of_later")
        get["parameters"].append({"in": "query", "name": "of_later"})
        get["summary"] = "More."
        paths["/later"] = {"get": {}}
    return {"openapi": "3.1.0", "info": {}, "paths": paths, "components": {"schemas": schemas}}


def kept(script: ModuleType, whole: dict[str, Any], words: set[str]) -> Any:
    whole["components"]["schemas"] = script.bare(whole["components"]["schemas"], words)
    return script.bare(script.part_of(whole, {("get", "/a")}), words)


def test_what_the_desk_does_not_use_changes_nothing(script: ModuleType) -> None:
    words = {"name", "on"}
    found = kept(script, document(more=False), words)
    assert kept(script, document(more=True), words) == found
    assert list(found["paths"]["/a"]) == ["get"]
    assert sorted(found["components"]["schemas"]) == ["A", "B"]


def test_what_it_uses_is_there_in_a_later_version(script: ModuleType) -> None:
    words = {"name", "on", "of_later"}
    found = kept(script, document(more=True), words)
    assert found["components"]["schemas"]["A"]["required"] == ["name", "of_later"]
    assert "C" in found["components"]["schemas"]


def test_the_calls_of_the_sources_are_found(script: ModuleType) -> None:
    text = script.sources()
    assert ("post", "/api/v1/portals/{name}/open") in script.called(text)
    assert "operations[" not in text
