#!/usr/bin/env bash
# Installs devicemgr as a service, or brings an installed one up to this version. As root:
#   packaging/install.sh            from this checkout, or from the wheels of a bundle (make bundle): no network then
#   packaging/install.sh WHEEL      the given wheel, with this checkout's locks
# A second run of the same version changes and restarts nothing. Each version gets an environment of its own, and
# /opt/devicemgr is switched to it only when it is whole and has opened the home in a dry run. Where the restart fails,
# the version before runs again.
# PYTHON=… chooses the interpreter. ROOT=… installs below a scratch folder, as any user: nothing of the system is
# touched, and systemctl is used only where $ROOT/run/systemd/system exists.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly HERE PYTHON=${PYTHON:-/usr/bin/python3} ROOT=${ROOT:-}
readonly PREFIX=$ROOT/opt/devicemgr STATE=$ROOT/var/lib/devicemgr RULES=$ROOT/etc/udev/rules.d/70-devicemgr.rules
readonly UNIT=$ROOT/etc/systemd/system/devicemgr.service CREDENTIAL=$ROOT/etc/devicemgr/devicemgr.key.cred
# The environment, and once more what pip unpacks beside it before it moves it there.
readonly NEEDED_MB=1200
# shellcheck source=packaging/common.sh
. "$HERE/packaging/common.sh"
FRESH=     # an environment that is not whole yet
TARGET=    # the environment of this version
PREVIOUS=  # the one that was in use before
MIGRATES=  # whether the start of this version migrates the database

clean_up() {
    if [ -n "$WORK" ]; then rm -rf -- "$WORK"; fi
    if [ -n "$FRESH" ]; then rm -rf -- "$FRESH"; fi
}

check_machine() {
    if [ -z "$ROOT" ]; then
        [ "$(id -u)" = 0 ] || fail "this sets up a system service: run it as root (sudo make install)"
        for tool in systemd-sysusers runuser install sha256sum; do
            command -v "$tool" >/dev/null || fail "$tool is missing: this needs a Linux with systemd and util-linux"
        done
    fi
    check_python
    case $("$PYTHON" -c 'import os, sys; print(os.path.realpath(sys.base_prefix))') in
        /root | /root/* | /home | /home/*)
            [ -n "$ROOT" ] || fail "the service cannot read $PYTHON in a home folder: set PYTHON=/usr/bin/python3" ;;
    esac
    if [ -e "$PREFIX" ] && [ ! -L "$PREFIX" ]; then fail "$PREFIX is in the way: move it, this puts a link there"; fi
}

find_wheel() { # the argument, if any
    WHEEL=${1:-}
    if [ -z "$WHEEL" ] && [ -f "$HERE/bundle.lock" ]; then
        WHEEL=$(find "$HERE/wheels" -maxdepth 1 -name 'devicemgr-*.whl')
        (cd "$HERE" && sha256sum --quiet --check SHA256SUMS) >&2 || fail "the bundle is damaged: copy it again"
    elif [ -z "$WHEEL" ]; then
        build_wheel "$HERE" "$WORK"
    fi
    [ -f "$WHEEL" ] || fail "there is no wheel $WHEEL"
}

make_environment() {
    say "installing into $TARGET (about a minute)"
    check_space "$(dirname "$PREFIX")" "$NEEDED_MB"
    FRESH=$TARGET
    rm -rf -- "$FRESH"
    mkdir -p "$(dirname "$FRESH")"
    quietly "making the environment" "$PYTHON" -m venv "$FRESH"
    if [ -f "$HERE/bundle.lock" ]; then
        install_libraries "$FRESH/bin/python" "$HERE/bundle.lock" --no-index --find-links "$HERE/wheels"
    else
        install_libraries "$FRESH/bin/python" "$HERE/requirements.lock"
    fi
    quietly "installing devicemgr" "$FRESH/bin/python" -m pip install --no-deps --no-index "$WHEEL"
    "$PYTHON" "$HERE/packaging/sbom.py" --built-with "$("$FRESH/bin/python" -m pip --version | cut -d' ' -f1-2)" \
        --built-with "$("$PYTHON" -V)" "$HERE/requirements.lock" >"$FRESH/sbom.cdx.json"
    quietly "writing the manual page" "$FRESH/bin/python" "$HERE/packaging/man_page.py" "$FRESH/devicemgr.1"
    chmod -R go+rX,go-w "$FRESH"
    quietly "starting the installed command" "$FRESH/bin/devicemgr" version
}

as_service() { # a command, as the service's user and with its key
    if [ -n "$ROOT" ] || ! id -u devicemgr >/dev/null 2>&1; then
        env DEVICEMGR_HOME="$STATE" "$@"
    elif [ -e "$CREDENTIAL" ] && [ ! -e "$STATE/keys/master.key" ]; then
        systemd-run --quiet --pipe --wait --collect --property=User=devicemgr --setenv=DEVICEMGR_HOME="$STATE" \
            --property=LoadCredentialEncrypted="devicemgr.key:$CREDENTIAL" "$@"
    else
        (cd / && runuser -u devicemgr -- env DEVICEMGR_HOME="$STATE" "$@")
    fi
}

needs_migration() { # asks the new version; fails where it cannot open the home
    as_service "$TARGET/bin/devicemgr" run --check --json >"$WORK/check" 2>"$WORK/log" || return 2
    ! grep -q '"migration": null' "$WORK/check"
}

check_home() {
    if [ ! -e "$STATE/devicemgr.db" ]; then return; fi
    say "opening the home in a dry run"
    local code=0
    needs_migration || code=$?
    if [ "$code" = 2 ]; then
        fail "the new version cannot run this home, and nothing was changed: $(sed 's/^error: //' "$WORK/log" | head -n 1)"
    fi
    if [ "$code" = 0 ]; then
        MIGRATES=yes
        say "its start will migrate the database; a backup from before is the way back"
    fi
}

switch_to() { # an environment
    rm -f "$1/.in-service"
    ln -sfn "$1" "$PREFIX.new"
    mv -T "$PREFIX.new" "$PREFIX"
}

install_file() { # mode, source, target: CHANGED=yes where it was different
    if ! cmp -s "$2" "$3"; then
        install -D -m "$1" "$2" "$3"
        CHANGED=yes
    fi
}

make_user() {
    install -D -m 0644 "$HERE/packaging/devicemgr.sysusers" "$ROOT/usr/lib/sysusers.d/devicemgr.conf"
    if [ -n "$ROOT" ]; then
        install -d -m 0700 "$STATE"
    else
        quietly "making the user devicemgr" systemd-sysusers /usr/lib/sysusers.d/devicemgr.conf
        install -d -m 0700 -o devicemgr -g devicemgr "$STATE"
    fi
}

install_system_files() {
    CHANGED=
    install_file 0755 "$HERE/packaging/devicemgr-command" "$ROOT/usr/local/bin/devicemgr"
    install_file 0644 "$TARGET/devicemgr.1" "$ROOT/usr/local/share/man/man1/devicemgr.1"
    CHANGED=
    if [ -e "$UNIT" ]; then cp "$UNIT" "$WORK/unit.before"; fi
    install_file 0644 "$HERE/packaging/devicemgr.service" "$UNIT"
    if [ -e "$RULES" ]; then
        say "kept $RULES: it holds this site's devices"
    else
        sed '/^@DEVICES@$/d' "$HERE/udev/70-devicemgr.rules.in" >"$WORK/rules"
        install -D -m 0644 "$WORK/rules" "$RULES"
    fi
}

restart_service() {
    if [ ! -d "$ROOT/run/systemd/system" ]; then
        say "systemd does not run here: the unit is in place and neither enabled nor started"
        return
    fi
    systemctl daemon-reload
    systemctl --quiet enable devicemgr.service
    if command -v udevadm >/dev/null && [ -z "$ROOT" ]; then udevadm control --reload || true; fi
    if [ -z "$CHANGED" ] && [ -e "$TARGET/.in-service" ]; then return; fi
    systemctl is-active --quiet devicemgr.service || return 0
    say "restarting the service"
    systemctl restart devicemgr.service || go_back
}

go_back() { # the restart failed
    local why
    why=$(journalctl -u devicemgr -n 20 -o cat --no-pager 2>/dev/null | grep -m 1 -E '^(error|ERROR)' || true)
    why=${why:-see journalctl -u devicemgr}
    if [ -z "$PREVIOUS" ] || [ "$PREVIOUS" = "$TARGET" ]; then fail "the service did not start: $why"; fi
    if [ -n "$MIGRATES" ] && ! needs_migration; then
        say "the database was migrated, so the version before cannot open it. To go back by a backup:"
        say "  sudo ln -sfn $PREVIOUS $PREFIX.new && sudo mv -T $PREFIX.new $PREFIX"
        say "  sudo --preserve-env=PASSPHRASE devicemgr restore --replace BACKUP --passphrase-env PASSPHRASE"
        say "  sudo systemctl restart devicemgr"
        fail "the new version did not start: $why"
    fi
    switch_to "$PREVIOUS"
    if [ -e "$WORK/unit.before" ]; then install -m 0644 "$WORK/unit.before" "$UNIT"; fi
    systemctl daemon-reload
    systemctl restart devicemgr.service || fail "neither version starts: $why"
    fail "the new version did not start ($why); the version before runs again, from $PREVIOUS"
}

remove_old() { # the one before stays, as a way back
    for old in "$PREFIX"-????????????; do
        if [ "$old" != "$TARGET" ] && [ "$old" != "$PREVIOUS" ]; then rm -rf -- "$old"; fi
    done
}

check_machine
WORK=$(mktemp -d)
trap clean_up EXIT
find_wheel "${1:-}"
TARGET=$PREFIX-$(cat "$HERE/requirements.lock" "$WHEEL" <("$PYTHON" -VV) | sha256sum | cut -c1-12)
PREVIOUS=$(readlink "$PREFIX" || true)
make_user
if [ "$PREVIOUS" = "$TARGET" ]; then
    say "this version is installed already ($TARGET)"
else
    if [ ! -e "$TARGET/.whole" ]; then make_environment; fi
    check_home
    touch "$TARGET/.whole"
    FRESH=
    switch_to "$TARGET"
fi
install_system_files
restart_service
touch "$TARGET/.in-service"
if [ "$PREVIOUS" != "$TARGET" ]; then remove_old; fi
if [ -e "$STATE/devicemgr.db" ]; then
    say "installed; next: devicemgr doctor"
else
    say "installed; next: devicemgr init, then systemctl start devicemgr, then devicemgr doctor"
fi
