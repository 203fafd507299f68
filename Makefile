# `make help` lists what there is. Everything sets itself up on a machine with python3 (3.11 or newer), make and git.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo simulate check test lint types graph fmt unit coverage mutants bench soak topology docs measure wheels package templates previews requirements pictures clean

PYTHON ?= python3
VENV := .venv
HOUSE := .cache/house
MUTANTS := .cache/mutants
KQL := .cache/kql
DIST := dist
BIN := $(VENV)/bin
MEMBERS := libs/common libs/servicebus-local libs/simulators libs/operations libs/stack libs/deployment libs/functions libs/simulation libs/console libs/cli services/fetcher services/normalizer services/publisher
# The name under which a member is installed: `mti-` before its folder's, but for what is of use to others too.
distribution = $(if $(filter libs/servicebus-local,$1),servicebus-local,mti-$(notdir $1))
empty :=
SOURCES := $(subst $(empty) ,:,$(MEMBERS:%=%/src))
# The tests whose code runs in their own process, for the most part: what `make coverage` measures.
IN_PROCESS := $(addprefix tests/,common fetcher normalizer publisher contract defects operations deployment cli console simulators simulation stack)
COSMOS := tests/support/cosmos
JAVASCRIPT := tests/support/javascript
AXE := tests/support/axe
# The function apps run on Python 3.13; their tests need one, and are skipped without.
FUNCTIONS := .cache/functions
FUNCTIONS_PYTHON := 3.13
FUNCTIONS_PLATFORM := x86_64-manylinux2014
# The members that an app's package holds beside its service.
FUNCTIONS_MEMBERS := libs/common libs/operations libs/deployment libs/functions services/fetcher services/normalizer services/publisher
# Microsoft's Bicep compiler, for `make templates` and for the tests of the templates, which are skipped without it.
BICEP ?= bicep
# The tests mostly wait, for links to open and locks to run out: three times as many processes as cores keep the cores busy.
JOBS ?= 6
# Where a shell forbids Python to keep compiled modules, every process of every test compiles all that it imports again.
export PYTHONDONTWRITEBYTECODE :=
# uv from the PATH, else one of our own under .cache/
UV := $(or $(shell command -v uv 2>/dev/null),.cache/uv/bin/uv)

help:  ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready $(HOUSE)/.ready $(KQL)/.ready $(FUNCTIONS)/.ready $(COSMOS)/node_modules/.ready $(JAVASCRIPT)/node_modules/.ready $(AXE)/node_modules/.ready  ## Install everything into .venv (pinned, with hashes)

demo: $(VENV)/.ready  ## Run the whole pipeline on simulated feeds, reconcile it, and keep it in .cache/demo
	rm -rf .cache/demo
	$(BIN)/mti demo --data .cache/demo

simulate: $(VENV)/.ready  ## Simulate 1,000 tenants: do quiet ones notice noisy ones? (ARGS="--seed 1")
	$(BIN)/mti simulate $(ARGS)

check: $(VENV)/.ready  ## The inner loop: lint, types and the pure tests, in less than a minute
	@# Only modules with pure tests are collected: importing the others takes longer than the tests.
	@SECONDS=0; $(MAKE) --no-print-directory lint types; \
	$(BIN)/pytest -q -n 2 -m pure $(ARGS) $$(grep -rl --include='test_*.py' '^pytestmark = .*pytest\.mark\.pure' tests); \
	echo "checked in $$SECONDS s"

test: setup lint types unit  ## Lint, check types and run the tests

lint: $(VENV)/.ready  ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready  ## Check types (mypy, strict)
	$(BIN)/mypy $(MEMBERS:%=%/src) infra tests

graph: $(HOUSE)/.ready  ## Print who imports whom, members and packages, and whether the house's contracts hold
	PYTHONPATH=$(SOURCES) $(HOUSE)/bin/python -m tests.house.graph

fmt: $(VENV)/.ready  ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

unit: setup  ## Run the tests alone (ARGS="-k name" narrows them)
	@# The workers collect at the same time: on a fresh clone each of them would compile all tests for itself.
	test -d tests/house/__pycache__ || $(BIN)/pytest --collect-only -qq >/dev/null || true
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not soak" $(ARGS)

coverage: setup  ## Measure what the in-process tests cover, lines and branches, against the floors
	mkdir -p .cache/coverage
	$(BIN)/pytest -q -n $(JOBS) --dist loadgroup -m "not soak" --cov --cov-report=json:.cache/coverage/report.json $(IN_PROCESS)
	$(BIN)/python -m tests.house.floors .cache/coverage/report.json

mutants: $(MUTANTS)/.ready  ## Change the pure modules: do their tests notice? (ARGS="mti.common.halving")
	$(MUTANTS)/bin/python -m tests.house.mutants $(ARGS)

bench: setup  ## Run the benchmarks: ratios, build/bench.json, exit 1 when a claim of docs/performance.md fails (ARGS=--quick)
	$(BIN)/python -m tests.bench $(ARGS)

soak: setup  ## Run the long tests
	$(BIN)/pytest -m soak --timeout 3600 $(ARGS)

docs: $(VENV)/.ready  ## Write the parts of docs/ that come from the code anew
	$(BIN)/python -m tests.house.pages

measure: $(VENV)/.ready  ## Measure anew what each step asks of store and bus, for `mti cost`, and write the pages of it
	$(BIN)/python -m tests.support.measuring
	$(BIN)/python -m tests.house.pages

pictures: setup  ## Make the screenshots of docs/images anew (needs Chromium)
	$(BIN)/python -m tests.support.pictures

topology: $(VENV)/.ready  ## Write the documents that are made from the topology of the bus
	$(BIN)/python -m mti.common.topology config > libs/stack/src/mti/stack/Config.json
	$(BIN)/python -m mti.common.topology emulator > infra/emulator/Config.json

wheels: $(VENV)/.ready  ## Build the wheels into dist/ (offline, the same bytes each time)
	@# Hatchling itself, as pinned: nothing is fetched, and its time stamps are constant (or SOURCE_DATE_EPOCH).
	for member in $(MEMBERS); do \
	  (cd $$member && $(abspath $(BIN))/python -m hatchling build -t wheel -d $(abspath $(DIST))); \
	done

package: wheels $(UV)  ## Build wheels, function apps, image context, bills of materials and licences into dist/ (the same bytes each time)
	$(BIN)/python -m infra.packages --dist $(DIST) --uv $(UV)

templates: $(VENV)/.ready  ## Write what the templates share with the code, and compile them (BICEP=…)
	$(BIN)/python -m infra.generate
	$(BIN)/python -m infra.sentinel.generate
	cd infra/bicep && for kind in bicep bicepparam; do $(BICEP) format --pattern "**/*.$$kind"; done
	$(BICEP) build infra/bicep/main.bicep --outfile infra/azuredeploy.json

previews: $(VENV)/.ready  ## Photograph the dashboards for the gallery and docs (needs Chromium)
	$(BIN)/python -m infra.sentinel.previews

requirements: $(UV)  ## Compile the pinned requirements again (UPGRADE=1 moves them)
	$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 --all-extras $(if $(UPGRADE),--upgrade) \
	  $(foreach m,$(MEMBERS),--no-emit-package $(call distribution,$(m))) --custom-compile-command 'make requirements' \
	  $(MEMBERS:%=%/pyproject.toml) requirements/dev.in -o requirements/dev.txt
	$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 \
	  $(foreach m,$(MEMBERS),--no-emit-package $(call distribution,$(m))) --custom-compile-command 'make requirements' \
	  -c requirements/dev.txt $(MEMBERS:%=%/pyproject.toml) requirements/build.in -o requirements/runtime.txt
	$(UV) pip compile -q --generate-hashes --python-version $(FUNCTIONS_PYTHON) --python-platform $(FUNCTIONS_PLATFORM) \
	  $(foreach m,$(MEMBERS),--no-emit-package $(call distribution,$(m))) --custom-compile-command 'make requirements' \
	  -c requirements/runtime.txt libs/common/pyproject.toml libs/operations/pyproject.toml \
	  $(filter services/%,$(MEMBERS:%=%/pyproject.toml)) requirements/functions.in -o requirements/functions.txt
	$(UV) pip compile -q --generate-hashes --python-version $(FUNCTIONS_PYTHON) --python-platform $(FUNCTIONS_PLATFORM) \
	  --custom-compile-command 'make requirements' -c requirements/functions.txt -c requirements/dev.txt \
	  requirements/worker.in -o requirements/worker.txt
	$(UV) pip compile -q --universal --generate-hashes --custom-compile-command 'make requirements' requirements/uv.in -o requirements/uv.txt
	$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 --custom-compile-command 'make requirements' \
	  requirements/house.in -o requirements/house.txt
	$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 \
	  $(foreach m,$(MEMBERS),--no-emit-package $(call distribution,$(m))) --custom-compile-command 'make requirements' \
	  -c requirements/dev.txt $(MEMBERS:%=%/pyproject.toml) requirements/mutants.in -o requirements/mutants.txt
	$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 --custom-compile-command 'make requirements' \
	  requirements/kql.in -o requirements/kql.txt
	$(UV) pip compile -q --universal --generate-hashes --custom-compile-command 'make requirements' requirements/node.in -o requirements/node.txt

clean:  ## Remove what setup made
	rm -rf $(VENV) $(DIST) .cache .mypy_cache .pytest_cache .ruff_cache $(COSMOS)/node_modules $(JAVASCRIPT)/node_modules $(AXE)/node_modules

.cache/uv/bin/uv: requirements/uv.txt
	$(PYTHON) -m venv .cache/uv
	.cache/uv/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	touch $@

$(VENV)/.ready: requirements/dev.txt $(MEMBERS:%=%/pyproject.toml) | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …")'
	test -x $(BIN)/python || $(UV) venv -q --python $$(command -v $(PYTHON)) $(VENV)
	$(UV) pip sync -q --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	touch $@

$(HOUSE)/.ready: requirements/house.txt | $(UV)
	test -x $(HOUSE)/bin/python || $(UV) venv -q --python $$(command -v $(PYTHON)) $(HOUSE)
	$(UV) pip sync -q --python $(HOUSE)/bin/python --require-hashes requirements/house.txt
	touch $@

# The worker that the platform runs, with what the packages of the apps hold. Without a Python 3.13 there is nothing to do.
$(FUNCTIONS)/.ready: requirements/functions.txt requirements/worker.txt $(FUNCTIONS_MEMBERS:%=%/pyproject.toml) | $(UV)
	mkdir -p $(FUNCTIONS)
	@# A shim of pyenv may be on the PATH and start nothing.
	python=; for each in python$(FUNCTIONS_PYTHON) "$$HOME"/.pyenv/versions/$(FUNCTIONS_PYTHON).*/bin/python; do \
	  "$$each" -V >/dev/null 2>&1 && python=$$each; done; \
	test -n "$$python" || { echo "no Python $(FUNCTIONS_PYTHON): the worker library will not be run"; touch $@; exit 0; }; \
	test -x $(FUNCTIONS)/bin/python || $(UV) venv -q --allow-existing --python "$$(command -v $$python)" $(FUNCTIONS); \
	$(UV) pip sync -q --compile-bytecode --python $(FUNCTIONS)/bin/python --require-hashes requirements/functions.txt requirements/worker.txt; \
	$(UV) pip install -q --python $(FUNCTIONS)/bin/python --no-deps --no-build-isolation $(FUNCTIONS_MEMBERS:%=-e %)
	touch $@

$(MUTANTS)/.ready: requirements/mutants.txt | $(UV)
	test -x $(MUTANTS)/bin/python || $(UV) venv -q --python $$(command -v $(PYTHON)) $(MUTANTS)
	$(UV) pip sync -q --python $(MUTANTS)/bin/python --require-hashes requirements/mutants.txt
$(KQL)/.ready: requirements/kql.txt | $(UV)
	test -x $(KQL)/bin/python || $(UV) venv -q --python $$(command -v $(PYTHON)) $(KQL)
	$(UV) pip sync -q --python $(KQL)/bin/python --require-hashes requirements/kql.txt
	touch $@

# The Cosmos DB protocol server that the contract tests talk to runs on Node: the machine's, else one from PyPI.
%/node_modules/.ready: %/package-lock.json | $(VENV)/.ready
	command -v npm >/dev/null || $(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/node.txt
	cd $* && PATH="$$PATH:$(abspath $(BIN))" npm ci --silent --no-audit --no-fund
	touch $@
