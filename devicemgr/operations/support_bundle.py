"""What a supporter needs and nobody else's: versions, checks, states, configuration, log and facts, without people.

Every text is scrubbed besides: words of names, badges, card numbers, consents' references and user names are blanked.
"""

import json
import platform
import re
import sqlite3
import stat
import sys
from collections.abc import Mapping
from importlib.metadata import distributions
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from devicemgr import __version__, logging
from devicemgr.errors import DevicemgrError
from devicemgr.home import Home
from devicemgr.operations import doctor, doctor_host
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.ledger import events
from devicemgr.store.ledger.events import EventFilter
from devicemgr.store.people import people
from devicemgr.store.site import (
    access_levels as level_store,
    devices as device_store,
    portals as portal_store,
    settings,
)
from devicemgr.text import safe

BLANK = "‹…›"
_FACTS = 500
_FACT_FIELDS = ("seq", "time", "kind", "portal", "direction", "device", "reason", "latency_ms")
_DETAILS = ("cause", "outcome", "state", "from", "to", "seconds", "active", "change")
_SECRET = re.compile(r"pass|secret|key|token|pin\b|user|login|cert", re.IGNORECASE)
_WORD = re.compile(r"[\w:+.@-]+")
_HARMLESS_QUERY = re.compile(r"(baudrate|parity|stopbits|bytesize|unit|channel|subtype|transport)=[\w.]*\Z")

Files = dict[str, str]


def collect(site: Site, runtime: Runtime) -> Files:
    """The bundle's files by name."""
    with site.database.read() as session:
        scrub = Scrubber(_words_of_people(session))
        config, facts = _config(session), _facts(session)
    documents = {
        "status.json": runtime.status(),
        "doctor.json": doctor.examine(site, runtime),
        "config.json": config,
        "facts.json": facts,
        "home.json": _listing(site.home),
    }
    texts = {name: _text(scrub.document(document)) for name, document in documents.items()}
    log = "".join(
        json.dumps(scrub.document(json.loads(line)), ensure_ascii=False) + "\n" for line in logging.kept.lines()
    )
    return {"versions.json": _text(_versions())} | texts | {"log.jsonl": log}


def collect_closed(home: Home, error: DevicemgrError) -> Files:
    """Of a home that can't be opened."""
    return {
        "versions.json": _text(_versions()),
        "doctor.json": _text(doctor_host.examine_closed(home, error)),
        "home.json": _text(_listing(home)),
    }


class Scrubber:
    """Blanks words in texts; longer than a word nothing is looked for, so that ten thousand people cost no time."""

    def __init__(self, words: set[str]) -> None:
        self._words = words

    def text(self, text: str) -> str:
        """`text` without them."""
        return _WORD.sub(lambda found: BLANK if self._is_one(found[0]) else found[0], text)

    def _is_one(self, word: str) -> bool:
        return not self._words.isdisjoint({word.casefold(), word.strip(".:-+").casefold()})

    def document(self, value: Any) -> Any:
        """JSON, its texts scrubbed; kinds of events and names of fields stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: self.document(item) for name, item in value.items()}
        return [self.document(item) for item in value] if isinstance(value, list) else value


def _words_of_people(session: Session) -> set[str]:
    words: set[str] = set()
    for row in people.all_rows(session):
        texts = [row.name, row.badge, *(consent.reference for consent in row.consents)]
        for number in (credential.value for credential in row.credentials):
            texts += [number, number.partition(":")[2]]
        words |= {text.casefold() for text in texts} | {w.casefold() for text in texts for w in _WORD.findall(text)}
    words |= {row.username.casefold() for row in device_store.devices(session) if row.username}
    return {word for word in words if word}


def _config(session: Session) -> dict[str, Any]:
    devices = [
        {
            "name": row.name,
            "driver": row.driver,
            "address": redacted_address(row.address),
            "has_password": row.sealed_password is not None,
            "options": {name: BLANK if _SECRET.search(name) else value for name, value in row.options.items()},
        }
        for row in device_store.devices(session)
    ]
    return {
        "devices": devices,
        "portals": [portal_store.portal_json(row) for row in portal_store.portals(session)],
        "levels": [level_store.level_json(row) for row in level_store.levels(session)],
        "schedules": [{"name": row.name, "windows": row.windows} for row in level_store.schedules(session)],
        "settings": settings.load(session).model_dump(mode="json", exclude={"anchors"}),
    }


def redacted_address(address: str) -> str:
    """Without user and password, and without what a query may hold of them."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return BLANK
    host = f"{BLANK}@{parts.netloc.rpartition('@')[2]}" if "@" in parts.netloc else parts.netloc
    query = "&".join(
        pair if _HARMLESS_QUERY.match(pair) else pair.partition("=")[0] + "=" + BLANK for pair in parts.query.split("&")
    )
    return urlunsplit((parts.scheme, host, parts.path, query if parts.query else "", ""))


def _facts(session: Session) -> list[dict[str, Any]]:
    found = events.find(session, EventFilter(), _FACTS)
    return [
        {name: event[name] for name in _FACT_FIELDS}
        | {"detail": {name: event["detail"][name] for name in _DETAILS if name in event["detail"]}}
        for event in found
    ]


def _listing(home: Home) -> list[dict[str, Any]]:
    """What lies in the home: names, sizes, modes; what is in the files, never."""
    found = []
    for path in sorted(home.path.rglob("*"))[:1000] if home.path.is_dir() else []:
        state = path.lstat()
        found.append(
            {
                "path": safe(str(path.relative_to(home.path)), 200),
                "mode": stat.filemode(state.st_mode),
                "bytes": state.st_size,
                "owner": state.st_uid,
            }
        )
    return found


def _versions() -> dict[str, Any]:
    return {
        "devicemgr": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
        "packages": dict(sorted((found.metadata["Name"], found.version) for found in distributions())),
    }


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
