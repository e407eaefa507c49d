"""Take people, places and secrets out of what leaves the site: support bundles and recordings of devices.

Texts of our own (logs, configuration, events) lose the words that are listed. Replies of devices, of which nothing is
known, lose everything that is not known to be harmless: names of fields stay; a value stays only if its field is
listed here as harmless *and* it has the harmless form of that field; all others become marks such as <text 3>, the
same mark for the same value.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from devicemgr.domain.model import JsonValue

BLANK = "‹…›"
MAX_ITEMS, MAX_DEPTH = 200, 40
_MIN_WITHIN_LENGTH = 4
_TEXT_WORD = re.compile(r"[\w:+.@-]+")
_KEY = re.compile(r"@?[A-Za-z_][A-Za-z0-9_.:\[\]-]{0,79}\Z")
_NOT_IN_KEY = re.compile(r"\d{5}|[0-9A-Fa-f]{12}")
_NUMBER = re.compile(r"-?\d{1,6}(\.\d{1,6})?\Z")
_YES_NO = frozenset({"true", "false", "yes", "no", "on", "off"})
_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,:;_/()+-]{0,119}\Z")
# What can be chosen: two words or small numbers at least, so that a lone word, which may be a name, is none.
_LIST = re.compile(r"(?:[A-Za-z]{1,32}|\d{1,4})(?:,(?:[A-Za-z]{1,32}|\d{1,4})){1,100}\Z")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ])?\d{1,2}:\d\d(:\d\d)?(\.\d{1,3})?(Z|[+-]\d\d:?\d\d)?\Z")
_ZONE = re.compile(r"[A-Za-z<>+-]{1,12}[+-]?\d{0,2}(:\d\d){0,2}[A-Za-z0-9,./:<>+-]{0,40}\Z")
_NAMESPACE = re.compile(
    r"http://(www\.onvif\.org|www\.w3\.org|docs\.oasis-open\.org|schemas\.xmlsoap\.org|www\.isapi\.org|"
    r"www\.hikvision\.com|www\.std-cgi\.com)/[A-Za-z0-9_./-]{1,80}\Z"
)
_ADDRESS = re.compile(
    r"\A(?:(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f]*:[0-9A-Fa-f:]+)\Z"
    r"|://|(?<![\d.])[1-9]\d{1,2}(?:\.\d{1,3}){3}(?![\d.])|(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"
)
_LONG = re.compile(r"\d{9}|[A-Za-z0-9+/=_-]{28}")
_FORMS = (
    ("digits", re.compile(r"[0-9]+\Z")),
    ("hex", re.compile(r"[0-9A-Fa-f]{8,}\Z")),
    ("address", _ADDRESS),
    ("base64", re.compile(r"[A-Za-z0-9+/=_-]{28,}\Z")),
)

_WORDY = """
    model devicetype type manufacturer firmware firmwareversion firmwarereleaseddate hardwareversion hardwareid
    processor
    encoderversion encoderreleaseddate bootversion bootreleaseddate version build platform apptype timemode datetimetype
    statusstring substatuscode error codes checkchanneltype encoding mode idlestate state status h264profile
    h264profiles scopedef quality devicemode responsestatusstrg dooropenmode
"""
_NUMBERED = """
    relaynum electrolocknum rs485num alarminnum alarmoutnum devicenum maxrecordnum usernumber bindfaceusernumber
    bindcardusernumber totalmatches numofmatches statuscode errorcode remotechecktimeout unlockholdinterval width height
    framerate frameratelimit encodinginterval bitratelimit govlength quality min max size total caps major minor
    hour minute second year month day doorlockstatus doorstatus magneticstatus cardreaderonlinestatus
    powersupplystatus usecount delaytime
"""
_WORD_FIELDS, _NUMBER_FIELDS = frozenset(_WORDY.split()), frozenset(_NUMBERED.split())
_EXACT = {
    "localtime": _TIME,
    "result": _TIME,
    "timezone": _ZONE,
    "tz": _ZONE,
    "xmlns": _NAMESPACE,
    "namespace": _NAMESPACE,
    "opt": _LIST,
    "supportfunction": _LIST,
}


def words_of(text: str) -> list[str]:
    """Return the words of a text, as `Scrubber.scrub_text` compares them."""
    return _TEXT_WORD.findall(text)


class Scrubber:
    """Removes the given words from texts and JSON documents, and everything not known to be harmless from replies."""

    def __init__(self, words: Iterable[str]) -> None:
        found = {word.strip().casefold() for word in words}
        self._words = {word for word in found if word}
        self._within = {word for word in found if len(word) >= _MIN_WITHIN_LENGTH}
        self._marks: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def scrub_text(self, text: str) -> str:
        """Return the text with each listed word blanked; the time does not depend on how many are listed."""
        return _TEXT_WORD.sub(lambda found: BLANK if self._is_listed(found[0]) else found[0], text)

    def scrub_document(self, value: Any) -> Any:
        """Return a JSON document with its texts scrubbed; names of fields stay."""
        if isinstance(value, str):
            return self.scrub_text(value)
        if isinstance(value, Mapping):
            return {name: self.scrub_document(item) for name, item in value.items()}
        return [self.scrub_document(item) for item in value] if isinstance(value, list) else value

    def scrub_reply(self, value: JsonValue) -> JsonValue:
        """Return a device's reply in the same shape, with only what is known to be harmless.

        The listed words are removed from harmless fields too, also within longer words.
        """
        return self._scrub(value, "", 0)

    def _is_listed(self, word: str) -> bool:
        return not self._words.isdisjoint({word.casefold(), word.strip(".:-+").casefold()})

    def _scrub(self, value: Any, field: str, depth: int) -> JsonValue:
        if depth > MAX_DEPTH:
            return "<too deep>"
        if isinstance(value, dict):
            kept = list(value.items())[:MAX_ITEMS]
            return {self._key(key): self._scrub(inner, self._field(key, field), depth + 1) for key, inner in kept}
        if isinstance(value, list):
            kept_items: list[JsonValue] = [self._scrub(inner, field, depth + 1) for inner in value[:MAX_ITEMS]]
            return [*kept_items, f"<{len(value) - MAX_ITEMS} more>"] if len(value) > MAX_ITEMS else kept_items
        if value is None or isinstance(value, bool):
            return value
        text = str(value).strip()
        if not text or (self._is_harmless(text, field) and not self._holds_word(text)):
            return value if not isinstance(value, str) else text
        return self._mark(text)

    def _field(self, key: str, parent: str) -> str:
        """Return the name by which a value is judged: the last part of a flat key, an attribute without its sign."""
        if key == "#text":
            return parent
        return re.sub(r"\[\d+\]", "", key.rpartition(".")[2]).lstrip("@").rpartition(":")[2].lower()

    def _key(self, key: str) -> str:
        if key == "#text":
            return key
        known = _KEY.match(key) and not _NOT_IN_KEY.search(key) and not self._holds_word(key)
        return key if known else self._mark(key)

    def _is_harmless(self, text: str, field: str) -> bool:
        if text.lower() in _YES_NO or (field in _NUMBER_FIELDS and _NUMBER.match(text)):
            return True
        if field in _EXACT:
            return bool(_EXACT[field].match(text))
        wordy = field in _WORD_FIELDS and _WORDS.match(text)
        return bool(wordy and not _ADDRESS.search(text) and not _LONG.search(text))

    def _holds_word(self, text: str) -> bool:
        plain = text.casefold()
        return plain in self._words or any(word in plain for word in self._within)

    def _mark(self, text: str) -> str:
        if text not in self._marks:
            form = next((name for name, pattern in _FORMS if pattern.search(text)), "text")
            self._counts[form] = self._counts.get(form, 0) + 1
            self._marks[text] = f"<{form} {self._counts[form]}>"
        return self._marks[text]
