"""What spreadsheets do to numbers: exponents, dates, lost zeros and digits, formulas; refused, never guessed."""

import re
from collections.abc import Iterable, Mapping

from devicemgr.text import safe

_NUMBERS = ("badge", "cards", "employee_id", "phone")
_EXPONENT = re.compile(r"[+-]?\d+(?:[.,]\d+)?E[+]\d+|[+-]?\d+[.,]\d+E\d+", re.IGNORECASE)
_DECIMAL = re.compile(r"\d+[.,]0+")
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
    if field not in _NUMBERS:
        return None
    parts = [_LIMITS.sub("", part).strip() for part in cell.split(";")] if field == "cards" else [cell]
    return next((why for part in parts if part and (why := _number_fault(field, part))), None)


def _number_fault(field: str, text: str) -> str | None:
    shown = safe(text, 40)
    if _EXPONENT.fullmatch(text):
        return f"'{shown}' under {field} is a number that a spreadsheet rounded, its digits are lost{_TEXT}"
    if field != "phone" and _DATE.fullmatch(text):
        return f"'{shown}' under {field} is a date that a spreadsheet made of a number{_TEXT}"
    if field != "phone" and _DECIMAL.fullmatch(text):
        return f"'{shown}' under {field} is a decimal that a spreadsheet made of a number{_TEXT}"
    if len(text) > 15 and _CUT.fullmatch(text):
        return f"'{shown}' under {field} has zeros where a spreadsheet cut off digits{_TEXT}"
    return None


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
