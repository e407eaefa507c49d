"""Tables of a C3 or inBIO controller: which fields it has, and rows of them in bytes.

A description has a table a line, `user=1,CardNo=i1,Pin=i2…`: its number, and each field with its type and number. A
row holds its fields in the order of the header, each as a length and so many bytes, numbers little-endian.
Sources: the capture in issue 2 of zkaccess-c3-py and in issue 38 of pyzk (descriptions); ZKTeco, PullSDK Interfaces
User Guide 2.0, attached table 4 (fields); a public description of the commands 0x06 to 0x09 that was tried on a C3-200.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devicemgr.errors import DeviceGarbled, DeviceLacks

Row = dict[str, int | str]

MAX_ROWS = 60_000
_MAX_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a table; `is_text` for strings, else a number."""

    name: str
    number: int
    is_text: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table's number and fields by their lower-case names."""

    name: str
    number: int
    fields: Mapping[str, Field]

    def header(self, names: Sequence[str]) -> tuple[bytes, list[Field]]:
        """Return the beginning of a request for these fields, and the fields in its order."""
        missing = [name for name in names if name.lower() not in self.fields]
        if missing:
            raise DeviceLacks(f"the controller's table {self.name} has no field {missing[0]}; update its firmware")
        chosen = sorted((self.fields[name.lower()] for name in names), key=lambda field: field.number)
        return bytes([self.number, len(chosen), *(field.number for field in chosen)]), chosen


def read_tables(data: bytes) -> dict[str, Table]:
    """Return the tables of a description by name; lines that can't be read are left out."""
    found: dict[str, Table] = {}
    for line in data.decode("ascii", "replace").split("\n")[:_MAX_FIELDS]:
        pairs = [part.partition("=")[::2] for part in line.strip("\r\0 ").split(",")[:_MAX_FIELDS]]
        name, number = pairs[0]
        if not (name and number.isdigit() and 0 < int(number) < 256):
            continue
        fields = {
            field.lower(): Field(field, int(kind[1:]), kind[:1] == "s")
            for field, kind in pairs[1:]
            if kind[1:].isdigit() and 0 < int(kind[1:]) < 256
        }
        found[name] = Table(name, int(number), fields)
    return found


def encode_value(field: Field, value: int | str) -> bytes:
    """Return a field of a row: a length and the value, a number in as few bytes as it needs."""
    if field.is_text:
        data = str(value).encode("utf-8")
    else:
        number = int(value)
        data = number.to_bytes(max(1, (number.bit_length() + 7) // 8), "little")
    return bytes([len(data)]) + data


def encode_row(table: Table, row: Mapping[str, int | str]) -> bytes:
    """Return a request that sets one row, or names one by its key."""
    head, fields = table.header(list(row))
    values = {name.lower(): value for name, value in row.items()}
    return head + b"".join(encode_value(field, values[field.name.lower()]) for field in fields)


def query(table: Table, names: Sequence[str]) -> bytes:
    """Return a request for these fields of all rows."""
    return table.header(names)[0] + b"\0\0"


def decode_rows(table: Table, data: bytes) -> list[Row]:
    """Return the rows of an answer by lower-case field names; DeviceGarbled for what is none."""
    if len(data) < 2 or data[0] != table.number or len(data) < 2 + data[1]:
        raise DeviceGarbled(f"the controller's answer is not its table {table.name}")
    by_number = {field.number: field for field in table.fields.values()}
    fields = [by_number.get(number) for number in data[2 : 2 + data[1]]]
    place, rows = 2 + data[1], list[Row]()
    while place < len(data) and len(rows) < MAX_ROWS:
        row: Row = {}
        for field in fields:
            value, place = _take(data, place)
            if field is not None:
                text = value.decode("utf-8", "replace")
                row[field.name.lower()] = text if field.is_text else int.from_bytes(value, "little")
        rows.append(row)
        if not fields:
            break
    return rows


def _take(data: bytes, place: int) -> tuple[bytes, int]:
    end = place + 1 + data[place] if place < len(data) else len(data) + 1
    if end > len(data):
        raise DeviceGarbled("a row of the controller ends in the middle")
    return data[place + 1 : end], end
