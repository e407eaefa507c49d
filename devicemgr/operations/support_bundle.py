"""Collect a support bundle: versions, checks, states, configuration, log and events, without people.

Every text is scrubbed as well: words of names, badges, card numbers, consents' references and user names are blanked.
"""

import json
import platform
import re
import sqlite3
import stat
import sys
from importlib.metadata import distributions
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from devicemgr import __version__, logging
from devicemgr.errors import DevicemgrError
from devicemgr.home import Home
from devicemgr.operations import doctor, doctor_host
from devicemgr.scrubber import BLANK, Scrubber, words_of
from devicemgr.site.runtime import Runtime
from devicemgr.site.site import Site
from devicemgr.store.database import Session
from devicemgr.store.ledger import events
from devicemgr.store.ledger.event_filter import EventFilter
from devicemgr.store.people import people
from devicemgr.store.site import (
    access_levels as level_store,
    devices as device_store,
    portals as portal_store,
    settings,
)
from devicemgr.text import safe

_FACTS = 500
_FACT_FIELDS = ("seq", "time", "kind", "portal", "direction", "device", "reason", "latency_ms")
_DETAILS = ("cause", "outcome", "state", "from", "to", "seconds", "active", "change")
_SECRET = re.compile(r"pass|secret|key|token|pin\b|user|login|cert", re.IGNORECASE)
_HARMLESS_QUERY = re.compile(r"(baudrate|parity|stopbits|bytesize|unit|channel|subtype|transport)=[\w.]*\Z")

Files = dict[str, str]


def collect(site: Site, runtime: Runtime) -> Files:
    """Return the bundle's files by name."""
    with site.database.read() as session:
        scrubber = Scrubber(_words_of_people(session))
        config, facts = _config(session), _facts(session)
    documents = {
        "status.json": runtime.status(),
        "doctor.json": doctor.examine(site, runtime),
        "config.json": config,
        "facts.json": facts,
        "home.json": _listing(site.home),
    }
    texts = {name: _text(scrubber.scrub_document(document)) for name, document in documents.items()}
    log = "".join(
        json.dumps(scrubber.scrub_document(json.loads(line)), ensure_ascii=False) + "\n"
        for line in logging.kept.lines()
    )
    return {"versions.json": _text(_versions())} | texts | {"log.jsonl": log}


def collect_closed(home: Home, error: DevicemgrError) -> Files:
    """Return the files for a home that cannot be opened."""
    return {
        "versions.json": _text(_versions()),
        "doctor.json": _text(doctor_host.examine_closed(home, error)),
        "home.json": _text(_listing(home)),
    }


def _words_of_people(session: Session) -> set[str]:
    words: set[str] = set()
    for row in people.all_rows(session):
        texts = [row.name, row.badge, *(consent.reference for consent in row.consents)]
        for number in (credential.value for credential in row.credentials):
            texts += [number, number.partition(":")[2]]
        words |= {text.casefold() for text in texts} | {w.casefold() for text in texts for w in words_of(text)}
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
        "schedules": [
            {"name": row.name, "windows": row.windows, "calendars": [day for day in row.holidays if day[:1] == "@"]}
            for row in level_store.schedules(session)
        ],
        "settings": settings.load(session).model_dump(mode="json", exclude={"anchors"}),
    }


def redacted_address(address: str) -> str:
    """Return the address without user and password, and without what a query may hold of them."""
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
    """List the files of the home: names, sizes and modes, never contents."""
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
