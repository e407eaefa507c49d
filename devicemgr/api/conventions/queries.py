"""Refuse query parameters that a route does not have: a misspelled filter must not answer with everything."""

from typing import Any

from fastapi import Request

from devicemgr.errors import InvalidInput
from devicemgr.text import safe


def refuse_unknown(request: Request) -> None:
    """Raise InvalidInput for a query parameter that the route does not have."""
    if not request.query_params:
        return
    known = _known(request.scope["route"])
    for name in request.query_params:
        if name not in known:
            has = ", ".join(sorted(known)) or "none"
            raise InvalidInput(
                safe(f"there is no query parameter '{name[:60]}' here; it has: {has}", 400),
                code="unknown_parameter",
                facts={"name": safe(name, 60), "known": sorted(known)},
            )


def _known(route: Any) -> frozenset[str]:
    return frozenset(_names(route.dependant))


def _names(dependant: Any) -> list[str]:
    own = [str(field.alias) for field in dependant.query_params]
    return own + [name for inner in dependant.dependencies for name in _names(inner)]
