#!/usr/bin/env bash
# Makes a Debian package that carries its environment: packaging/deb.sh [FOLDER]   (needs dpkg-deb, no root)
# It is for this machine's Debian release and architecture, since it needs the same Python 3.N. The package owns
# /opt/devicemgr; a box that was installed by `make install` is uninstalled first, which keeps its home.
# PYTHON=… chooses the interpreter: the system's own, at the same path on the box.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly HERE PYTHON=${PYTHON:-/usr/bin/python3} OUT=${1:-$HERE/dist}
# shellcheck source=packaging/common.sh
. "$HERE/packaging/common.sh"

check_python
command -v dpkg-deb >/dev/null || fail "dpkg-deb is missing: this needs a Debian or Ubuntu"
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
check_space "$WORK" 2500
build_wheel "$HERE" "$WORK"
VERSION=$(basename "$WHEEL" | cut -d- -f2)
MINOR=$("$PYTHON" -c 'import sys; print(sys.version_info[1])')
TREE=$WORK/tree
HOME_OF_ENVIRONMENT=$TREE/opt/devicemgr
say "making the environment"
mkdir -p "$TREE/DEBIAN" "$TREE/opt"
quietly "making the environment" "$PYTHON" -m venv "$HOME_OF_ENVIRONMENT"
install_libraries "$HOME_OF_ENVIRONMENT/bin/python" "$HERE/requirements.lock" --no-compile
quietly "installing devicemgr" "$HOME_OF_ENVIRONMENT/bin/python" -m pip install --no-deps --no-index --no-compile "$WHEEL"
quietly "writing the manual page" "$HOME_OF_ENVIRONMENT/bin/python" -B "$HERE/packaging/man_page.py" "$WORK/devicemgr.1"
install -d -m 0755 "$TREE/usr/share/man/man1"
gzip -9n <"$WORK/devicemgr.1" >"$TREE/usr/share/man/man1/devicemgr.1.gz"
"$PYTHON" "$HERE/packaging/sbom.py" "$HERE/requirements.lock" >"$HOME_OF_ENVIRONMENT/sbom.cdx.json"
# Commands name their interpreter by its path, which is another one on the box.
grep -rlIF "$TREE" "$HOME_OF_ENVIRONMENT/bin" "$HOME_OF_ENVIRONMENT/pyvenv.cfg" | xargs -r sed -i "s|$TREE||g"
find "$HOME_OF_ENVIRONMENT" -name __pycache__ -prune -exec rm -rf -- {} +
install -D -m 0644 "$HERE/packaging/devicemgr.service" "$TREE/usr/lib/systemd/system/devicemgr.service"
install -D -m 0644 "$HERE/packaging/devicemgr.sysusers" "$TREE/usr/lib/sysusers.d/devicemgr.conf"
install -D -m 0755 "$HERE/packaging/devicemgr-command" "$TREE/usr/bin/devicemgr"
install -D -m 0644 "$HERE/packaging/grafana/devicemgr.json" "$TREE/usr/share/devicemgr/grafana/devicemgr.json"
install -D -m 0644 "$HERE/packaging/prometheus/alerts.yml" "$TREE/usr/share/devicemgr/prometheus/alerts.yml"
install -D -m 0644 "$HERE/LICENSE" "$TREE/usr/share/doc/devicemgr/copyright"
cat >"$TREE/DEBIAN/control" <<CONTROL
Package: devicemgr
Version: ${VERSION/.dev/~dev}
Architecture: $(dpkg --print-architecture)
Maintainer: the devicemgr authors <root@localhost>
Depends: python3 (>= 3.$MINOR), python3 (<< 3.$((MINOR + 1))), systemd, udev, util-linux
Section: misc
Priority: optional
Description: access control of a facility's entrances
 One daemon for cameras, turnstiles and consoles, with its libraries in an
 environment of its own below /opt/devicemgr.
CONTROL
for script in preinst postinst prerm postrm; do install -m 0755 "$HERE/packaging/debian/$script" "$TREE/DEBIAN/$script"; done
chmod -R go+rX,go-w "$TREE"
mkdir -p "$OUT"
quietly "making the package" dpkg-deb --root-owner-group --build -Zzstd "$TREE" "$OUT/"
say "made $(find "$OUT" -name "devicemgr_*.deb" -newer "$WORK/build.lock"); next: sudo apt-get install ./FILE"
