"""No route carries, in its body or query, a right that another route of its own refuses to its callers."""

from collections.abc import Iterator
from typing import Any

import pytest

from devicemgr.api import authorization
from devicemgr.domain.model import Role

GUARDS = {
    "levels": ("PUT", "/people/{badge}/levels/{level}"),
    "level": ("PUT", "/people/{badge}/levels/{level}"),
    "department": ("PUT", "/people/{badge}/levels/{level}"),
    "cards": ("POST", "/people/{badge}/cards"),
    "number": ("POST", "/people/{badge}/cards"),
    "pin": ("PUT", "/people/{badge}/pin"),
    "photos": ("POST", "/people/{badge}/face"),
    "consent": ("POST", "/people/{badge}/consent"),
    "consent_until": ("POST", "/people/{badge}/consent"),
    "suspended": ("POST", "/people/{badge}/suspend"),
    "valid_to": ("PATCH", "/people/{badge}"),
    "templates": ("GET", "/people/{badge}/export"),
    "map": ("PUT", "/people/{badge}/levels/{level}"),
    "missing": ("POST", "/people/{badge}/suspend"),
    "erase_after_days": ("DELETE", "/people/{badge}"),
    "accept": ("POST", "/people/{badge}/suspend"),
    "windows": ("POST", "/schedules"),
    "holidays": ("POST", "/schedules"),
    "days": ("POST", "/calendars"),
    "drop": ("PATCH", "/calendars/{name}"),
    "portals": ("POST", "/levels"),
    "schedule": ("POST", "/levels"),
    "model": ("POST", "/gallery/migration"),
    "mode": ("PUT", "/portals/{name}/mode"),
    "direction": ("POST", "/portals/{name}/open"),
    "roles": ("POST", "/operators"),
    "os_user": ("POST", "/operators"),
    "driver": ("POST", "/devices"),
    "address": ("PATCH", "/devices/{name}"),
    "options": ("PATCH", "/devices/{name}"),
    "gate": ("PATCH", "/portals/{name}"),
    "entry": ("PATCH", "/portals/{name}"),
    "exit": ("PATCH", "/portals/{name}"),
    "require": ("PATCH", "/portals/{name}"),
}
"""The route of its own that sets what a field of this name sets."""
ADMINS_ALONE = {
    "keep_samples",
    "retention_days",
    "samples_days",
    "visits_days",
    "consent_days",
    "anchors",
    "on_storage_failure",
}
OF_ANOTHER_KIND = {
    *(("/interlocks", "portals"), ("/interlocks/{name}", "portals"), ("/access/try", "direction")),
    *(("/visitors", "levels"), ("/visitors", "valid_to")),
    *(("/outlets", "portals"), ("/outlets/{name}", "portals")),
}
"""Fields that share a name with one of GUARDS: an interlock's portals give no one a right, and to try opens nothing.

A visit has at most the levels of its host, which test_visitors.py shows, and its own end. Portals choose what an outlet
gives out, and test_outlets.py shows whom that is for.
"""
DOCUMENTS = {("POST", "/site/apply"): {"toml"}}
"""Fields that hold a whole document; test_site_rights.py shows what each role may change by it."""


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path as the table has it, and description of each operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path.removeprefix(authorization.PREFIX), operation


def fields_of(document: dict[str, Any], schema: Any, seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, Any]]:
    """Name and schema of each field of a body, also of those within."""
    if isinstance(schema, list):
        for part in schema:
            yield from fields_of(document, part, seen)
    elif isinstance(schema, dict):
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name and name not in seen:
            yield from fields_of(document, document["components"]["schemas"][name], seen | {name})
        for field, inner in schema.get("properties", {}).items():
            yield field, inner
            yield from fields_of(document, inner, seen)
        for key in ("items", "anyOf", "oneOf", "allOf", "additionalProperties"):
            yield from fields_of(document, schema.get(key), seen)


def given(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    """The names of all that a caller may send in the query or the body."""
    names = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        names |= {name for name, _ in fields_of(document, content["schema"])}
    return names


def test_a_field_with_a_route_of_its_own_is_for_those_who_may_call_that(app):
    document, wrong, found = app.openapi(), [], set()
    for method, path, operation in operations(document):
        for name in given(document, operation):
            single = (
                authorization.TABLE[GUARDS[name]] if name in GUARDS else {Role.ADMIN} if name in ADMINS_ALONE else None
            )
            if single is None or (path, name) in OF_ANOTHER_KIND or authorization.TABLE[method, path] <= single:
                found.add(name)
            else:
                wrong.append((method, path, name))
    assert wrong == []
    assert {"levels", "consent", "roles", "options", "mode"} <= found


def test_no_other_route_takes_a_document_that_says_everything(app):
    document = app.openapi()
    found = {
        (method, path): names & {"toml", "document", "site", "changes", "requests"}
        # A switch of outlets, and no list of what to do: each command brings an operator's token of its own.
        | (names & {"commands"} if not path.startswith("/outlets") else set())
        for method, path, operation in operations(document)
        if (names := given(document, operation))
    }
    assert {key: names for key, names in found.items() if names} == DOCUMENTS


def sample(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A value that the schema takes, with every field of an object."""
    if "$ref" in schema:
        return sample(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return sample(document, schema[key][0])
    match schema.get("type"):
        case "object":
            return {name: sample(document, inner) for name, inner in schema.get("properties", {}).items()}
        case "array":
            return [sample(document, schema.get("items", {}))]
        case "integer" | "number":
            return max(schema.get("minimum", 1), 1)
        case "boolean":
            return True
    return "main"


@pytest.fixture
def furnished(http):
    """A portal, a level and a person, whom the bodies name."""
    made = [
        http.post("/devices", json={"name": "main", "driver": "fake_gate", "address": "/dev/gate/a"}),
        http.post("/portals", json={"name": "main", "gate": "main"}),
        http.post("/levels", json={"name": "main", "portals": ["main"]}),
        http.post("/people", json={"name": "A", "badge": "main"}),
    ]
    assert {answer.status_code for answer in made} == {201}


@pytest.mark.usefixtures("furnished")
@pytest.mark.parametrize("role", list(Role))
def test_a_whole_body_of_a_forbidden_route_changes_nothing(app, http, web, operator, token, role):
    """Every route that the role may not call, with every field filled in, by the role's own token."""
    document = app.openapi()
    client = web(authorization=f"Bearer {token(operator('the-one', role), role)}")
    everything = ["/site", "/people", "/operators", "/approvals", "/portals", "/cards"]
    before = [http.get(path).json() for path in everything]
    wrong, asked = [], 0
    for method, path, operation in operations(document):
        if role in authorization.TABLE[method, path]:
            continue
        content = operation.get("requestBody", {}).get("content", {})
        body = sample(document, content["application/json"]["schema"]) if "application/json" in content else None
        names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"]
        url = path.format(**dict.fromkeys(names, "main"))
        answer = client.request(method, url, json=body)
        asked += 1
        if answer.status_code != 403:
            wrong.append((method, path, answer.status_code))
    assert wrong == []
    assert asked > 10 or role is Role.ADMIN
    assert [http.get(path).json() for path in everything] == before
