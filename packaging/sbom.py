"""The software bill of materials (CycloneDX 1.5, JSON) of what the lock installs, on standard output.

    python packaging/sbom.py [LOCK] > sbom.cdx.json

It is made from the lock alone, so the same lock gives the same text. Each component carries the digests of the files
that pip accepts (`pip install --require-hashes`), and the condition under which it is installed, where there is one.
"""

import hashlib
import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^ ;\\]+)\s*(?:;\s*([^\\]+?))?\s*(?:\\|$)")
_DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(lock: str) -> list[dict[str, Any]]:
    """One for each pinned package, by name; ValueError for a line that is neither a pin, a digest nor a comment."""
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


def bill(lock: str, version: str) -> dict[str, Any]:
    """The whole document."""
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
        "dependencies": [{"ref": own["bom-ref"], "dependsOn": [component["bom-ref"] for component in found]}],
    }


def own_version() -> str:
    """As the package says it."""
    text = (ROOT / "devicemgr" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    return found[1] if found else "0"


if __name__ == "__main__":
    lock = Path(sys.argv[1]) if len(sys.argv) > 1 else LOCK
    json.dump(bill(lock.read_text(encoding="utf-8"), own_version()), sys.stdout, indent=1)
    sys.stdout.write("\n")
