"""Firmware that has no CGIs by which people are written: its own pages do that by RPC2."""

import re

# ASI3213A-W and ASI3214A-W, firmware 2.000 of 2021 and 3.000 of 2023: recordUpdater and AccessUser refuse every insert
# (field report).
_MODELS = re.compile(r"(DHI-)?ASI321[34]A", re.IGNORECASE)
_ADVICE = "keep its people on its own pages, or use a terminal whose firmware takes them"


def no_writing(model: str, has_written: bool | None) -> str | None:
    """Return why people can't be put on a terminal; None if they can, or nothing speaks against it.

    `has_written` is False if it has refused people, and never taken one or said why.
    """
    if has_written:
        return None
    if _MODELS.match(model):
        return f"this model's firmware takes no people by its HTTP CGIs (only by RPC2): {_ADVICE}"
    if has_written is False:
        return f"it has refused everybody so far without saying why: its firmware may lack the write CGIs; {_ADVICE}"
    return None
