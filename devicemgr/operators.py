"""Operators: who may work with the daemon besides the box's owner, and in which roles."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody's work is; an operator may have several."""

    GUARD = "guard"
    TECHNICIAN = "technician"
    ADMIN = "admin"
    AUDITOR = "auditor"


ALL_ROLES = frozenset(Role)
