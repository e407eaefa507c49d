# shellcheck shell=bash disable=SC2153
# What install.sh, uninstall.sh, bundle.sh and deb.sh share. Sourced, never run.
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
WORK=
# What builds the wheel of this product, and the one package that builds the lock's sources; all pinned by the locks.
readonly WHEEL_BUILDERS="hatchling packaging pathspec pluggy tomlkit trove-classifiers" SOURCE_BUILDERS="setuptools"

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

say() { printf '%s\n' "$*" >&2; }

# log file: the line that names the cause. pip's last line only repeats that something failed, and its cause may be a
# warning above it (no network), a compiler's line, or the disk.
cause_of() {
    local pattern line
    for pattern in 'No space left|Disk quota|Read-only file system|Permission denied' \
        'DO NOT MATCH THE HASHES|are missing from the requirements file' \
        'Name or service not known|Temporary failure in name resolution|NameResolution|NewConnectionError|Connection refused|unreachable|timed out|Max retries|SSLError|CERTIFICATE_VERIFY|ProxyError' \
        'error: command |fatal error:|Backend.*Unavailable|ModuleNotFoundError|requires a different Python|is not a supported wheel' \
        '^ *(ERROR|error|Error|fatal)' 'rror'; do
        line=$(grep -m 1 -E "$pattern" "$1" | cut -c 1-300 || true)
        if [ -n "$line" ]; then
            printf '%s' "$line" | sed 's/^[[:space:]]*//'
            return
        fi
    done
    tail -n 1 "$1" | cut -c 1-300
}

# what it is, the command: its output is kept, and only where it fails its cause is shown and its log named.
quietly() {
    local what=$1 kept
    shift
    if ! "$@" >"$WORK/log" 2>&1; then
        kept=$(mktemp "${TMPDIR:-/tmp}/devicemgr-install-XXXXXX.log")
        cp "$WORK/log" "$kept"
        fail "$what failed: $(cause_of "$kept") (all of its output: $kept); correct that and run this again"
    fi
}

check_python() {
    command -v "$PYTHON" >/dev/null || fail "$PYTHON is missing: install Python 3.11 or later, or set PYTHON"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$PYTHON is too old: set PYTHON to 3.11 or later"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || fail "$PYTHON has no venv: apt-get install python3-venv"
}

# folder, MB: refuse before anything is written, not in the middle.
check_space() {
    local there=$1 free
    while [ ! -d "$there" ]; do there=$(dirname "$there"); done
    free=$(df --output=avail -BM "$there" | tail -n 1 | tr -dc 0-9)
    [ "${free:-0}" -ge "$2" ] || fail "only ${free:-0} MB are free in $there, $2 MB are needed: make room and run this again"
}

locked() { # lock file, names: their entries with their digests
    awk -v names="$2" 'BEGIN { split(names, list, " "); for (i in list) wanted[list[i]] }
        /^[a-zA-Z0-9]/ { split($1, part, "=="); keep = part[1] in wanted } keep' "$1"
}

# python of an environment, lock, more options of pip: exactly the lock. Its sources are built with the setuptools of
# the lock: with build isolation pip would fetch the newest one, by no digest, and run it.
install_libraries() {
    local python=$1 lock=$2
    shift 2
    locked "$lock" "$SOURCE_BUILDERS" >"$WORK/builders.lock"
    quietly "installing what builds the libraries" "$python" -m pip install --no-deps --require-hashes \
        --only-binary :all: "$@" -r "$WORK/builders.lock"
    quietly "installing the libraries" "$python" -m pip install --no-deps --require-hashes --no-build-isolation \
        "$@" -r "$lock"
}

# source tree, folder for the wheel: sets WHEEL.
build_wheel() {
    say "building the wheel"
    locked "$1/requirements-dev.lock" "$WHEEL_BUILDERS" >"$WORK/build.lock"
    quietly "making the build environment" "$PYTHON" -m venv "$WORK/build"
    quietly "fetching hatchling" "$WORK/build/bin/python" -m pip install --no-deps --require-hashes --only-binary :all: \
        -r "$WORK/build.lock"
    quietly "building the wheel" "$WORK/build/bin/python" -m pip wheel --no-deps --no-build-isolation -w "$2" "$1"
    WHEEL=$(find "$2" -maxdepth 1 -name 'devicemgr-*.whl')
    [ -f "$WHEEL" ] || fail "the wheel was not built"
}
