# Two commands matter: `make lab` brings the course up, `make test` tests it.
# Everything is installed into .venv here; nothing needs root.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
LAB_ARGS ?=
TEST_ARGS ?=
# Workers of pytest: one per core.
JOBS ?= auto
# Every process of pytest reads all the tests: compiled once, whatever the surroundings say, and without
# nbval's plug-in, which takes seconds to load; the tests that need it load it.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -p no:nbval

.PHONY: lab test quick fast lint format bench docs clean help

help:
	@echo "make lab     start the course in JupyterLab (LAB_ARGS='--engine docker' …)"
	@echo "make test    lint, types and all tests; with a Docker engine on both engines"
	@echo "make quick   lint, types and the fast tests, in less than a minute"
	@echo "make bench   the benchmarks: ratios measured side by side"
	@echo "make docs    the documentation as a site, in docs/_build"
	@echo "make format  let ruff format the code"

$(BIN)/python:
	scripts/bootstrap $(VENV) $(PYTHON)

$(VENV)/.lab: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@ $(VENV)/.lab

lab: $(VENV)/.lab
	$(BIN)/course lab $(LAB_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(PYTEST) $(TEST_ARGS)

# Lint and types beside the tests, most of which wait: whichever fails, both are seen to the end.
quick: $(VENV)/.dev
	$(MAKE) --no-print-directory --keep-going --jobs 2 lint fast

# Less than a minute, so without the contract tests and those of grading in forked processes;
# `pytest tests/contract tests/grading -m "not docker"` has those.
fast: $(VENV)/.dev
	$(PYTEST) -q --ignore=tests/contract --ignore=tests/grading \
		-m "not slow and not docker and not browser" $(TEST_ARGS)

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -q docs docs/_build

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist docs/_build
