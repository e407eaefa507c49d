"""Who reads people's names beside their badges in alarms: guards and admins, who stand at the door."""

import pytest

from devicemgr.domain.model import Role
from devicemgr.store.people import people
from devicemgr.store.tables import CredentialRow

NAMED = {Role.GUARD, Role.ADMIN}


@pytest.fixture
def shared(http, site):
    """A card that two people hold, as version 0.1.0 let it be assigned."""
    for name, badge in (("Aigul", "7"), ("Berik", "8")):
        assert http.post("/people", json={"name": name, "badge": badge}).status_code == 201
    assert http.post("/people/7/cards", json={"number": "5301280"}).status_code == 201
    with site.database.write() as session:
        person = people.get(session, "8").id
        session.add(CredentialRow(id="old", person_id=person, kind="card", value="80:58400", created="x"))


def test_names_stand_beside_badges_in_alarms_for_those_who_see_them(shared, http, operator, token, web):
    for role in Role:
        client = web(authorization=f"Bearer {token(operator(f'the-{role}', role), role)}")
        answer = client.get("/status")
        (alarm,) = [one for one in answer.json()["alarms"] if one["kind"] == "card_shared"]
        names = ["Aigul", "Berik"] if role in NAMED else [None, None]
        assert [(one["badge"], one.get("name")) for one in alarm["people"]] == list(zip(["7", "8"], names, strict=True))
        assert ("Aigul" in answer.text) is (role in NAMED), role
    assert "Aigul" not in http.get("/doctor").text
