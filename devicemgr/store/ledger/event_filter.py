"""Which events are wanted, in the database and of one that is at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devicemgr.domain.ledger_events import is_of_kind
from devicemgr.text import badge_key


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; times are RFC 3339 UTC texts; `after` and `before` are seqs, neither of them included.

    A kind that ends with `*` is a group of kinds; `kind` is one, `kinds` are several of which each is wanted.
    `mention` is a text in the badge of a person of the site, in the name of a portal or device, or, if the caller
    `knows_names`, in a person's name; case is ignored. Unless it `shows_duress`, events are found and given as those
    see them who may not know of it (domain/rules/duress/veil.py).
    """

    since: str | None = None
    until: str | None = None
    badge: str | None = None
    portal: str | None = None
    kind: str | None = None
    kinds: tuple[str, ...] = ()
    reason: str | None = None
    request: str | None = None
    after: int | None = None
    before: int | None = None
    mention: str | None = None
    knows_names: bool = False
    shows_duress: bool = False

    @property
    def all_kinds(self) -> tuple[str, ...]:
        """Return the kinds that are wanted; none where each is."""
        return (*self.kinds, self.kind) if self.kind else self.kinds


def matches(event: Mapping[str, Any], wanted: EventFilter) -> bool:
    """Return True for an event, as `events.find` gives it, that `events.find` would find; `mention` is not looked at.

    A stream looks at each new event once and asks the database for none.
    """
    person, kind = event["person"], event["kind"]
    return (
        (wanted.after is None or event["seq"] > wanted.after)
        and (not wanted.since or event["time"] >= wanted.since)
        and (not wanted.until or event["time"] < wanted.until)
        and (not wanted.portal or event["portal"] == wanted.portal)
        and (not wanted.request or event["request"] == wanted.request)
        and (wanted.before is None or event["seq"] < wanted.before)
        and (not wanted.reason or event["reason"] == wanted.reason)
        and (not wanted.all_kinds or any(is_of_kind(kind, one) for one in wanted.all_kinds))
        and (not wanted.badge or (person is not None and badge_key(person) == badge_key(wanted.badge)))
    )
