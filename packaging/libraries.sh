#!/usr/bin/env bash
# Installs exactly what a lock names into an environment: packaging/libraries.sh PYTHON LOCK
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=packaging/common.sh
. "$HERE/packaging/common.sh"
[ $# -eq 2 ] || fail "usage: packaging/libraries.sh PYTHON LOCK"
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
install_libraries "$1" "$2"
