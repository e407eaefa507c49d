"""What the recorded requests of a window would come to by a planned file (`apply --plan --replay`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from devicemgr.cli.output import say, table, warn
from devicemgr.text import counted

_MAX_LEVELS = 5
_WORDS = {
    "losses": ("would be refused that are granted now", "would lose"),
    "gains": ("would be granted that are refused now", "would gain"),
    "needs_more": ("would need something that was not shown", "would need more"),
}


def is_to_stop(found: Mapping[str, Any]) -> bool:
    """Return True if anyone would lose: a request of theirs is granted now and would be refused."""
    return bool(found["replay"]["totals"]["losses"]["requests"])


def show_replay(found: Mapping[str, Any], *, people: bool) -> None:
    """Print who would lose and gain what, and what the replay can't say."""
    requests, came = counted(found["requests"], "request"), counted(found["people"], "person", "people")
    say(f"replayed {requests} of {came} since {found['since'][:16].replace('T', ' ')} UTC")
    for name, (words, _) in _WORDS.items():
        _say_total(found["totals"][name], words)
    if people:
        rows = [_row(one, _WORDS[name][1]) for name in _WORDS for one in found[name]]
        if rows:
            table("", ("person", "what", "requests", "portals", "hours", "because", "first"), rows, "")
    elif any(found["totals"][name]["requests"] for name in _WORDS):
        say("--people lists whose requests these are")
    _say_limits(found)


def _say_total(total: Mapping[str, Any], words: str) -> None:
    if not total["requests"]:
        say(f"no requests {words}")
        return
    places = ", ".join(f"{portal} {count}" for portal, count in total["portals"].items())
    whose = counted(total["people"], "person", "people")
    say(f"{counted(total['requests'], 'request')} of {whose} {words}: {places}")


def _row(one: Mapping[str, Any], what: str) -> Sequence[Any]:
    who = " ".join(filter(None, (one["badge"], one.get("name"))))
    why = [reason.removeprefix("would be ") for reason in one["reasons"]]
    return who, what, one["count"], one["portals"], one["hours"], why, one["first"]


def _say_limits(found: Mapping[str, Any]) -> None:
    silent = sorted(found["never_came"], key=lambda one: -one["people"])
    for one in silent[:_MAX_LEVELS]:
        say(f"{counted(one['people'], 'person', 'people')} of level {one['level']} never came: nothing is said of them")
    if len(silent) > _MAX_LEVELS:
        say(f"and people of {counted(len(silent) - _MAX_LEVELS, 'more level')}")
    gone, ahead = (found["not_predicted"][name] for name in ("erased", "would_have_passed_before"))
    if gone:
        say(f"{counted(gone, 'request')} of people who were erased since: not judged")
    if ahead:
        say(f"{counted(ahead, 'request')} of people who would have passed before: not judged")
    for text in found["unknown"]:
        warn(f"not known: {text}")
