"""Complete the OpenAPI document: errors, security and roles of every operation, stated in one place."""

from typing import Any

from devicemgr.api.authorization import OPEN, PREFIX
from devicemgr.api.conventions.idempotency import HEADER, NOT_KEPT
from devicemgr.api.conventions.models import Problem
from devicemgr.api.rights.table import TABLE

_PROBLEM = "Problem"
_DESCRIPTION = """\
Access control of one site. Errors are RFC 9457 problem documents with `code` and `args` beside the English `detail`.

On the Unix socket the caller is the user of the system who opened it. Over TCP a caller sends an API token as
`Authorization: Bearer …`, or the session's cookie and, with requests that change something, its CSRF token.
`x-roles` of an operation says which roles may call it; the owner of the host may call all.
"""
_SCHEMES: dict[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token of an operator."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-devicemgr",
        "description": "The cookie of `POST /api/v1/session`; named `devicemgr` on loopback without TLS.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "With a session: the `csrf` of its answer, in each request that changes something.",
    },
}
_SAFE = ("get", "head", "options")
_KEY: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 130},
    "description": "The same request again under the same key gets the first answer, and nothing more happens.",
}

_TITLES = {
    400: "The state of the site does not allow the request.",
    401: "The caller is not signed in.",
    403: "The caller's role may not do this.",
    404: "Something that the request names does not exist.",
    409: "The request contradicts what is stored, or needs a second admin's approval.",
    412: "`If-Match` names a revision that is no longer the site's.",
    413: "The body is too large.",
    421: "The request names another host.",
    422: "A value is malformed or out of range, or a field or query parameter is unknown.",
    429: "Too many attempts; wait.",
    500: "The program failed.",
    502: "A device failed, or could not be reached.",
    503: "The box needs its operator: storage, key or database.",
}
_ALWAYS = frozenset({400, 401, 403, 413, 421, 422, 429, 500, 503})
# Their filters name people, zones and the like.
_FILTERED, _REPORTS = ("/people", "/provisioning", "/access/try"), "/reports/"
# What a site may have switched off.
_OPTIONAL = ("/people/{badge}/photo", _REPORTS)
# Operations without a device in their path that reach one all the same.
_REACHES_DEVICES = ("/devices", "/portals", "/discoveries", "/provisioning", "/people/{badge}/face", "/site", "/clock")


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add to every operation what all of them have in common; return the same document."""
    document["info"]["description"] = _DESCRIPTION
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas[_PROBLEM] = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which this API does not answer
        schemas.pop(name, None)
    components["securitySchemes"] = _SCHEMES
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete(operation, method, path)
    return document


def _complete(operation: dict[str, Any], method: str, path: str) -> None:
    inside = path.removeprefix(PREFIX)
    for status in error_statuses(method, inside, has_precondition=_has_precondition(operation)):
        operation["responses"][str(status)] = {
            "description": _TITLES[status],
            "content": {"application/problem+json": {"schema": {"$ref": f"#/components/schemas/{_PROBLEM}"}}},
        }
    if method not in _SAFE and (method.upper(), inside) not in NOT_KEPT:
        operation.setdefault("parameters", []).append(_KEY)
    is_open = (method.upper(), path) in OPEN
    with_session: dict[str, list[str]] = {"session": []} if method in _SAFE else {"session": [], "csrf": []}
    operation["security"] = [] if is_open else [{"token": []}, with_session, {}]
    operation["x-roles"] = sorted(str(role) for role in TABLE.get((method.upper(), inside), ()))


def error_statuses(method: str, path: str, *, has_precondition: bool) -> list[int]:
    """Return the statuses of errors that a route may answer, by what kind of route it is."""
    found = set(_ALWAYS)
    if "{" in path or method != "get" or path in _FILTERED or path.startswith(_REPORTS):
        found.add(404)
    if method != "get" or path.startswith(("/devices/{name}", *_OPTIONAL)):
        found.add(409)
    if path.startswith(_REACHES_DEVICES):
        found.add(502)
    if has_precondition:
        found.add(412)
    return sorted(found)


def _has_precondition(operation: dict[str, Any]) -> bool:
    return any(parameter["name"].lower() == "if-match" for parameter in operation.get("parameters", ()))
