"""Print the software bill of materials (CycloneDX 1.5, JSON) of what the lock installs, on standard output.

    python packaging/sbom.py [--built-with "pip 25.0"]… [LOCK] > sbom.cdx.json

It is made from the locks alone, so the same locks give the same text. Each component carries the digests of the files
that pip accepts (`pip install --require-hashes`), and the condition under which it is installed, where there is one.
Under `formulation` it lists what builds the product's wheel and the libraries that come as sources, by the same
digests, and what the caller names besides.
"""

import argparse
import hashlib
import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK, BUILD_LOCK = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
_BUILDERS = re.compile(r'^readonly WHEEL_BUILDERS="([^"]+)" SOURCE_BUILDERS="([^"]+)"$', re.MULTILINE)
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^ ;\\]+)\s*(?:;\s*([^\\]+?))?\s*(?:\\|$)")
_DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str) -> list[dict[str, Any]]:
    """Return a component for each pinned package; ValueError for a line that is no pin, digest or comment."""
    found: list[dict[str, Any]] = []
    for line in lock.splitlines():
        text = line.strip()
        if digest := _DIGEST.match(text):
            found[-1]["properties"].append({"name": "devicemgr:accepted-sha256", "value": digest[1]})
        elif pin := _PINNED.match(text):
            name = re.sub(r"[-_.]+", "-", pin[1]).lower()
            purl = f"pkg:pypi/{name}@{pin[2]}"
            condition = [{"name": "devicemgr:installed-if", "value": pin[3].strip()}] if pin[3] else []
            found.append(
                {
                    "type": "library",
                    "bom-ref": purl,
                    "name": pin[1],
                    "version": pin[2],
                    "purl": purl,
                    "properties": condition,
                }
            )
        elif text and not text.startswith("#"):
            raise ValueError(f"the lock has a line that pins nothing: {text}")
    return found


def builders(lock: str, others: list[str]) -> list[dict[str, Any]]:
    """Return what packaging/common.sh builds with, as the lock pins it, and the `others` ("pip 25.0")."""
    names = _BUILDERS.search((ROOT / "packaging" / "common.sh").read_text(encoding="utf-8"))
    wanted = set(f"{names[1]} {names[2]}".split()) if names else set()
    pinned = [component for component in components(lock) if component["name"] in wanted]
    unpinned = [
        {"type": "application", "bom-ref": f"builder:{other}", "name": other.split()[0], "version": other.split()[-1]}
        for other in others
    ]
    return [component | {"bom-ref": f"builder:{component['purl']}"} for component in pinned] + unpinned


def bill(lock: str, version: str, built_with: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the whole document."""
    found = components(lock)
    digest = hashlib.sha256(lock.encode()).hexdigest()
    own = {"type": "application", "bom-ref": f"devicemgr@{version}", "name": "devicemgr", "version": version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        "version": 1,
        "metadata": {
            "component": own | {"licenses": [{"license": {"id": "Apache-2.0"}}]},
            "properties": [{"name": "devicemgr:lock-sha256", "value": digest}],
        },
        "components": found,
        "formulation": [{"bom-ref": "build", "components": built_with}],
        "dependencies": [{"ref": own["bom-ref"], "dependsOn": [component["bom-ref"] for component in found]}],
    }


def own_version() -> str:
    """Return the version that the package names."""
    text = (ROOT / "devicemgr" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    return found[1] if found else "0"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("lock", nargs="?", type=Path, default=LOCK)
    parser.add_argument("--built-with", action="append", default=[], metavar="NAME VERSION")
    given = parser.parse_args()
    made_by = builders(BUILD_LOCK.read_text(encoding="utf-8"), given.built_with)
    json.dump(bill(given.lock.read_text(encoding="utf-8"), own_version(), made_by), sys.stdout, indent=1)
    sys.stdout.write("\n")
