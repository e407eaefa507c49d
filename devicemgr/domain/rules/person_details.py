"""What HR keeps of a person besides name, badge and rights: each field's rules."""

import re
from dataclasses import dataclass

from devicemgr.domain.model import PersonKind
from devicemgr.errors import InvalidInput
from devicemgr.text import safe, single_line

MAX_DEPARTMENT, MAX_EMPLOYEE_ID, MAX_EMAIL, MAX_PHONE, MAX_NOTE = 200, 64, 254, 40, 1000
# One @, no spaces, a dot or no dot behind it: whether mail arrives is for the mail server to say (RFC 5321, 4.1.2).
_EMAIL = re.compile(r"[^\s@<>\"(),:;\\]+@[^\s@<>\"(),:;\\]+\Z")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]*(?:(?:ext\.?|x|,|;|#)\s*[0-9]{1,8})?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PersonDetails:
    """New values of a person's details; None leaves a field as it is, an empty text removes it.

    `host` is the badge of the person who answers for this one. An empty kind is staff. With `escort` the person passes
    only together with one who may escort; it is a right, and none of FIELDS.
    """

    kind: str | None = None
    department: str | None = None
    employee_id: str | None = None
    email: str | None = None
    phone: str | None = None
    note: str | None = None
    host: str | None = None
    escort: bool | None = None

    def given(self) -> dict[str, str]:
        """Return the fields that have a new value, checked and normalized; InvalidInput names a wrong one."""
        return {name: check_detail(name, value) for name in FIELDS if (value := getattr(self, name)) is not None}


FIELDS = ("kind", "department", "employee_id", "email", "phone", "note", "host")
"""The names of all details, in the order in which people read them."""


def check_detail(name: str, value: str) -> str:
    """Return a detail as it is stored, "" for none; InvalidInput says what is wrong with it. A host is a badge."""
    text = single_line(value)
    if name == "kind":
        return _kind(text)
    bound = _BOUNDS.get(name)
    if bound is None:
        return text
    if len(text) > bound:
        raise InvalidInput(f"{_NAMES[name]} has over {bound} characters; shorten it")
    if name == "email" and text and not _EMAIL.match(text):
        raise InvalidInput(f"'{safe(text, 60)}' is not an e-mail address; write name@example.com")
    if name == "phone" and text and not _PHONE.match(text):
        raise InvalidInput(f"'{safe(text, 60)}' is not a phone number; write +7 701 123 45 67")
    return text


_BOUNDS = {
    "department": MAX_DEPARTMENT,
    "employee_id": MAX_EMPLOYEE_ID,
    "email": MAX_EMAIL,
    "phone": MAX_PHONE,
    "note": MAX_NOTE,
}
_NAMES = {
    "department": "the department",
    "employee_id": "the employee id",
    "email": "the e-mail address",
    "phone": "the phone number",
    "note": "the note",
}


def _kind(text: str) -> str:
    if not text:
        return PersonKind.STAFF
    try:
        return PersonKind(text.lower())
    except ValueError:
        raise InvalidInput(f"'{safe(text, 40)}' is no kind of person; use {', '.join(PersonKind)}") from None
