"""What the options of a device say of what it is given."""

from collections.abc import Iterable
from typing import Any

from devicemgr.devices.sync_run import Keeper, Profile
from devicemgr.domain.desired_state import Policy
from devicemgr.site.site import Site


def keeper_of(site: Site, row: Any) -> Keeper:
    """Return what the options of a device's row say of what it is given: `faces`, and `decide` (`host`.

    It asks here).
    """
    driver = site.parts.catalog.get(row.driver)
    options = driver.options.model_validate(dict(row.options))
    faces, decide = getattr(options, "faces", False), getattr(options, "decide", None)
    return Keeper(row.id, row.name, bool(faces), decide != "host")


def policy_of(profile: Profile, keeper: Keeper, no_hours: Iterable[str]) -> Policy:
    """Return what a device takes, by what it says itself and what its options say; it has refused `no_hours`."""
    return Policy(
        profile.holds,
        keeper.faces,
        keeper.decides if profile.decides is None else profile.decides,
        profile.hours,
        frozenset(no_hours),
        profile.card_refusal,
    )
