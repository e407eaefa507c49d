"""Erase people whom their source has not named for as many days as it says; once a day, with the other removals."""

from datetime import datetime, timedelta

from devicemgr.people import face_enrollment
from devicemgr.people.sources.run import one_at_a_time
from devicemgr.site.site import Site
from devicemgr.site.sources.fields import fields_of
from devicemgr.store.people import sources as rows
from devicemgr.store.people.sources import actor_of
from devicemgr.text import rfc3339


def erase_due(site: Site, now: datetime) -> int:
    """Erase them and return how many; no one of a source whose last run did not come to its end."""
    with one_at_a_time:
        with site.database.read() as session:
            due = [
                (row.name, badge)
                for row in rows.sources(session)
                if (days := fields_of(row).erase_after_days) is not None
                and not {"held", "failed", "unsure"} & row.state.keys()
                for badge in rows.missing_before(session, row.name, rfc3339(now - timedelta(days=days)))
            ]
        for name, badge in due:
            face_enrollment.erase(site, actor_of(name), badge)
    return len(due)
