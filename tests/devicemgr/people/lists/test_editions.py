"""A client that follows the changes of the list of all people has the list, whatever revision it began from."""

from hypothesis import given, settings, strategies as st

from devicemgr.people.lists.editions import MAX_REMOVED, Edition
from devicemgr.store.people.lists.roster import Line, Version


def line(badge: str, name: str = "Anna") -> Line:
    return Line(badge, name, "staff", False, ("staff",), None, (), None, None, False, ())


def edition(revision: int, *lines: Line, ended: str | None = None) -> tuple[Version, dict[str, Line]]:
    return Version(revision, ended), {one.badge: one for one in lines}


def first(revision: int, *lines: Line) -> Edition:
    version, found = edition(revision, *lines)
    return Edition(version, found, revision)


LISTS = st.dictionaries(st.sampled_from("123456"), st.sampled_from(["Anna", "Berik"]), max_size=6)


@given(st.lists(st.tuples(st.integers(0, 3), LISTS), min_size=1, max_size=8), st.data())
@settings(max_examples=200, deadline=None)
def test_the_changes_from_any_known_revision_lead_to_the_list(steps, data) -> None:
    known: dict[int, dict[str, str]] = {}
    found: Edition | None = None
    revision = 5
    for ahead, names in steps:
        revision += ahead
        version, lines = edition(revision, *(line(*one) for one in names.items()))
        found = found.followed_by(version, lines) if found else Edition(version, lines, revision)
        known[revision] = names
    assert found is not None
    after = data.draw(st.sampled_from(sorted(known)))
    changes = found.since(after)
    mine = dict(known[after])
    for badge in changes.removed:
        mine.pop(badge, None)
    mine.update({one.badge: one.name for one in changes.changed})
    assert not changes.whole
    assert mine == {badge: one.name for badge, one in found.lines.items()}
    assert changes.revision == revision


def test_a_revision_from_before_or_from_elsewhere_gets_everyone() -> None:
    found = first(5, line("1")).followed_by(*edition(7, line("1"), line("2")))
    for after in (0, 4, 8):
        changes = found.since(after)
        assert (changes.whole, [one.badge for one in changes.changed]) == (True, ["1", "2"])
    assert not found.since(6).whole


def test_what_the_clock_alone_has_changed_counts_as_changed_since_that_revision() -> None:
    version, lines = edition(5, line("1", "Berik"), ended="2026-11-30T09:00:00.000Z")
    found = first(5, line("1")).followed_by(version, lines)
    assert [one.name for one in found.since(5).changed] == ["Berik"]
    assert (first(5).tag, found.tag) == ("5", "5-20261130090000000")


def test_an_older_database_begins_the_history_again() -> None:
    found = first(9, line("1")).followed_by(*edition(4, line("1")))
    assert found.since(9).whole
    assert not found.since(4).whole


def test_the_badges_of_removed_people_are_bounded() -> None:
    many = [line(str(number)) for number in range(MAX_REMOVED + 1)]
    found = first(1, *many).followed_by(*edition(2))
    assert (found.removed_at, found.since(1).whole) == ({}, True)
