# Two commands for newcomers: `make verify` (see it work) and `make test` (everything that CI runs, bar the linters).
# Both do all the set-up on a fresh machine that has Python 3.11 or later.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ROOMS  := reference model checker specs

# A strict editable install links every file by name: it must be renewed when a file is added or removed, not when one changes.
FILES  := $(sort $(shell find $(ROOMS) -name '*.py' -o -name 'py.typed' -o -name '*.toml' -o -name '*.j2' -o -name '*.js' -o -name '*.css'))
STAMP  := $(VENV)/.installed-$(shell echo '$(FILES)' | cat - pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: help install verify test lint format bench mutants clean

help:
	@echo "make verify   check every promise that the reference makes (treadle gate), and for comparison this interpreter's asyncio"
	@echo "make test     run the test suite on every supported Python that this machine has"
	@echo "make lint     ruff and mypy --strict"
	@echo "make bench    benchmarks against real peers (not part of CI)"
	@echo "make mutants  break the reference in every small way and see what notices (some twenty minutes; not part of CI)"

install: $(STAMP)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "treadle needs Python 3.11 or later: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(STAMP): $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -C editable_mode=strict
	@rm -f $(VENV)/.installed-*
	@touch $@

verify: install
	@$(BIN)/treadle gate; code=$$?; $(BIN)/python -m treadle.checker.showcase; exit $$code

test: install
	$(BIN)/python tests/run.py

lint: install
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .

bench: install
	$(BIN)/python -m pytest benchmarks -q

mutants: install
	$(BIN)/python tests/mutants.py

clean:
	rm -rf build $(VENV) *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
