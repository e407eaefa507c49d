"""Errors as RFC 9457 problem documents; `exit_code` tells the CLI how to end."""

import logging
import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from devicemgr.errors import DevicemgrError, Hint, PhotoRefused, TooManyTries
from devicemgr.text import safe

log = logging.getLogger(__name__)


def problem(
    status: int,
    slug: str,
    detail: str,
    exit_code: int = 1,
    *,
    code: str = "",
    args: Mapping[str, object] | None = None,
    hint: Hint | None = None,
    **more: Any,
) -> JSONResponse:
    """Return an `application/problem+json` response; `code` is the slug's word unless one is given."""
    body = {
        "type": f"urn:devicemgr:problem:{slug}",
        "title": slug.replace("-", " "),
        "status": status,
        "detail": detail,
        "code": code or slug.replace("-", "_"),
        "args": dict(args or {}),
        "hint": hint.as_json() if hint else None,
    }
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(body | {"exit_code": exit_code} | more, status, headers, media_type="application/problem+json")


def answer_to(error: DevicemgrError) -> JSONResponse:
    """Return the problem document of an expected failure."""
    more = {"faces": error.faces} if isinstance(error, PhotoRefused) else {}
    answer = problem(
        error.http_status,
        error.slug,
        str(error),
        error.exit_code,
        code=error.problem_code,
        args=error.facts,
        hint=error.hint,
        **more,
    )
    if isinstance(error, TooManyTries) and error.retry_after_s is not None:
        answer.headers["Retry-After"] = str(error.retry_after_s)  # RFC 9110, 10.2.3
    return answer


def described(error: DevicemgrError) -> dict[str, object]:
    """Return what a client needs to say an expected failure in its own language."""
    return {"code": error.problem_code, "args": error.facts, "detail": str(error)}


def install(app: FastAPI) -> None:
    """Answer every failure of `app` with a problem document."""

    @app.exception_handler(DevicemgrError)
    def expected(_: Request, error: DevicemgrError) -> JSONResponse:
        return answer_to(error)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
        words = str(first["msg"]).removeprefix("Value error, ")
        args = {"field": safe(where, 200), "rule": first["type"]} | _bounds(first.get("ctx", {}))
        return problem(
            422, "invalid-input", safe(f"{where}: {words}" if where else words), code="invalid_field", args=args
        )

    @app.exception_handler(UnicodeEncodeError)
    def half_characters(_: Request, error: UnicodeEncodeError) -> JSONResponse:
        return problem(422, "invalid-input", safe(f"'{error.object}' holds half a character; write it again"))

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> JSONResponse:
        code = {404: "no_such_route", 405: "method_not_allowed"}.get(error.status_code, "")
        return problem(error.status_code, "http-error", str(error.detail), code=code)

    @app.exception_handler(Exception)
    def unexpected(_: Request, error: Exception) -> JSONResponse:
        log.error("a request failed unexpectedly", exc_info=error)
        return problem(500, "internal", "the program failed unexpectedly; its log holds the cause")


def _bounds(context: Mapping[str, Any]) -> dict[str, object]:
    """Return the rule's own numbers and words, such as the bound that was crossed."""
    return {
        name: safe(value, 200) if isinstance(value, str) else value
        for name, value in context.items()
        if _is_plain(value)
    }


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))
