#!/usr/bin/env bash
# Installs devicemgr as a service, or brings an installed one up to this checkout. As root:
#   packaging/install.sh            from this checkout
#   packaging/install.sh WHEEL      the given wheel, with this checkout's locks
# A second run changes nothing. Each version gets an environment of its own, and /opt/devicemgr is switched to it only
# when it is whole, so that a failure leaves the running version as it was. PYTHON=… chooses the interpreter.
set -euo pipefail

readonly PREFIX=/opt/devicemgr STATE=/var/lib/devicemgr RULES=/etc/udev/rules.d/70-devicemgr.rules
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly HERE PYTHON=${PYTHON:-/usr/bin/python3}
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
WORK=
FRESH=

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

say() { printf '%s\n' "$*" >&2; }

clean_up() {
    if [ -n "$WORK" ]; then rm -rf -- "$WORK"; fi
    if [ -n "$FRESH" ]; then rm -rf -- "$FRESH"; fi
}

quietly() { # what it is · the command; of its output only the last complaint, and only when it fails
    local what=$1 cause
    shift
    if ! "$@" >"$WORK/log" 2>&1; then
        cause=$(grep -i 'error' "$WORK/log" | tail -n 1 || true)
        fail "$what failed, put it right and run this again: ${cause:-$(tail -n 1 "$WORK/log")}"
    fi
}

check_machine() {
    [ "$(id -u)" = 0 ] || fail "this sets up a system service: run it as root (sudo make install)"
    for tool in systemd-sysusers runuser install sha256sum; do
        command -v "$tool" >/dev/null || fail "$tool is missing: this needs a Linux with systemd and util-linux"
    done
    command -v "$PYTHON" >/dev/null || fail "$PYTHON is missing: install Python 3.11 or later, or set PYTHON"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$PYTHON is too old: set PYTHON to 3.11 or later"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || fail "$PYTHON has no venv: apt-get install python3-venv"
    case $("$PYTHON" -c 'import os, sys; print(os.path.realpath(sys.base_prefix))') in
        /root | /root/* | /home | /home/*) fail "the service cannot read $PYTHON in a home folder: set PYTHON=/usr/bin/python3" ;;
    esac
    if [ -e "$PREFIX" ] && [ ! -L "$PREFIX" ]; then fail "$PREFIX is in the way: move it, this puts a link there"; fi
}

locked() { # lock file · names: their hash-pinned entries
    awk -v names="$2" 'BEGIN { split(names, list, " "); for (i in list) wanted[list[i]] }
        /^[a-zA-Z0-9]/ { split($1, part, "=="); keep = part[1] in wanted } keep' "$1"
}

build_wheel() {
    say "building the wheel"
    locked "$HERE/requirements-dev.lock" "hatchling packaging pathspec pluggy tomlkit trove-classifiers" >"$WORK/build.lock"
    quietly "making the build environment" "$PYTHON" -m venv "$WORK/build"
    quietly "fetching hatchling" "$WORK/build/bin/pip" install --no-deps --require-hashes -r "$WORK/build.lock"
    quietly "building the wheel" "$WORK/build/bin/pip" wheel --no-deps --no-build-isolation -w "$WORK" "$HERE"
    WHEEL=$(find "$WORK" -maxdepth 1 -name 'devicemgr-*.whl')
}

install_environment() {
    local stamp
    stamp=$(cat "$HERE/requirements.lock" "$WHEEL" <("$PYTHON" -VV) | sha256sum | cut -c1-12)
    if [ "$(readlink "$PREFIX" || true)" = "$PREFIX-$stamp" ]; then
        say "this version is installed already ($PREFIX-$stamp)"
        return
    fi
    say "installing into $PREFIX-$stamp (about a minute)"
    FRESH=$PREFIX-$stamp
    rm -rf -- "$FRESH"
    quietly "making the environment" "$PYTHON" -m venv "$FRESH"
    quietly "installing the libraries" "$FRESH/bin/pip" install --no-deps --require-hashes -r "$HERE/requirements.lock"
    quietly "installing devicemgr" "$FRESH/bin/pip" install --no-deps "$WHEEL"
    "$PYTHON" "$HERE/packaging/sbom.py" "$HERE/requirements.lock" >"$FRESH/sbom.cdx.json"
    chmod -R go+rX,go-w "$FRESH"
    quietly "starting the installed command" "$FRESH/bin/devicemgr" version
    local previous
    previous=$(readlink "$PREFIX" || true)
    ln -sfn "$FRESH" "$PREFIX.new"
    mv -T "$PREFIX.new" "$PREFIX"
    for old in "$PREFIX"-????????????; do # the one before stays, as a way back
        if [ "$old" != "$FRESH" ] && [ "$old" != "$previous" ]; then rm -rf -- "$old"; fi
    done
    FRESH=
}

install_system_files() {
    install -D -m 0644 "$HERE/packaging/devicemgr.sysusers" /usr/lib/sysusers.d/devicemgr.conf
    quietly "making the user devicemgr" systemd-sysusers /usr/lib/sysusers.d/devicemgr.conf
    install -d -m 0700 -o devicemgr -g devicemgr "$STATE"
    install -D -m 0755 "$HERE/packaging/devicemgr-command" /usr/local/bin/devicemgr
    install -D -m 0644 "$HERE/packaging/devicemgr.service" /etc/systemd/system/devicemgr.service
    if [ -e "$RULES" ]; then
        say "kept $RULES: it holds this site's devices"
    else
        sed '/^@DEVICES@$/d' "$HERE/udev/70-devicemgr.rules.in" >"$WORK/rules"
        install -D -m 0644 "$WORK/rules" "$RULES"
    fi
}

tell_system() {
    if [ ! -d /run/systemd/system ]; then
        say "systemd does not run here: the unit is in place and neither enabled nor started"
        return
    fi
    systemctl daemon-reload
    systemctl --quiet enable devicemgr.service
    systemctl try-restart devicemgr.service
    if command -v udevadm >/dev/null; then udevadm control --reload || true; fi
}

check_machine
WORK=$(mktemp -d)
trap clean_up EXIT
WHEEL=${1:-}
if [ -z "$WHEEL" ]; then build_wheel; fi
[ -f "$WHEEL" ] || fail "there is no wheel $WHEEL"
install_environment
install_system_files
tell_system
say "installed; next: devicemgr init, then systemctl start devicemgr, then devicemgr doctor"
