"""What a careless or a bad change would do to the promises of docs/ARCHITECTURE.md, each with the tests that must fail.

An edit is a file, a text that stands in it once, and what a saboteur puts there.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sabotage:
    """Its name, the edits, and the pytest arguments of which at least one test must fail."""

    name: str
    edits: tuple[tuple[str, str, str], ...]
    tests: tuple[str, ...]


def one(name: str, file: str, old: str, new: str, *tests: str) -> Sabotage:
    """A sabotage of one edit."""
    return Sabotage(name, ((file, old, new),), tests)
