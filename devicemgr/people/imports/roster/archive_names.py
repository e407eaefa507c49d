"""The names in a ZIP archive as people wrote them: by UTF-8 flag, Unicode field or a named encoding, never guessed."""

import codecs
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable

from devicemgr.errors import Hint, InvalidInput
from devicemgr.text import safe

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075  # APPNOTE 4.6.9: version, CRC-32 of the name in the header, the name in UTF-8
_SUGGESTED = ("cp866", "gbk", "cp850")


def names_of(entries: Iterable[zipfile.ZipInfo], encoding: str | None) -> list[str]:
    """Return the name of each entry, NFC, with / between folders.

    Raises InvalidInput where nothing says in which encoding the names are.
    """
    if encoding is not None:
        _require_encoding(encoding)
    return [unicodedata.normalize("NFC", _name(entry, encoding)).replace("\\", "/") for entry in entries]


def _require_encoding(encoding: str) -> None:
    try:
        if codecs.lookup(encoding).encode("a")[0] == b"a":
            return
    except (LookupError, UnicodeError, TypeError):
        pass
    raise InvalidInput(
        f"'{safe(encoding, 40)}' is no encoding; cp866 and gbk are two of those that are",
        hint=Hint("pass_zip_encoding"),
    )


def _name(entry: zipfile.ZipInfo, encoding: str | None) -> str:
    if entry.flag_bits & _UTF8_FLAG or entry.orig_filename.isascii():
        return entry.filename
    # zipfile reads what has no flag as cp437, in which each byte is a character.
    raw = entry.orig_filename.partition("\0")[0].encode("cp437")
    stated = _unicode_path(entry.extra, raw)
    if stated is not None:
        return stated
    for known in ("utf-8", encoding):
        try:
            if known is not None:
                return raw.decode(known)
        except UnicodeDecodeError:
            continue
    if encoding is not None:
        raise InvalidInput(f"the names in the archive are not in {encoding}", hint=Hint("pass_zip_encoding"))
    raise InvalidInput(
        f"the archive does not say how its names are written: {_choices(raw)}", hint=Hint("pass_zip_encoding")
    )


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the name of the Unicode field, if it is of this very name."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and len(field) > 5 and field[0] == 1:
            (check,) = struct.unpack_from("<I", field, 1)
            try:
                return field[5:].decode("utf-8") if check == zlib.crc32(raw) else None
            except UnicodeDecodeError:
                return None
    return None


def _choices(raw: bytes) -> str:
    """Return the encodings that may be, each with what a name would be in it."""
    found = []
    for name in _SUGGESTED:
        try:
            found.append(f"{name} for '{safe(raw.decode(name), 40)}'")
        except UnicodeDecodeError:
            continue
    return " or ".join(found) or "the encoding is unknown"
