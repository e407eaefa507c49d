"""The encoding of a table: by its mark, else UTF-8, else the code page whose words look like words."""

import codecs
import re
import unicodedata
from dataclasses import dataclass

from devicemgr.errors import Hint, InvalidInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Single bytes say nothing of their code page; these are the ones that spreadsheets of the region write.
_CODE_PAGES = ("cp1251", "cp866", "koi8-r", "cp1252")
_START = 200
_ENOUGH, _LITTLE = 0.8, 0.5
_WORD = re.compile(r"[^\W\d_]+")
_CYRILLIC = re.compile(r"[А-Яа-яЁёІіЇїЄєЎўҐґ]+\Z")
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿŒœŠšŽžŸ]+\Z")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text and its encoding; `is_guess` if nothing in the file says which it is."""

    text: str
    encoding: str
    is_guess: bool = False


def decode(data: bytes, encoding: str | None = None) -> Decoded:
    """Return the text of a table; InvalidInput if it is no text, or its encoding can't be known."""
    if encoding is not None:
        return Decoded(_by_name(data, encoding), encoding)
    for mark, name in _MARKS:
        if data.startswith(mark):
            return Decoded(_strictly(data, name), name.removesuffix("-sig"))
    if wide := _wide(data):
        return Decoded(_strictly(data, wide), wide, is_guess=True)
    if b"\0" in data:
        raise InvalidInput("the file is no text; save it as 'CSV UTF-8' or .xlsx")
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        name = _code_page(data)
        return Decoded(data.decode(name), name, is_guess=True)


def _by_name(data: bytes, encoding: str) -> str:
    try:
        codec = codecs.lookup(encoding)
        found = codec.decode(data)[0] if codec._is_text_encoding else None
    except LookupError:
        found = None
    except UnicodeError as error:
        raise InvalidInput(f"the file is not in {codec.name}; give its right encoding") from error
    if found is None:
        raise InvalidInput(f"'{encoding[:40]}' is no encoding; use utf-8, utf-16, cp1251, cp866 or another of Python's")
    return found.removeprefix("\ufeff")


def _strictly(data: bytes, name: str) -> str:
    try:
        return data.decode(name)
    except UnicodeDecodeError as error:
        raise InvalidInput("the file is cut off or damaged; save it again as 'CSV UTF-8'") from error


def _wide(data: bytes) -> str | None:
    """Return UTF-16 in one byte order, without a mark, if so read the start is text with a separator or a line's end.

    Zeros beside ASCII stand at every second byte only, however few of the letters of a header are ASCII.
    """
    start = data[:_START]
    if len(start) < 4 or len(data) % 2:
        return None
    for name, zeros, others in (("utf-16-le", start[1::2], start[0::2]), ("utf-16-be", start[0::2], start[1::2])):
        if 0 in zeros and 0 not in others:
            return name if _is_text(start.decode(name, "ignore")) else None
    return None


def _is_text(text: str) -> bool:
    is_whole = all(c in "\t\r\n" or unicodedata.category(c) not in ("Cc", "Cn", "Co", "Cs") for c in text)
    return is_whole and any(c in ",;\t|\n" for c in text)


def _code_page(data: bytes) -> str:
    shares = {name: _share_of_words(data, name) for name in _CODE_PAGES}
    best = max(_CODE_PAGES, key=lambda name: shares[name])
    others = max(share for name, share in shares.items() if name != best)
    if shares[best] < _ENOUGH or others > _LITTLE:
        raise InvalidInput(
            "the file is not UTF-8, and its encoding is not certain; save it as 'CSV UTF-8'", hint=Hint("pass_encoding")
        )
    return best


def _share_of_words(data: bytes, name: str) -> float:
    """Return which share of the words with letters beyond ASCII are written as words of a script are."""
    try:
        text = data.decode(name)
    except UnicodeDecodeError:
        return 0.0
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    odd = sum(not c.isascii() and not c.isalnum() and c not in "«»„“”–—№ \u00a0’" for c in text)
    return sum(_is_word(word, name) for word in words) / (len(words) + odd) if words else 0.0


def _is_word(word: str, name: str) -> bool:
    if not (word.islower() or word.isupper() or word.istitle()):
        return False
    if name == "cp1252":
        return bool(_LATIN.match(word)) and any(c.isascii() for c in word)
    return bool(_CYRILLIC.match(word))
