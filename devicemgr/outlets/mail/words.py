"""Words of mails: those that the desk has for kinds, reasons and details, and the few that only mails need."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from devicemgr.text import safe

CATALOGS = Path(__file__).resolve().parents[2] / "web" / "i18n"
_PLACE = re.compile(r"\{(\w+)\}")
_MAX_VALUE = 200
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_CODE = re.compile(r"[a-z_]+")
_NAMED = {"alarm": "kind", "because": "because", "mode": "mode", "reason": "reason", "roles": "role"}
"""Details whose values are names of the daemon, and what has words for them."""

_OWN: Mapping[str, Mapping[str, str]] = {
    "en": {
        "mail.collected": "{what} × {count} ({first} – {last})",
        "mail.footer": "Sent automatically by devicemgr, outlet {outlet}, site {site}. Times: {zone}.",
        "mail.test": "Test of outlet {outlet}",
        "mail.test_text": "Mail of this outlet arrives here. This is a test, nothing has happened.",
        "mail.report_text": "The report is attached: {file}",
        "mail.now": "Now: {time}",
    },
    "ru": {
        "mail.collected": "{what} × {count} ({first} – {last})",
        "mail.footer": "Отправлено автоматически: devicemgr, канал выгрузки {outlet}, объект {site}. Время: {zone}.",
        "mail.test": "Проверка канала выгрузки {outlet}",
        "mail.test_text": "Письма этого канала выгрузки приходят сюда. Это проверка: ничего не случилось.",
        "mail.report_text": "Отчёт приложен: {file}",
        "mail.now": "Сейчас: {time}",
    },
    "kk": {
        "mail.collected": "{what} × {count} ({first} – {last})",
        "mail.footer": "Автоматты түрде жіберілді: devicemgr, шығару арнасы {outlet}, нысан {site}. Уақыты: {zone}.",
        "mail.test": "{outlet} шығару арнасын тексеру",
        "mail.test_text": "Бұл шығару арнасының хаттары осында келеді. Бұл — тексеру, ештеңе болған жоқ.",
        "mail.report_text": "Есеп тіркелген: {file}",
        "mail.now": "Қазір: {time}",
    },
}


@cache
def catalog(language: str) -> Mapping[str, str]:
    """Return the words of a language by their keys."""
    found: dict[str, str] = json.loads((CATALOGS / f"{language}.json").read_text(encoding="utf-8"))
    return {**found, **_OWN[language]}


class Words:
    """Words in one language, and times by the clock of a zone; what is shown holds no control characters."""

    def __init__(self, language: str, zone: ZoneInfo) -> None:
        self._words, self.zone = catalog(language), zone

    def text(self, key: str, **values: Any) -> str:
        """Return the words of a key, with these values in their places."""
        return _PLACE.sub(lambda place: safe(str(values[place[1]]), _MAX_VALUE), self._words[key])

    def knows(self, prefix: str, name: str) -> bool:
        """Return True where a name has words."""
        return f"{prefix}.{name}" in self._words

    def named(self, prefix: str, name: str) -> str:
        """Return the words for a name that the daemon gives; the name itself where it has none."""
        return self._words.get(f"{prefix}.{name}") or safe(name.replace("_", " "), _MAX_VALUE)

    def label(self, name: str) -> str:
        """Return what a detail is called at the beginning of a line."""
        found = self.named("detail", name)
        return found[:1].upper() + found[1:]

    def alarm(self, kind: str) -> str:
        """Return what an alarm is: most are named as the event that begins them."""
        if self.knows("alarm", kind):
            return self.named("alarm", kind)
        if kind.startswith("admin.") and not self.knows("kind", kind):
            return self.text("kind.admin", what=kind.removeprefix("admin.").replace("_", " "))
        return self.named("kind", kind)

    def value(self, name: str, value: Any) -> str:
        """Return the value of a detail as the desk shows it: names of the daemon in words, all else as it is."""
        if isinstance(value, bool):
            return self.named("value", "yes" if value else "no")
        if isinstance(value, list | tuple):
            return safe(", ".join(self.value(name, one) for one in value), _MAX_VALUE)
        if isinstance(value, Mapping):
            inner = (f"{self.named('detail', key)}: {self.value(key, one)}" for key, one in value.items())
            return safe("; ".join(inner), _MAX_VALUE)
        text = str(value)
        if _TIME.fullmatch(text):
            return self.time(text)
        # What people have written is text; names of the daemon have no blanks.
        prefix = _NAMED.get(name) if _CODE.fullmatch(text) else None
        return self.named(prefix, text) if prefix and self.knows(prefix, text) else safe(text, _MAX_VALUE)

    def time(self, at: str | datetime) -> str:
        """Return a moment by the clock of the zone, with its offset from UTC."""
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
        return moment.astimezone(self.zone).replace(microsecond=0).isoformat(" ")
