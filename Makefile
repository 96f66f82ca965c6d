# Needs Python (3.11 or newer) and make alone. Everything is installed into .venv, once; `make help` lists the commands.
# Options of pip come from its environment variables. Without a GPU, fetch the CPU build of torch (Linux):
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make train

VENV ?= .venv
ARGS ?=
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo $$p && break; done)
PY := $(VENV)/bin/python
comma := ,

# An index that fails for a moment is asked again: pip's own retries cover a request, the loop covers the command.
define install
	@for wait in 5 20 0; do \
		$(PY) -m pip install --disable-pip-version-check --retries 10 -c constraints.txt -e '$(1)' && exit 0; \
		[ $$wait = 0 ] || { echo "pip failed; trying again in $$wait seconds"; sleep $$wait; }; \
	done; exit 1
	@touch $@
endef

.PHONY: help train test test-slow check format docs setup clean
.DEFAULT_GOAL := help

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | awk -F '\t' '{printf "make %-10s %s\n", $$1, $$2}'

train: $(VENV)/.core  ## train and evaluate: make train ARGS="experiment=sgd_quick seed=2"
	$(PY) -m experiments.train $(ARGS)

test: $(VENV)/.dev  ## run the tests that take less than 10 seconds each: make test ARGS="-k segmentation"
	$(PY) -m pytest -m "not slow" -n 2 $(ARGS)

test-slow: $(VENV)/.dev  ## run the other tests: whole commands, real corpora
	$(PY) -m pytest -m slow -n 2 $(ARGS)

check: $(VENV)/.dev  ## look at style, types and the direction of imports
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy --strict selflearn experiments
	$(VENV)/bin/lint-imports

format: $(VENV)/.dev  ## mend style as far as a program can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(VENV)/.docs  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict  # the notice is about the tool, not about these pages

setup: $(VENV)/.docs  ## install everything that the commands above need

clean:  ## remove what the commands above made, but not .venv and not the runs
	rm -rf site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find selflearn experiments tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@[ -n "$(PYTHON)" ] || { echo "selflearn needs Python 3.11 or newer: install it, or run make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(PY)
	$(call install,.)

$(VENV)/.dev: $(VENV)/.core
	$(call install,.[dev$(comma)speech])

$(VENV)/.docs: $(VENV)/.dev
	$(call install,.[dev$(comma)speech$(comma)docs])
