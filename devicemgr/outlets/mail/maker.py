"""What an outlet of mails states, made into a channel and its reports."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from devicemgr.clock.local_zone import local_zone
from devicemgr.domain.rules.outgoing.selection import Extra
from devicemgr.outlets.mail.channel import Mail
from devicemgr.outlets.mail.message import Envelope
from devicemgr.outlets.mail.reports import ReportMaker, Reports
from devicemgr.site.outlets.fields import OutletFields, fields_of
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.outlets import rows
from devicemgr.store.outlets.tables import OutletRow
from devicemgr.store.site import settings


def mail_channel(site: Site, session: Session, row: OutletRow) -> Mail:
    """Return the channel of an outlet of mails."""
    fields = fields_of(row)
    envelope = Envelope(fields.sender, fields.to, row.name, rows.site_id(session))
    return Mail(fields, rows.secrets_of(row, site.vault), envelope, _zone_of(session))


def reports_of(
    site: Site, outlet: str, fields: OutletFields, state: Mapping[str, Any], maker: ReportMaker | None
) -> Reports:
    """Return the reports that an outlet sends; none where nothing makes them."""
    with site.database.read() as session:
        zone = _zone_of(session)
    since = state.get("reports_since")
    begun = datetime.fromisoformat(since) if since else datetime.now(UTC)
    stated = fields.reports if maker is not None else ()
    return Reports(site, outlet, stated, zone, begun, Extra.NAME in fields.fields, maker)


def _zone_of(session: Session) -> ZoneInfo:
    return settings.load(session).zone or ZoneInfo(local_zone())
