"""Ten thousand people to one device: ended at random points, taken up again, and a revocation goes next."""

import itertools
import random
import uuid

import pytest
from sqlalchemy import insert

from devicemgr.devices.sync_run import Run
from devicemgr.store.people import people
from devicemgr.store.tables import CredentialRow, PersonLevelRow, PersonRow
from tests.devicemgr.sync.holders import FakeHolder, House

pytestmark = pytest.mark.faults
MANY = 10_000


def settle(house):
    """People with a card each, on the level `staff`."""
    ids = [str(uuid.uuid4()) for _ in range(MANY)]
    now = people.now_text()
    with house.site.database.write() as session:
        session.execute(
            insert(PersonRow),
            [
                {"id": each, "badge": f"A{n}", "name": f"N {n}", "suspended": False, "created": now}
                for n, each in enumerate(ids)
            ],
        )
        session.execute(insert(PersonLevelRow), [{"person_id": each, "level_name": "staff"} for each in ids])
        session.execute(
            insert(CredentialRow),
            [
                {"id": str(uuid.uuid4()), "person_id": each, "kind": "card", "value": str(100_000 + n), "created": now}
                for n, each in enumerate(ids)
            ],
        )


def test_ended_at_random_points_it_converges_without_a_second_time(site):
    house, chance = House(site), random.Random(20261124)
    settle(house)
    device = FakeHolder("people", most=20_000, batch=30)
    ends = 0
    while len(device.kept) < MANY:
        house.fresh()
        steps, result = house.sync.steps(Run(), read=True), None
        for _ in itertools.repeat(None, chance.randrange(1, 120) + len(device.kept) // device.batch):
            try:
                step = steps.send(result)
            except StopIteration:
                break
            result = step(device)
        else:
            ends += 1
        steps.close()
    assert ends > 2, "it was hardly ever ended"
    told = [key for verb, keys in device.told if verb == "add" for key in keys]
    assert len(told) == len(set(told)) == MANY, "somebody was added twice"
    # At most the batch on its way when it ended is told again, since how it was kept was never heard.
    assert sum(len(keys) for verb, keys in device.told if verb == "change") <= ends * device.batch
    device.told.clear()
    house.fresh()
    assert house.bring(device, read=True).failed == 0
    house.fresh()
    house.bring(device, read=True)
    assert device.told == []
