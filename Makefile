# make run     an emulated RAK7391, Node-RED, and the flows of this project as tabs
# make test    everything that can be checked here
# make press   print nodes, help and docs tables from the modules' descriptions
# make bench   speed as ratios, side by side with what a user would take instead
# make dist    wheel and packed nodes
#
# Every target sets up what it needs; the Debian packages are named in README.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
FLOW ?=

.PHONY: run test test-python test-nodes test-editor lint press bench dist clean

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

test: lint test-python test-nodes test-editor

lint: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	npx eslint .
	node scripts/press.mjs --check

test-python: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/pytest -q

test-nodes: $(STAMPS)/python $(STAMPS)/node
	npm run --silent test:nodes

# The editor and every flow, on Node-RED 4.1 with the Node.js of this computer and on Node-RED 5 with Node.js 24.
test-editor: $(STAMPS)/python $(STAMPS)/node $(STAMPS)/node-red-5
	npm run --silent test:editor
	NODE_RED_DIR=tests/node-red-5/node_modules/node-red npm run --silent test:editor

press: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/wisblock-bridge catalogue --out node-red-nodes/catalogue.json
	node scripts/press.mjs

bench: $(STAMPS)/python $(STAMPS)/node
	$(BIN)/python -m benchmarks

dist: $(STAMPS)/python $(STAMPS)/node
	rm -rf dist && mkdir -p dist
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	npm pack --silent --pack-destination dist

clean:
	rm -rf $(STAMPS) $(VENV) node_modules tests/node-red-5/node_modules dist build .run tests/.cache
