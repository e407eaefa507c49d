#!/usr/bin/env bash
# Takes devicemgr off this box, and keeps what belongs to the site: its home, its keys, the rules for its devices.
# As root: packaging/uninstall.sh. ROOT=… as for install.sh.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly HERE ROOT=${ROOT:-}
readonly PREFIX=$ROOT/opt/devicemgr STATE=$ROOT/var/lib/devicemgr RULES=$ROOT/etc/udev/rules.d/70-devicemgr.rules
readonly UNIT=$ROOT/etc/systemd/system/devicemgr.service
# shellcheck source=packaging/common.sh
. "$HERE/packaging/common.sh"

if [ -z "$ROOT" ] && [ "$(id -u)" != 0 ]; then fail "this removes a system service: run it as root (sudo make uninstall)"; fi
if [ -e "$PREFIX" ] && [ ! -L "$PREFIX" ]; then fail "$PREFIX was not put there by make install: remove it by what did"; fi
if [ -d "$ROOT/run/systemd/system" ] && [ -e "$UNIT" ]; then
    systemctl disable --quiet --now devicemgr.service || fail "the service does not stop: see systemctl status devicemgr"
fi
rm -f -- "$ROOT/usr/local/share/man/man1/devicemgr.1"
rm -f -- "$UNIT" "$ROOT/usr/local/bin/devicemgr" "$ROOT/usr/lib/sysusers.d/devicemgr.conf" "$PREFIX"
for old in "$PREFIX"-????????????; do rm -rf -- "$old"; done
if [ -e "$RULES" ] && ! grep -q '^[^#].*SYMLINK' "$RULES"; then rm -f -- "$RULES"; fi
if [ -d "$ROOT/run/systemd/system" ]; then systemctl daemon-reload; fi
say "removed the program and its service"
if [ -e "$RULES" ]; then say "kept $RULES: it names this site's devices; rm it when nothing uses these names"; fi
for kept in "$UNIT.d" "$ROOT/etc/devicemgr"; do
    if [ -e "$kept" ]; then say "kept $kept: settings and keys of this box"; fi
done
if [ -d "$STATE" ]; then
    say "kept $STATE: people, keys and the record. To destroy it all, the keys first, so that no copy of it opens:"
    say "  sudo find $STATE/keys $ROOT/etc/devicemgr -type f -exec shred -u {} +"
    say "  sudo rm -rf $STATE $ROOT/etc/devicemgr && sudo userdel devicemgr"
    say "Backups open by their passphrase still: delete them and every people.keys too."
fi
