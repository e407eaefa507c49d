"""The OpenAPI document is complete: every operation is named, typed, and declares its errors and its security."""

import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from devicemgr.api import authorization
from devicemgr.api.app import create_app


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(json.dumps(create_app(SimpleNamespace(site=None)).openapi()))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path.removeprefix(authorization.PREFIX), operation


def untyped(document: dict[str, Any], operation: dict[str, Any]) -> bool:
    """Return True if a 2xx response is of no kind, or of objects without a single named field."""
    for status, response in operation["responses"].items():
        if not status.startswith("2"):
            continue
        for media, content in response.get("content", {"": {}}).items():
            schema = content.get("schema", {})
            if media == "application/json" and not is_typed(document, schema):
                return True
            if not schema:
                return True
    return False


def is_typed(document: dict[str, Any], schema: dict[str, Any]) -> bool:
    if "$ref" in schema:
        return is_typed(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema or "oneOf" in schema:
        return all(is_typed(document, inner) for inner in schema.get("anyOf", schema.get("oneOf")))
    if schema.get("type") == "array":
        return is_typed(document, schema.get("items", {}))
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return bool(schema.get("properties")) or (isinstance(values, dict) and is_typed(document, values))
    return schema.get("type") in ("string", "integer", "number", "boolean", "null")


def test_every_operation_has_a_response_model(document: dict[str, Any]) -> None:
    found = {operation["operationId"] for _, _, operation in operations(document) if untyped(document, operation)}
    assert not found, "give them a response model"


def test_operations_are_named_resource_verb_and_each_once(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == []
    assert {"people_list", "people_create", "devices_update", "portals_open", "events_stream"} <= set(names)


def test_every_operation_declares_its_errors_as_problem_documents(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        errors = {status: body for status, body in operation["responses"].items() if int(status) >= 400}
        assert {"401", "403", "422", "500", "503"} <= set(errors), (method, path)
        for status, body in errors.items():
            assert body["content"] == {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            }, (method, path, status)


def test_every_operation_says_who_may_call_it_and_how(document: dict[str, Any]) -> None:
    assert set(document["components"]["securitySchemes"]) == {"token", "session", "csrf"}
    for method, path, operation in operations(document):
        assert set(operation["x-roles"]) == authorization.TABLE[method, path]
        is_open = (method, f"{authorization.PREFIX}{path}") in authorization.OPEN or path == "/healthz"
        assert (operation["security"] == []) == is_open, (method, path)
        if not is_open and method != "GET":
            assert {"session": [], "csrf": []} in operation["security"]


def test_every_operation_has_a_summary_and_a_description(document: dict[str, Any]) -> None:
    assert [
        o["operationId"] for _, _, o in operations(document) if not (o.get("summary") and o.get("description"))
    ] == []


def test_schemas_are_named_by_nouns_of_the_field(document: dict[str, Any]) -> None:
    names = set(document["components"]["schemas"])
    assert not names & {"HTTPValidationError", "ValidationError", "Way", "Wish", "Opening", "Search"}


@pytest.mark.parametrize("query", ["kinds=tamper", "limt=5", "after=1&offset=2"])
def test_an_unknown_query_parameter_is_refused_and_named(http: Any, query: str) -> None:
    answer = http.get(f"/events?{query}")
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "unknown_parameter"
    assert problem["args"]["name"] in query
    assert "kind" in problem["args"]["known"]


def test_a_problem_can_be_said_in_another_language(http: Any) -> None:
    missing = http.get("/devices/gate-9").json()
    assert (missing["code"], missing["args"]) == ("device_not_found", {"name": "gate-9"})
    wrong = http.post("/portals", json={"name": "p", "gate": "g", "frames": 9}).json()
    assert (wrong["code"], wrong["args"]) == ("invalid_field", {"field": "frames", "rule": "less_than_equal", "le": 5})
    assert http.get("/nowhere").json()["code"] == "no_such_route"
