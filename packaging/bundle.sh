#!/usr/bin/env bash
# Makes a folder with all that an installation needs, for a box without a network: packaging/bundle.sh [FOLDER]
# It holds wheels for this machine's Python and architecture, and its install.sh asks no network:
#   sudo devicemgr-…/packaging/install.sh
# PYTHON=… chooses the interpreter, which must be of the same version on the box.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly HERE PYTHON=${PYTHON:-python3}
# shellcheck source=packaging/common.sh
. "$HERE/packaging/common.sh"

check_python
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
build_wheel "$HERE" "$WORK"
VERSION=$(basename "$WHEEL" | cut -d- -f2)
TAG=$("$PYTHON" -c 'import platform, sys; print(f"py{sys.version_info[0]}.{sys.version_info[1]}-{platform.machine()}")')
BUNDLE=${1:-$HERE/dist/devicemgr-$VERSION-$TAG}
[ ! -e "$BUNDLE" ] || fail "$BUNDLE is there already: move it away, or give another folder"
check_space "$(dirname "$BUNDLE")" 1000
mkdir -p "$WORK/bundle/wheels" "$(dirname "$BUNDLE")"
say "collecting the wheels of requirements.lock"
locked "$HERE/requirements.lock" "$SOURCE_BUILDERS" >"$WORK/builders.lock"
quietly "installing what builds the libraries" "$WORK/build/bin/python" -m pip install --no-deps --require-hashes \
    --only-binary :all: -r "$WORK/builders.lock"
quietly "collecting the wheels" "$WORK/build/bin/python" -m pip wheel --no-deps --require-hashes --no-build-isolation \
    -w "$WORK/bundle/wheels" -r "$HERE/requirements.lock"
# The lock names the sources of some; what was built of them has digests of its own, and so the bundle has its own lock.
"$PYTHON" - "$WORK/bundle/wheels" >"$WORK/bundle/bundle.lock" <<'LOCK'
import hashlib, pathlib, sys

for wheel in sorted(pathlib.Path(sys.argv[1]).glob("*.whl")):
    name, version = wheel.name.split("-")[:2]
    print(f"{name.lower().replace('_', '-')}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}")
LOCK
cp "$WHEEL" "$WORK/bundle/wheels"
cp -R "$HERE/packaging" "$HERE/udev" "$HERE/docs" "$HERE/requirements.lock" "$HERE/requirements-dev.lock" "$HERE/LICENSE" \
    "$HERE/CHANGELOG.md" "$WORK/bundle"
mkdir -p "$WORK/bundle/devicemgr"
cp "$HERE/devicemgr/__init__.py" "$WORK/bundle/devicemgr" # the bill of materials reads the version there
find "$WORK/bundle" -name __pycache__ -prune -exec rm -rf -- {} +
(cd "$WORK/bundle" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$WORK/SHA256SUMS"
mv "$WORK/SHA256SUMS" "$WORK/bundle"
chmod -R go+rX "$WORK/bundle"
mv "$WORK/bundle" "$BUNDLE"
say "made $BUNDLE for Python $TAG; copy it to the box, then: sudo packaging/install.sh in it"
