"""Many values by one parameter and many rows by one statement.

SQLite bounds the number of parameters. And after each row of a statement that is repeated, Python lets other threads
run: a writer would wait for them once a row while it holds the database.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Insert, Select, bindparam, func, insert, select
from sqlalchemy.orm import Session

from devicemgr.store.tables import Base


def listed(texts: Iterable[str]) -> Select[Any]:
    """Return any number of texts as one parameter, for `in_`."""
    return select(func.json_each(json.dumps(list(texts))).table_valued("value").c.value)


def insert_rows(session: Session, table: type[Base], rows: Sequence[Mapping[str, str | int | None]]) -> None:
    """Insert rows that all have the same columns; none is fine too."""
    if rows:
        columns = tuple(rows[0])
        values = [[row[name] for name in columns] for row in rows]
        session.execute(_statement(table, columns), {"rows": json.dumps(values, ensure_ascii=False)})


@cache
def _statement(table: type[Base], columns: tuple[str, ...]) -> Insert:
    row = func.json_each(bindparam("rows")).table_valued("value").c.value
    values = select(*(func.json_extract(row, f"$[{place}]") for place in range(len(columns))))
    return insert(Base.metadata.tables[table.__tablename__]).from_select(columns, values, include_defaults=False)
