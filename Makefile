# make run     an emulated RAK7391, Node-RED, and the flows of this project as tabs
# make check   lint and the tests that are fast, in less than two minutes
# make test    everything that can be checked here
# make coverage  branch coverage of the package, with that of the processes that tests start
# make generate  write nodes, help, docs tables and the Python client's classes from the modules' descriptions
# make language NAME=fr   begins a translation; without NAME, brings those that are there to the English of today
# make soak    everything at once for MINUTES, decided by SEED; SUMMARY=file keeps what it found
# make reliability  the tests and a soak, and docs/reliability.md of what they tried
# make fuzz    every parser for its share of SECONDS, led by coverage (needs atheris, which it installs)
# make attacks  what clients that mean harm can do: RUNS of each attack, crowds, and stops (some 40 minutes)
# make screenshots   the pictures of the sidebar in docs/, from the real editor
# make usability   clicks, time and cost of the sidebar, measured and written into docs/usability.md
# make bench   speed as ratios, side by side with what a user would take instead
# make performance  the same five times on a quiet computer, and docs/performance.md of it (some 35 minutes)
# make module NAME=RAK1901 CHIP=SHTC3   the skeletons of a new module: docs/add-a-module.md (also ADDRESS=0x70, FAMILY=sensors)
# make dist    everything for an installation without network: docs/offline.md
# make docs    the documentation site in .run/site, its links checked
# make arm     the package, every module and their tests on PLATFORM=arm64 or armhf, SUITE=bookworm or trixie, under QEMU (root only)
# make deb     a Debian package with everything in it: PLATFORM=arm64, armhf or amd64
#
# Every target sets up what it needs; the Debian packages are named in README.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
FLOW ?=
MINUTES ?= 5
SEED ?= 7391
SECONDS ?= 600
RUNS ?= 20
SUMMARY ?=
PLATFORM ?=
PYTHON_VERSION ?=
SUITE ?=
NAME ?=
CHIP ?=
ADDRESS ?=
FAMILY ?=

.PHONY: run check test test-fast test-python test-deb test-lower-bounds test-newest-python test-nodes test-editor test-editor-4 test-editor-5 coverage lint generate language screenshots usability module bench attacks dist deb arm docs clean soak reliability fuzz

$(STAMPS)/python: pyproject.toml
	@mkdir -p $(STAMPS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade "pip>=23" "setuptools>=77" wheel
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@

$(STAMPS)/node: package.json package-lock.json
	@mkdir -p $(STAMPS)
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/node-red-5: tests/node-red-5/package.json tests/node-red-5/package-lock.json
	@mkdir -p $(STAMPS)
	npm ci --prefix tests/node-red-5 --no-audit --no-fund --loglevel=error
	@touch $@

run: $(STAMPS)/python $(STAMPS)/node
	node scripts/run.mjs $(if $(FLOW),--flow "$(FLOW)")

check:
	$(MAKE) --jobs=2 --output-sync=target test-fast lint

# The longest first, and three at a time: they wait for a third of their time, so both cores of a small computer are busy
# until the end. The tests of the nodes count what Node-RED's event loop is held up: they run beside lint, one process.
test:
	$(MAKE) --jobs=2 --output-sync=target $(STAMPS)/docs $(STAMPS)/node $(STAMPS)/node-red-5
	$(MAKE) --jobs=2 --output-sync=target test-nodes lint
	$(MAKE) --jobs=3 --output-sync=target test-python test-editor soak test-lower-bounds test-newest-python SUMMARY=.run/soak.json
	$(BIN)/python -m tests.reliability .run/tests.xml .run/soak.json --out .run/reliability.md

lint: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	npx eslint .
	npx tsc
	$(BIN)/lint-imports --no-cache
	node scripts/generate.mjs --check
	$(BIN)/python scripts/module_index.py --check
	$(BIN)/python scripts/generate_client.py --check
	$(BIN)/python scripts/include_examples.py --check

test-fast: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/pytest -q -m "not slow" -n 2 --dist loadfile

test-python: $(STAMPS)/docs $(STAMPS)/node
	@mkdir -p .run
	$(BIN)/pytest -q -n 2 --dist loadfile --junitxml=.run/tests.xml

coverage: $(STAMPS)/python $(STAMPS)/node
	@mkdir -p .run
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n 2 --dist loadfile --timeout 300
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

# The Debian package in Debian systems of its own, which only root can make.
test-deb: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/pytest -q -m systems tests/project

# The oldest libraries that pyproject.toml allows, and the newest Python of this computer.
test-lower-bounds: $(STAMPS)/python
	$(BIN)/python scripts/other_pythons.py bounds

test-newest-python: $(STAMPS)/python
	$(BIN)/python scripts/other_pythons.py newest

test-nodes: $(STAMPS)/python $(STAMPS)/node
	npm run --silent test:nodes

# The editor and every flow, on Node-RED 5 with Node.js 24, then on Node-RED 4.1 with the Node.js of this computer: `make run`, which
# both try, writes into this folder.
test-editor: $(STAMPS)/python $(STAMPS)/node $(STAMPS)/node-red-5
	$(MAKE) test-editor-5
	$(MAKE) test-editor-4

test-editor-4: $(STAMPS)/python $(STAMPS)/node
	npm run --silent test:editor

test-editor-5: $(STAMPS)/python $(STAMPS)/node $(STAMPS)/node-red-5
	NODE_RED_DIR=tests/node-red-5/node_modules/node-red npm run --silent test:editor

generate: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/wisblock-bridge catalogue --out node-red-nodes/catalogue.json
	$(BIN)/python scripts/module_index.py
	node scripts/generate.mjs
	$(BIN)/python scripts/generate_client.py
	$(BIN)/python scripts/include_examples.py
	$(BIN)/python scripts/structure.py --svg docs/architecture.svg
	$(BIN)/python scripts/manual.py --out docs/wisblock-bridge.1

language: $(STAMPS)/node
	node scripts/language.mjs $(NAME)

screenshots: $(STAMPS)/python $(STAMPS)/node $(STAMPS)/node-red-5
	node scripts/screenshots.mjs

usability: $(STAMPS)/python $(STAMPS)/node $(STAMPS)/node-red-5
	node scripts/usability.mjs

module:
	@test -n "$(NAME)" -a -n "$(CHIP)" || { echo "make module NAME=RAK1901 CHIP=SHTC3 [ADDRESS=0x70] [FAMILY=sensors]"; exit 2; }
	@$(PYTHON) scripts/new_module.py $(NAME) $(CHIP) $(if $(ADDRESS),--address $(ADDRESS)) $(if $(FAMILY),--family $(FAMILY))

$(STAMPS)/bench: $(STAMPS)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[test,bench]"
	@touch $@

bench: $(STAMPS)/bench $(STAMPS)/node
	$(BIN)/python -m benchmarks

.PHONY: performance
performance: $(STAMPS)/bench $(STAMPS)/node
	$(BIN)/python -m benchmarks --runs 5 --json .run/performance.json --out docs/performance.md

attacks: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/python -m benchmarks.attacks --runs $(RUNS)

soak: $(STAMPS)/python
	$(BIN)/python -m tests.soak --minutes $(MINUTES) --seed $(SEED) $(if $(SUMMARY),--summary "$(SUMMARY)")

reliability: $(STAMPS)/python $(STAMPS)/node
	$(MAKE) --jobs=2 test-python soak SUMMARY=.run/soak.json
	$(BIN)/python -m tests.reliability .run/tests.xml .run/soak.json

$(STAMPS)/fuzz: $(STAMPS)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[test,fuzz]"
	@touch $@

fuzz: $(STAMPS)/fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

dist: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/python scripts/dist.py $(if $(PLATFORM),--platform $(PLATFORM)) $(if $(PYTHON_VERSION),--python $(PYTHON_VERSION))

arm: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/python -m scripts.debian.arm $(if $(PLATFORM),--architecture $(PLATFORM)) $(if $(SUITE),--suite $(SUITE))

deb: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/python -m scripts.debian.deb $(if $(PLATFORM),--architecture $(PLATFORM))

$(STAMPS)/docs: $(STAMPS)/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[test,docs]"
	@touch $@

docs: $(STAMPS)/docs
	$(BIN)/python scripts/site.py

clean:
	rm -rf $(STAMPS) $(VENV) node_modules tests/node-red-5/node_modules dist build .run tests/.cache
