"""Check who may make this computer read from where: what lies within the local network is for the box's owner."""

from devicemgr.api.context import Caller
from devicemgr.errors import NotAllowed
from devicemgr.site.hours.feeds import Feed


def require_feed(caller: Caller, feed: Feed, stored: Feed | None) -> None:
    """Raise NotAllowed for a feed in the local network that the box's owner has not allowed.

    An account of the API could otherwise find out through the daemon what answers there.
    """
    is_allowed = stored is not None and stored.target == feed.target
    if feed.target.allow_private and not (caller.is_owner or is_allowed):
        raise NotAllowed(
            f"{caller.actor} may not let a calendar be read from within the local network; "
            "the owner of the host may, by the command line on it",
            facts={"roles": []},
        )
