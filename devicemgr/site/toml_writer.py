"""TOML written by hand: what `devicemgr export` prints, for people to read and change, and tomllib to read again."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 110


def document(tables: Mapping[str, Mapping[str, Any]], named: Sequence[str]) -> str:
    """Tables in order; those in `named` hold a table for each name. None is left out, as TOML has no word for it."""
    parts: list[str] = []
    for table, content in tables.items():
        if table not in named:
            parts += [_table([table], content)] if content else []
            continue
        parts += [_table([table, name], fields) for name, fields in content.items()]
    return "\n".join(parts)


def _table(path: Sequence[str], fields: Mapping[str, Any]) -> str:
    lines = [f"{_key(name)} = {value(found)}\n" for name, found in fields.items() if found is not None]
    return f"[{'.'.join(_key(part) for part in path)}]\n" + "".join(lines)


def value(found: Any) -> str:
    """One value: text, number, yes or no, a list or a table in one line; a long list an item a line."""
    match found:
        case bool():
            return "true" if found else "false"
        case int() | float():
            return repr(found)
        case Mapping():
            inside = ", ".join(f"{_key(str(name))} = {value(item)}" for name, item in found.items() if item is not None)
            return f"{{ {inside} }}" if inside else "{}"
        case list() | tuple():
            return _list([value(item) for item in found])
    return _text(str(found))


def _list(items: Sequence[str]) -> str:
    line = f"[{', '.join(items)}]"
    return line if len(line) <= _WIDTH else "[\n" + "".join(f"  {item},\n" for item in items) + "]"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    # As JSON, which leaves one control character as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
