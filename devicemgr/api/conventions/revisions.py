"""Let clients change only what they have read: `ETag` with what is shown, `If-Match` with what is changed.

The tag is the site's revision, which every change of people or site raises, so a tag that still fits means that
nothing at all has changed since.
"""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Response

from devicemgr.errors import PreconditionFailed
from devicemgr.store.database import Session, revision

MAX_REVISION = 10**18 - 1
# What stands behind the revision in the tag of a list is about the clock, which no change builds on.
_TAG = re.compile(r'"(\d{1,18})(?:-\d{1,32})?"')


@dataclass(frozen=True, slots=True)
class Precondition:
    """The revisions that a request may meet; None for any."""

    revisions: frozenset[int] | None = None

    def require(self, session: Session) -> None:
        """Raise PreconditionFailed unless the site is still at one of the revisions.

        Call it first in the transaction that makes the change.
        """
        found = revision(session)
        if self.revisions is not None and found not in self.revisions:
            raise PreconditionFailed(
                "the site has been changed since this was read; read it again, then repeat the change",
                facts={"revision": found},
            )


def set_etag(response: Response, session: Session) -> None:
    """Tag a response with the revision that the session sees."""
    response.headers["ETag"] = f'"{revision(session)}"'


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Return True if the client says that it has what the tag names (RFC 9110, 13.1.2)."""
    tags = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    return bool(tags & {f'"{tag}"', "*"})


def _if_match(
    if_match: Annotated[
        str | None, Header(max_length=400, description="The `ETag` with which it was read, or `*`.")
    ] = None,
) -> Precondition:
    if if_match is None or if_match.strip() == "*":
        return Precondition()
    tags = (_TAG.fullmatch(tag.strip()) for tag in if_match.split(","))
    return Precondition(frozenset(int(tag[1]) for tag in tags if tag))


IfMatch = Annotated[Precondition, Depends(_if_match)]
