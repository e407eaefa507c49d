"""The bench's figures of the list of all people, as the desk reads it."""

import time
import uuid
from pathlib import Path
from typing import Any

from devicemgr.cli.demo.simulated_entrance import quantile
from devicemgr.cli.demo.subprocesses import running_daemon
from devicemgr.cli.transport.unix_http import Request, UnixTransport
from devicemgr.home import Home

_PEOPLE, _READINGS = 10_000, 9
_NAMES = ("Әсел Қожабекова", "Болат Нұрланұлы", "Дарья Ёлкина", "Mehmet Yıldız", "John Smith")
_LIST = Request("GET", "/api/v1/people?fields=list", {"Accept-Encoding": "gzip"}, None, 60.0)


def measure_people(folder: Path) -> dict[str, Any]:
    """people_list_ms: all of 10,000 people in few fields after a change, median; people_list_kb: compressed."""
    with running_daemon(folder, "people") as (home, _):
        _add_people(home)
        transport = UnixTransport(home.socket)
        times, size = [], 0
        for number in range(_READINGS):
            change = Request("POST", f"/api/v1/people/{number}/suspend", {}, None, 60.0)
            with transport.send(change) as response:
                response.read()
            began = time.monotonic()
            with transport.send(_LIST) as response:
                size = len(response.read())
            times.append((time.monotonic() - began) * 1000)
    return {"people_list_ms": round(quantile(times, 0.5), 1), "people_list_kb": round(size / 1000)}


def _add_people(home: Home) -> None:
    from devicemgr.store.database import Database  # noqa: PLC0415 - the store's libraries
    from devicemgr.store.many_rows import insert_rows  # noqa: PLC0415
    from devicemgr.store.tables import CredentialRow, LevelRow, PersonLevelRow, PersonRow  # noqa: PLC0415

    created = "2026-01-01T00:00:00.000Z"
    people: list[dict[str, str | int | None]] = [
        {
            "id": str(uuid.uuid4()),
            "badge": str(number),
            "name": f"{_NAMES[number % 5]} {number}",
            "suspended": 0,
            "created": created,
            "department": f"Department {number % 30}",
        }
        for number in range(_PEOPLE)
    ]
    cards: list[dict[str, str | int | None]] = [
        {
            "id": str(uuid.uuid4()),
            "person_id": person["id"],
            "kind": "card",
            "value": f"{number % 256}:{number}",
            "created": created,
        }
        for number, person in enumerate(people)
    ]
    database = Database.open(home.database)
    with database.write() as session:
        insert_rows(session, LevelRow, [{"name": "staff"}])
        insert_rows(session, PersonRow, people)
        insert_rows(session, PersonLevelRow, [{"person_id": one["id"], "level_name": "staff"} for one in people])
        insert_rows(session, CredentialRow, cards)
    database.close()
