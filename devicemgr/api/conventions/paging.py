"""Give long lists in pages: `limit` at a time, those behind the key `after`, those that contain the text `q`.

Without `limit` a list is whole. A page that is not the last one has a `Link` header to the next (RFC 8288).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response

T = TypeVar("T")
MAX_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """What part of a list a client wants, and the response that says where the next part is."""

    request: Request
    response: Response
    limit: int | None = None
    after: str | None = None
    q: str | None = None

    def cut(self, found: Iterable[T], key: Callable[[T], str], text: Callable[[T], Sequence[str | None]]) -> list[T]:
        """Return this page of `found`, which is sorted by `key`; `q` is looked for in each `text`, case ignored."""
        wanted = (self.q or "").strip().casefold()
        rest = [
            item
            for item in found
            if (self.after is None or key(item) > self.after)
            and (not wanted or any(wanted in (part or "").casefold() for part in text(item)))
        ]
        if self.limit is None or len(rest) <= self.limit:
            return rest
        page = rest[: self.limit]
        link_next(self.request, self.response, key(page[-1]))
        return page


def link_next(request: Request, response: Response, after: str) -> None:
    """Point at the page behind the key `after`, with the request's other parameters as they are."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    response.headers["Link"] = f'<{request.url.path}?{urlencode([*kept, ("after", after)])}>; rel="next"'


def _page(
    request: Request,
    response: Response,
    limit: Annotated[
        int | None, Query(ge=1, le=MAX_LIMIT, description="At most so many; all of them if it is absent.")
    ] = None,
    after: Annotated[
        str | None, Query(max_length=200, description="Only those behind this key, in the list's order.")
    ] = None,
    q: Annotated[str | None, Query(max_length=200, description="Only those that contain this text.")] = None,
) -> Page:
    return Page(request, response, limit, after, q)


Paged = Annotated[Page, Depends(_page)]
