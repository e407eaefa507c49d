# Everything runs in .venv, made from the hash-pinned lock by plain pip, and compiled. Bytecode is written whatever the
# environment says: else each start of a command compiles changed modules again, and each worker of pytest all tests.
export PYTHONDONTWRITEBYTECODE :=
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The desk: Node comes by pip and its libraries by npm, into .venv; only building it needs them.
DESK := devicemgr/web
TOOLS := $(VENV)/desk
NODE := $(abspath $(BIN)/node)
MODULES := $(abspath node_modules)
BUILT := $(DESK)/dist/index.html
SCHEMA := $(DESK)/src/api/schema.d.ts
SOURCES := $(shell find $(DESK)/src $(DESK)/i18n -type f) $(DESK)/index.html $(DESK)/vite.config.ts $(DESK)/tsconfig.json

.PHONY: setup demo test lint check format bench install uninstall bundle deb lock faults sabotage sbom man screens \
	desk desk-check desk-lock

setup: $(READY)

$(READY): requirements-dev.lock pyproject.toml packaging/libraries.sh packaging/common.sh
	$(PYTHON) -m venv $(VENV)
	packaging/libraries.sh $(BIN)/python requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	$(BIN)/python -m compileall -q cli.py devicemgr drivers enrollment udev
	touch $@

# The desk, in the files that the daemon serves.
desk: $(BUILT)

$(BUILT): $(SOURCES) $(TOOLS)/.ready $(TOOLS)/openapi.json
	$(NODE) $(MODULES)/openapi-typescript/bin/cli.js $(TOOLS)/openapi.json -o $(SCHEMA) >/dev/null
	cd $(DESK) && $(NODE) $(MODULES)/vite/bin/vite.js build --logLevel warn

# Written again only where it differs, so that the desk is not built for each change of the API.
$(TOOLS)/openapi.json: $(TOOLS)/.described
	@:

$(TOOLS)/.described: $(shell find devicemgr/api devicemgr/domain -name '*.py') $(SOURCES) packaging/desk_schema.py $(TOOLS)/.ready
	$(BIN)/python packaging/desk_schema.py >$(TOOLS)/openapi.new
	cmp -s $(TOOLS)/openapi.new $(TOOLS)/openapi.json || mv $(TOOLS)/openapi.new $(TOOLS)/openapi.json
	touch $@

# Node finds libraries in a folder above the sources: a link there leads into .venv.
$(TOOLS)/.ready: $(DESK)/package.json $(DESK)/package-lock.json $(VENV)/.node
	mkdir -p $(TOOLS)
	cp $(DESK)/package.json $(DESK)/package-lock.json $(TOOLS)
	cd $(TOOLS) && PATH="$(abspath $(BIN)):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel error
	ln -sfn $(TOOLS)/node_modules node_modules
	touch $@

$(VENV)/.node: requirements-desk.lock $(READY)
	packaging/libraries.sh $(BIN)/python requirements-desk.lock
	touch $@

# Types against the present API, lint and the tests of what needs no browser.
desk-check: $(TOOLS)/.ready $(TOOLS)/openapi.json
	$(NODE) $(MODULES)/openapi-typescript/bin/cli.js $(TOOLS)/openapi.json -o $(TOOLS)/schema.d.ts >/dev/null
	cmp $(TOOLS)/schema.d.ts $(SCHEMA) || { echo "$(SCHEMA) is not that of the API: make desk"; exit 1; }
	cd $(DESK) && $(NODE) $(MODULES)/typescript/bin/tsc
	cd $(DESK) && $(NODE) $(MODULES)/eslint/bin/eslint.js .
	cd $(DESK) && $(NODE) $(MODULES)/vitest/vitest.mjs run --reporter=dot

demo: $(READY)
	$(BIN)/devicemgr demo

# The browser's tests come last and by themselves: beside them, two cores are too busy for tests of devices that are in time.
test: $(READY) $(BUILT)
	$(BIN)/pytest -q -n 3 --dist worksteal --ignore tests/desk
	$(BIN)/pytest -q -n 2 --dist loadfile tests/desk

# Format, lint, spelling, types and contracts between packages; no tests but the quick ones of the desk's pure parts.
lint: $(READY) desk-check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell *.md docs cli.py devicemgr drivers enrollment packaging udev
	$(BIN)/mypy
	$(BIN)/lint-imports

# The developer's gate: `lint` and the fast tests.
check: lint $(BUILT)
	$(BIN)/pytest -q -n 3 --dist worksteal -m "not e2e"

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/devicemgr bench

# The long fault runs; the short ones are part of `make test`.
faults: $(READY)
	DEVICEMGR_READS=300 $(BIN)/pytest -q -s tests/scenarios/test_evil_drivers.py
	DEVICEMGR_KILLS=200 DEVICEMGR_STEPS=200 DEVICEMGR_FIRES=2500 DEVICEMGR_QUESTIONS=1000000 DEVICEMGR_INTERLEAVINGS=10000 \
		$(BIN)/pytest -q -n 4 --maxschedchunk 1 --durations 12 --timeout 900 \
		-m "faults or scaled" --deselect tests/scenarios/test_evil_drivers.py

# What bad changes would do, each in a copy of this tree, and whether the tests catch it.
sabotage: $(READY)
	$(BIN)/python tests/sabotage/run.py

# CycloneDX, made from the lock alone.
sbom:
	@$(PYTHON) packaging/sbom.py

# The manual page; `make install` and the Debian package write it too.
man: $(READY)
	mkdir -p dist
	$(BIN)/python packaging/man_page.py dist/devicemgr.1

# docs/screens.md, of what the commands print now.
screens: $(READY)
	DEVICEMGR_WRITE_SCREENS=1 $(BIN)/pytest -q tests/devicemgr/cli/test_screens.py

# ROOT=FOLDER installs below a scratch folder.
install:
	ROOT="$(ROOT)" packaging/install.sh

uninstall:
	ROOT="$(ROOT)" packaging/uninstall.sh

# A folder of wheels to install from without a network.
bundle:
	packaging/bundle.sh

# A Debian package that carries its environment.
deb:
	packaging/deb.sh

# uv resolves, in an environment of its own; pip installs; the locks name no registry.
UV := .lock-venv/bin/uv
lock: $(UV)
	$(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-annotate -q pyproject.toml -o requirements.lock
	$(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-annotate -q pyproject.toml --extra demo --group dev -o requirements-dev.lock
	$(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-annotate -q --group desk -c requirements-dev.lock -o requirements-desk.lock

# Without addresses, so that npm takes them from whatever registry it is set to.
desk-lock: $(VENV)/.node
	mkdir -p $(TOOLS)
	cp $(DESK)/package.json $(TOOLS)
	cd $(TOOLS) && rm -f package-lock.json && PATH="$(abspath $(BIN)):$$PATH" npm install --package-lock-only \
		--omit-lockfile-registry-resolved --no-audit --no-fund
	cp $(TOOLS)/package-lock.json $(DESK)

$(UV):
	$(PYTHON) -m venv .lock-venv
	.lock-venv/bin/pip install -q --disable-pip-version-check uv
