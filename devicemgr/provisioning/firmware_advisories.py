"""Which devices have firmware with publicly known holes, by what they say of themselves."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devicemgr.domain.model import DeviceInfo
from devicemgr.errors import InvalidVulnerabilityList
from devicemgr.text import safe

FILE = "known_vulnerable.toml"
_MOST_BYTES, _MOST_ENTRIES = 1 << 20, 5000
_NUMBERS = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,7}")
# Dahua: `,build:2021-03-01`, `Build Date 2021-03-01` or `….R.210301`; Hikvision: `build 210301`.
_BUILDS = (
    re.compile(r"build(?: date)?\s*[:,]?\s*(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?!\d)", re.IGNORECASE),
    re.compile(r"build\s*:?\s*(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)(?!\d)", re.IGNORECASE),
    re.compile(r"\.[RT]\.(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)(?!\d)"),
)

Words = Annotated[str, Field(min_length=1, max_length=300)]
Version = Annotated[str, Field(pattern=r"^\d{1,9}(\.\d{1,9}){0,7}$")]


class Entry(BaseModel):
    """One hole in one family of devices; bounds are included."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    cve: Annotated[str, Field(pattern=r"^CVE-\d{4}-\d{4,7}$")]
    manufacturer: Annotated[str, Field(min_length=1, max_length=60)]
    models: Annotated[list[Annotated[str, Field(min_length=1, max_length=80)]], Field(min_length=1, max_length=200)]
    firmware_from: Version | None = None
    firmware_to: Version | None = None
    builds_from: date | None = None
    builds_to: date | None = None
    what: Words
    source: Words


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    vulnerable: Annotated[list[Entry], Field(max_length=_MOST_ENTRIES)]


@dataclass(frozen=True, slots=True)
class Finding:
    """A hole that a device has; not `sure` when it does not tell its version or the day of its build."""

    cve: str
    sure: bool
    what: str
    source: str


def known(home: Path) -> list[Entry]:
    """The shipped list, and HOME's; InvalidVulnerabilityList names the file and what is wrong in it."""
    shipped = parse(files("devicemgr").joinpath(FILE).read_bytes(), FILE)
    own = home / FILE
    try:
        with own.open("rb") as file:
            told = parse(file.read(_MOST_BYTES + 1), str(own))
    except FileNotFoundError:
        return shipped
    except OSError as error:
        raise InvalidVulnerabilityList(
            f"cannot read {own} ({error.strerror}); check who owns it, or take it away"
        ) from error
    named = {entry.cve for entry in told}
    return [entry for entry in shipped if entry.cve not in named] + told


def parse(content: bytes, where: str) -> list[Entry]:
    """The entries of a file; InvalidVulnerabilityList, in one line, says what is wrong."""
    if len(content) > _MOST_BYTES:
        raise InvalidVulnerabilityList(f"{where} is larger than 1 MB; leave out what is of no use here")
    try:
        return _File.model_validate(tomllib.loads(content.decode("utf-8"))).vulnerable
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidVulnerabilityList(
            f"{where} is not TOML ({safe(str(error), 120)}); correct it, or take it away"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidVulnerabilityList(
            f"{where}: {safe(place, 80)}: {safe(first['msg'], 120)}; correct it, or take it away"
        ) from error


def judge(info: DeviceInfo, entries: Iterable[Entry]) -> list[Finding]:
    """The holes of a device, each once, sure ones before others."""
    found: dict[str, Finding] = {}
    for entry in entries:
        if not _is_meant(info, entry):
            continue
        within = [*_firmware_within(info.firmware, entry), *_build_within(info.firmware, entry)]
        if False in within:
            continue
        finding = Finding(entry.cve, None not in within, entry.what, entry.source)
        if entry.cve not in found or finding.sure:
            found[entry.cve] = finding
    return sorted(found.values(), key=lambda finding: (not finding.sure, finding.cve))


def _is_meant(info: DeviceInfo, entry: Entry) -> bool:
    model = info.model.strip().upper()
    return entry.manufacturer.lower() in info.manufacturer.lower() and any(
        fnmatchcase(model, pattern.upper()) for pattern in entry.models
    )


def _firmware_within(firmware: str, entry: Entry) -> list[bool | None]:
    """For each bound whether it holds, None when the version is not told."""
    told = version_of(firmware)
    bounds = ((entry.firmware_from, 1), (entry.firmware_to, -1))
    return [None if told is None else _order(told, _numbers(bound)) * sign >= 0 for bound, sign in bounds if bound]


def _build_within(firmware: str, entry: Entry) -> list[bool | None]:
    told = build_of(firmware)
    found: list[bool | None] = []
    if entry.builds_from:
        found.append(None if told is None else told >= entry.builds_from)
    if entry.builds_to:
        found.append(None if told is None else told <= entry.builds_to)
    return found


def version_of(firmware: str) -> tuple[int, ...] | None:
    """The first numbers with points between them; None without."""
    found = _NUMBERS.search(firmware)
    return _numbers(found[0]) if found else None


def build_of(firmware: str) -> date | None:
    """The day of the build; None when it is not told, or is no day."""
    for pattern in _BUILDS:
        if found := pattern.search(firmware):
            year = int(found["y"])
            try:
                return date(year if year >= 100 else 2000 + year, int(found["m"]), int(found["d"]))
            except ValueError:
                continue
    return None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _order(one: Sequence[int], other: Sequence[int]) -> int:
    """-1, 0 or 1; a missing part is nought: 5.4 is 5.4.0."""
    for left, right in zip_longest(one, other, fillvalue=0):
        if left != right:
            return 1 if left > right else -1
    return 0
