"""What spreadsheets do to numbers: exponents, dates, lost zeros and digits, formulas; refused, never guessed."""

import re
from collections.abc import Iterable, Mapping

from devicemgr.text import safe

_NUMBERS = ("badge", "cards", "employee_id", "phone")
_EXPONENT = re.compile(r"[+-]?\d+(?:[.,]\d+)?E[+]\d+|[+-]?\d+[.,]\d+E\d+", re.IGNORECASE)
_DECIMAL = re.compile(r"\d+[.,]0+|0[.,]\d+")
_PERCENT = re.compile(r"\d+(?:[.,]\d+)?\s*%")
# What stands between thousands in one language or another.
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:([.,'’\u00a0\u202f ])\d{3})(?:\1\d{3})*")
_TIME = re.compile(r"\d{1,4}:\d{2}:\d{2}(?:\s*[AP]M)?", re.IGNORECASE)
_LOGICAL = frozenset({"true", "false", "истина", "ложь", "ақиқат", "жалған", "wahr", "falsch", "vrai", "faux"})
# As programs write what is not there; a person may be called Null or Nan.
_NOTHING = frozenset({"nan", "NaN", "NULL", "null", "None", "NaT", "<NA>"})
_MONTHS = (
    "jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec|"
    "янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек|"
    "қаң|ақп|нау|сәу|мам|мау|шіл|там|қыр|қаз|қар|жел"
)
_DATE = re.compile(
    rf"\d{{4}}-\d{{2}}-\d{{2}}(?:[ T]\d{{2}}:\d{{2}}(?::\d{{2}})?)?|\d{{1,2}}([./-])\d{{1,2}}\1\d{{2,4}}|"
    rf"\d{{1,4}}[. /-](?:{_MONTHS})[a-zа-яёқңүұһәіғө]*\.?|(?:{_MONTHS})[a-zа-яёқңүұһәіғө]*\.?[. /-]\d{{1,4}}",
    re.IGNORECASE,
)
_KINDS = {"date": _DATE, "decimal": _DECIMAL, "percentage": _PERCENT, "time": _TIME}
# Excel keeps 15 digits and writes zeros for the others.
_CUT = re.compile(r"[1-9]\d{14}0+")
# What a cell says of a card behind its number (people.cards.cells).
_LIMITS = re.compile(r"\s(?:until|blocked)\b.*", re.IGNORECASE)
_ERROR = re.compile(
    r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!|Н/Д|ССЫЛКА!|ЗНАЧ!|ИМЯ\?|ДЕЛ/0!|ЧИСЛО!)|#{3,}"
)
_TEXT = "; format the column as text and enter it again"


def fault_of(field: str, cell: str) -> str | None:
    """Return why a cell is not what was once typed into it, and what to do; None if it can be."""
    shown = safe(cell, 40)
    if _ERROR.fullmatch(cell.upper()):
        return f"'{shown}' under {field} is an error of the spreadsheet; correct its formula"
    if cell in _NOTHING and field != "note":
        return f"'{shown}' under {field} is what a program wrote for an empty cell; leave it empty, or enter the value"
    if field not in _NUMBERS:
        return None
    parts = [_LIMITS.sub("", part).strip() for part in cell.split(";")] if field == "cards" else [cell]
    return next((why for part in parts if part and (why := _number_fault(field, part))), None)


def _number_fault(field: str, text: str) -> str | None:
    shown = safe(text, 40)
    if _EXPONENT.fullmatch(text):
        return f"'{shown}' under {field} is a number that a spreadsheet rounded, its digits are lost{_TEXT}"
    if field != "phone" and (kind := _kind_of(text)):
        return f"'{shown}' under {field} is a {kind} that a spreadsheet made of a number{_TEXT}"
    if field in ("badge", "cards") and _GROUPED.fullmatch(text):
        return f"'{shown}' under {field} has separators of thousands, or two parts; write it without, or with ':'"
    if len(text) > 15 and _CUT.fullmatch(text):
        return f"'{shown}' under {field} has zeros where a spreadsheet cut off digits{_TEXT}"
    return None


def _kind_of(text: str) -> str | None:
    found = (kind for kind, form in _KINDS.items() if form.fullmatch(text))
    return next(found, "logical value" if text.casefold() in _LOGICAL else None)


def zero_width(badges: Iterable[str]) -> int | None:
    """Return how many digits badges of digits have where some begin with zeros, if all of those agree."""
    widths = {len(badge) for badge in badges if badge.isdecimal() and badge[0] == "0"}
    return widths.pop() if len(widths) == 1 else None


def lost_zeros(badge: str, width: int | None) -> str | None:
    """Return why a badge that is not known looks as if a spreadsheet dropped the zeros in front; None if it does not.

    `width` is that of other badges which begin with zeros.
    """
    if width is None or not badge.isdecimal() or len(badge) >= width:
        return None
    return f"others have {width} digits with zeros in front, which a spreadsheet dropped here{_TEXT}"


def same_without_zeros(badge: str, known: Mapping[str, str]) -> str | None:
    """Return the one of the `known` badges that differs only by zeros in front; they lie by their digits without."""
    return known.get(badge.lstrip("0")) if badge.isdecimal() else None
