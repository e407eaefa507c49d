"""Reports that an outlet sends by itself: made, recorded, and as a file."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from devicemgr.domain.rules.outgoing.reports import OF_PERSONS
from devicemgr.operations.reports import catalog
from devicemgr.operations.reports.files import MEDIA_TYPES, Format, csv_lines, workbook
from devicemgr.operations.reports.span import Wanted
from devicemgr.site.site import Site
from devicemgr.site.unit_of_work import unit_of_work


def report_file(
    site: Site, outlet: str, report: str, form: str, first: date, last: date, *, names: bool
) -> tuple[Mapping[str, Any], str, str, bytes]:
    """Return a report of whole days as its document, and the file's name, media type and bytes.

    One of persons' times is recorded as the outlet's. Raises what `catalog.make` raises.
    """
    wanted = Wanted(first.isoformat(), last.isoformat(), names=names)
    document = catalog.make(site, report, wanted)
    if report in OF_PERSONS:
        with unit_of_work(site, f"outlet:{outlet}", changes_site=False) as work:
            catalog.record(work, document, wanted)
    kind = Format(form)
    data = workbook(document) if kind is Format.XLSX else "".join(csv_lines(document)).encode()
    return document, f"{report}-{first}-{last}.{kind}", MEDIA_TYPES[kind], data
