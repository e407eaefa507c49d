"""Use cases of people's whereabouts: corrections that a guard makes, recorded in the ledger."""

from devicemgr.domain.rules.areas import corrections
from devicemgr.site.unit_of_work import UnitOfWork
from devicemgr.store.site import zones
from devicemgr.store.tables import PersonRow


def forgive(work: UnitOfWork, person: PersonRow, place: str | None, reason: str) -> None:
    """Record that a person is at `place`, None for unknown."""
    work.record(corrections.WHEREABOUTS_RESET, corrections.forgiven(place, reason), person_id=person.id)


def reset_zone(work: UnitOfWork, name: str, reason: str) -> None:
    """Record that it is unknown who is in a zone; NotFound for an unknown one."""
    zones.zone(work.session, name)
    work.record(corrections.WHEREABOUTS_RESET, corrections.zone_reset(name, reason))


def reset_all(work: UnitOfWork, reason: str) -> None:
    """Record that it is unknown where everyone is."""
    work.record(corrections.WHEREABOUTS_RESET, corrections.all_reset(reason))


def set_count(work: UnitOfWork, name: str, count: int) -> None:
    """Record how many people are in a zone; NotFound for an unknown one."""
    zones.zone(work.session, name)
    work.record(corrections.OCCUPANCY_SET, corrections.counted(name, count))
