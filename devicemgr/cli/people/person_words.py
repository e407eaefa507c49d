"""What a person holds, in words: levels and where they come from, cards and what limits them."""

from collections.abc import Mapping
from typing import Any

from devicemgr.cli.output import local, through
from devicemgr.text import counted


def levels_in_words(person: Mapping[str, Any]) -> list[str]:
    """Return a person's levels by name, with their limits; one that they hold by their department alone says so."""
    own, given = person["levels"], person["department_levels"]
    limits = {grant["level"]: limits_in_words(grant) for grant in person["grants"]}
    found = {name: f"{name} ({limits[name]})" if name in limits else name for name in own}
    found |= {name: f"{name} (by department {person['department']})" for name in given if name not in own}
    return [words for _, words in sorted(found.items())]


def grants_over(person: Mapping[str, Any]) -> list[str]:
    """Return the grants that have expired or are used up, which are shown for 30 days."""
    return [
        f"{grant['level']} ({'used up' if grant['state'] == 'used-up' else 'expired'}: {limits_in_words(grant)})"
        for grant in person["grants"]
        if grant["state"] in ("expired", "used-up")
    ]


def limits_in_words(grant: Mapping[str, Any]) -> str:
    """Return the limits of a grant: `from 2026-12-01 08:00:00, through 5 Dec 2026, 2 of 3 uses left`."""
    words = [f"from {local(grant['valid_from'])}"] if grant["valid_from"] else []
    words += [ends(grant["valid_to"])] if grant["valid_to"] else []
    if grant["uses"] is not None:
        words.append(f"{grant['uses_left']} of {counted(grant['uses'], 'use')} left")
    return ", ".join(words)


def ends(until: str) -> str:
    """Return the end of what is temporary: `through 29 Nov 2026` or `until 2026-11-29 18:00:00`."""
    words = through(until) or ""
    return words if words.startswith("through") else f"until {words}"


def state_of(card: Mapping[str, Any]) -> str:
    """Return what limits a card, as `GET /cards` gives it; empty for one that opens as usual."""
    block, substitute = card["blocked"], card["substitute"]
    match card["state"]:
        case "replaced":
            return f"replaced by {block['replaced_by']}, blocked: {block['reason']}"
        case "blocked":
            return f"blocked: {block['reason']}"
        case "ended":
            return f"ended, was valid {ends(card['until'])}"
        case "substituted":
            return f"opens nothing {ends(substitute['until'])}: card {substitute['number']} stands in for it"
        case "temporary":
            return f"temporary, {ends(card['until'])}"
    return ""


def with_state(card: Mapping[str, Any]) -> str:
    """Return a card's number, and in brackets what limits it."""
    state = state_of(card)
    return f"{card['number']} ({state})" if state else str(card["number"])
