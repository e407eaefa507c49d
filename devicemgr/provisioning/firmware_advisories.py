"""Find devices whose firmware has publicly known vulnerabilities, by the model and version that they report."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from devicemgr.domain.model import DeviceInfo
from devicemgr.domain.ports.driver import DriverCatalog
from devicemgr.errors import InvalidVulnerabilityList, NotFound
from devicemgr.text import safe

FILE = "known_vulnerable.toml"
_MAX_BYTES, _MAX_ENTRIES = 1 << 20, 5000
_NUMBERS = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,7}")


def _require_date_groups(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """Compile the pattern without regard to case; ValueError unless it has groups for year, month and day."""
    if not {"y", "m", "d"} <= set(pattern.groupindex):
        raise ValueError("a pattern of a build's day needs the groups y, m and d")
    return re.compile(pattern.pattern, re.IGNORECASE)


Words = Annotated[str, Field(min_length=1, max_length=300)]
Version = Annotated[str, Field(pattern=r"^\d{1,9}(\.\d{1,9}){0,7}$")]


BuildDate = Annotated[re.Pattern[str], AfterValidator(_require_date_groups)]


class Entry(BaseModel):
    """One vulnerability in one family of devices; bounds are included."""

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


class Advisories(BaseModel):
    """A list of vulnerabilities, and how the firmware of its makers writes the day of its build."""

    model_config = ConfigDict(extra="forbid")
    vulnerable: Annotated[list[Entry], Field(max_length=_MAX_ENTRIES)]
    build_dates: Annotated[list[BuildDate], Field(max_length=20)] = []


@dataclass(frozen=True, slots=True)
class Finding:
    """A vulnerability that a device has; not `sure` if it does not report its version or the day of its build."""

    cve: str
    sure: bool
    what: str
    source: str


def known(home: Path, catalog: DriverCatalog) -> Advisories:
    """Return the lists that drivers ship, and HOME's; InvalidVulnerabilityList names the file and its fault.

    A CVE that HOME's list names is taken from there alone.
    """
    lists = [parse(content, f"{FILE} of the driver {kind}") for kind, content in _shipped(catalog)]
    shipped = [entry for found in lists for entry in found.vulnerable]
    own = home / FILE
    try:
        with own.open("rb") as file:
            added = parse(file.read(_MAX_BYTES + 1), str(own))
    except FileNotFoundError:
        added = Advisories(vulnerable=[])
    except OSError as error:
        raise InvalidVulnerabilityList(
            f"cannot read {own} ({error.strerror}); check who owns it, or take it away"
        ) from error
    named = {entry.cve for entry in added.vulnerable}
    kept = [entry for entry in shipped if entry.cve not in named] + added.vulnerable
    return Advisories(vulnerable=kept, build_dates=[p for found in (*lists, added) for p in found.build_dates])


def _shipped(catalog: DriverCatalog) -> Iterable[tuple[str, bytes]]:
    for kind in catalog.kinds():
        try:
            driver = catalog.get(kind)
        except NotFound:
            continue  # a driver that does not load; `device drivers` says why
        if driver.advisories is not None:
            yield kind, driver.advisories()


def parse(content: bytes, where: str) -> Advisories:
    """Return a file's contents; InvalidVulnerabilityList, in one line, says what is wrong."""
    if len(content) > _MAX_BYTES:
        raise InvalidVulnerabilityList(f"{where} is larger than 1 MB; leave out what is of no use here")
    try:
        return Advisories.model_validate(tomllib.loads(content.decode("utf-8")))
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


def judge(info: DeviceInfo, advisories: Advisories) -> list[Finding]:
    """Return the vulnerabilities of a device, each once, sure ones before others."""
    built = build_of(info.firmware, advisories.build_dates)
    found: dict[str, Finding] = {}
    for entry in advisories.vulnerable:
        if not _is_meant(info, entry):
            continue
        within = [*_firmware_within(info.firmware, entry), *_build_within(built, entry)]
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
    """Return for each bound whether it holds, None if the firmware does not state its version."""
    version = version_of(firmware)
    bounds = ((entry.firmware_from, 1), (entry.firmware_to, -1))
    return [
        None if version is None else _order(version, _numbers(bound)) * sign >= 0 for bound, sign in bounds if bound
    ]


def _build_within(built: date | None, entry: Entry) -> list[bool | None]:
    found: list[bool | None] = []
    if entry.builds_from:
        found.append(None if built is None else built >= entry.builds_from)
    if entry.builds_to:
        found.append(None if built is None else built <= entry.builds_to)
    return found


def version_of(firmware: str) -> tuple[int, ...] | None:
    """Return the first numbers with points between them; None if there are none."""
    found = _NUMBERS.search(firmware)
    return _numbers(found[0]) if found else None


def build_of(firmware: str, patterns: Iterable[re.Pattern[str]]) -> date | None:
    """Return the day of the build; None if the firmware does not state it, or it is no day."""
    for pattern in patterns:
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
