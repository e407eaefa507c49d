"""Format a site as TOML for people to read and change (`devicemgr export`); tomllib reads it again."""

from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.items import Array, InlineTable, Item, Table

_MAX_LINE_LENGTH = 110


def document(tables: Mapping[str, Mapping[str, Any]], named: Sequence[str]) -> str:
    """Return the tables in order; those in `named` hold a table for each name.

    Fields that are None are left out: TOML has no word for it.
    """
    parts = []
    for table, content in tables.items():
        if table not in named:
            parts += [_table([table], content)] if content else []
            continue
        parts += [_table([table, name], fields) for name, fields in content.items()]
    return "\n".join(parts)


def _table(path: Sequence[str], fields: Mapping[str, Any]) -> str:
    table = tomlkit.table()
    for name, value in fields.items():
        if value is not None:
            table.append(tomlkit.key(name), _item(value))
    outermost: Table = table
    for name in reversed(path[1:]):
        outer = tomlkit.table(is_super_table=True)
        outer.append(tomlkit.key(name), outermost)
        outermost = outer
    found = tomlkit.document()
    found.append(tomlkit.key(path[0]), outermost)
    return tomlkit.dumps(found)


def _item(value: Any) -> Item:
    """Return a value for one line: tables inline, a long list with one item a line."""
    match value:
        case Mapping():
            return _inline_table(value)
        case list() | tuple():
            return _array(value)
        case bool() | int() | float():
            return tomlkit.item(value)
    return tomlkit.item(str(value))


def _inline_table(fields: Mapping[str, Any]) -> InlineTable:
    table = tomlkit.inline_table()
    for name, value in fields.items():
        if value is not None:
            table.append(tomlkit.key(str(name)), _item(value))
    return table


def _array(values: Sequence[Any]) -> Array:
    array = tomlkit.array()
    for value in values:
        array.append(_item(value))
    if len(array.as_string()) > _MAX_LINE_LENGTH:
        array.multiline(True)
    return array
