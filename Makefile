# Everything a person needs, each target from a fresh clone. `make help` lists them.
# Nothing outside this folder is written but the store itself ($AGENT_STORE_HOME, by default ~/.agent-store).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
VENV := .venv
TOOLS := .tools
READY := $(VENV)/.agent-store-ready
TESTING := $(VENV)/.agent-store-testing
PY := $(VENV)/bin/python
ARGS ?=
# Processes that run tests side by side: a build needs a core and a gigabyte of memory.
JOBS ?= 2
# A virtual environment holds the path it was made at: one that came along with a moved clone is made again.
MOVED := $(shell [ ! -s $(READY) ] || [ "$$(cat $(READY))" = "$$(pwd -P)" ] || echo moved)

# uv installs from the lock file into .venv; it lives in a virtual environment of its own, so that neither removes the other.
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_CACHE_DIR ?= $(CURDIR)/$(TOOLS)/cache
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE ?= hardlink
# The certificates that the machine trusts, as pip and git do: behind a company's proxy the ones built into uv are not enough.
export UV_SYSTEM_CERTS ?= true
export UV_NO_PROGRESS ?= 1
export VIRTUAL_ENV :=
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := False

.PHONY: help embeddings notebook build test browser postgres charts fuzz lint docs bench report doctor clean setup moved

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## Install what a user needs, from the lock file, into .venv.

$(READY): pyproject.toml uv.lock $(MOVED)
	@python=""; \
	for candidate in $${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do \
	    if "$$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (4,))' 2>/dev/null; then \
	        python=$$("$$candidate" -c 'import sys; print(sys.executable)'); break; \
	    fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Agent Store needs Python 3.11 or newer; found: $$(python3 --version 2>/dev/null || echo none)." >&2; \
	    echo "Install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; \
	fi; \
	uv=$(TOOLS)/uv/bin/uv; \
	if [ "$$("$$uv" --version 2>/dev/null | awk '{print $$2}')" != "$(UV_VERSION)" ]; then \
	    echo "Installing uv $(UV_VERSION) into $(TOOLS)/uv …"; \
	    rm -rf $(TOOLS)/uv; \
	    "$$python" -m venv $(TOOLS)/uv || { \
	        echo "This Python cannot make virtual environments (on Debian and Ubuntu: apt install python3-venv)." >&2; \
	        exit 1; }; \
	    $(TOOLS)/uv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
	        "uv==$(UV_VERSION)" 2>&1 | { grep -v '^WARNING: Location' || true; }; \
	    "$$uv" --version >/dev/null; \
	fi; \
	if [ -n "$(MOVED)" ]; then echo "The clone has moved: making $(VENV) again."; rm -rf $(VENV); fi; \
	if [ -e $(VENV) ] && ! $(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "$(VENV) does not hold a working Python 3.11 or newer: making it again."; \
	    rm -rf $(VENV); \
	fi; \
	[ -e $(VENV) ] || "$$uv" venv --quiet --python "$$python" $(VENV); \
	echo "Installing from uv.lock into $(VENV) …"; \
	"$$uv" sync --quiet --frozen --no-dev --inexact --compile-bytecode --python $(PY)
	@pwd -P > $@

$(TESTING): $(READY)
	@echo "Installing linters and test tools …"
	@$(TOOLS)/uv/bin/uv sync --quiet --frozen --inexact --compile-bytecode --python $(PY)
	@touch $@

embeddings: $(READY) ## Install the extra for search by meaning (19 MB, its model included).
	@$(TOOLS)/uv/bin/uv sync --quiet --frozen --no-dev --inexact --compile-bytecode --extra embeddings --python $(PY)

notebook: $(READY) ## Install the extra for the notebook (about 200 MB) and open it in the browser.
	@$(TOOLS)/uv/bin/uv sync --quiet --frozen --no-dev --inexact --compile-bytecode --extra notebook --python $(PY)
	@$(PY) -m marimo run analyses/explore.py $(ARGS)

build: $(READY) ## Land the transcripts, build, test and publish the store, and print the report.
	@$(PY) -m agent_store.cli build $(ARGS)

report: $(READY) ## Print the report of the published store.
	@$(PY) -m agent_store.cli report $(ARGS)

doctor: $(READY) ## Check the installation, the roots and the store.
	@$(PY) -m agent_store.cli doctor $(ARGS)

lint: $(TESTING) ## Check the style of Python, YAML and SQL.
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(PY) -m yamllint --strict .
	@$(PY) -m sqlfluff lint --disable-progress-bar --nocolor --processes 2 models macros analyses tests/generic tests/invariants

# Tests need programs of the system: a browser for the dashboard, a database server for lakes. They are installed where the
# tests may install something.
browser: HERE = command -v chromium && command -v chromedriver
browser: PACKAGES = chromium chromium-driver
postgres: HERE = command -v initdb || ls /usr/lib/postgresql/*/bin/initdb
postgres: PACKAGES = postgresql
browser postgres: $(TESTING)
	@if ! { $(HERE); } >/dev/null 2>&1; then \
	    if command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ]; then \
	        echo "Installing $(PACKAGES) for the tests …"; \
	        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
	            $(PACKAGES); } >/dev/null 2>&1 || echo "It could not be installed." >&2; \
	    else echo "The tests that need it are skipped: apt install $(PACKAGES)"; fi; \
	fi

charts: ## Bundle the chart library of the dashboard again (needs Node.js and the npm registry).
	@cd tools/dashboard && npm ci --no-audit --no-fund && npm run --silent bundle

test: lint browser postgres ## Run every check and every test.
	@$(PY) -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder $(ARGS)

fuzz: $(TESTING) ## Run damaged logs through landing, models and tests until stopped (ARGS="--homes 20 --seed 1").
	@$(PY) -m tests.mutations --homes 0 $(ARGS)

docs: $(READY) ## Build the documentation site (one HTML file) and serve it on this machine.
	@$(PY) -m agent_store.cli docs --serve $(ARGS)

bench: $(TESTING) ## Measure the claims of docs/performance.md on this machine.
	@$(PY) -m benchmarks $(ARGS)

clean: ## Remove what was installed and built in this folder. The store itself stays.
	rm -rf $(VENV) $(TOOLS) target logs dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
