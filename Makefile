# make demo   a generated county, end to end; prints where the maps are (ARGS="--scale city")
# make bench  siting beside its peers, into docs/benchmarks.md (half an hour; ARGS="--only nearest")
# make test   lint, types, architecture, unit, property, oracle, browser, notebooks
PYTHON ?= python3
VENV   ?= .venv
OUT    ?= .
BIN    := $(VENV)/bin

.PHONY: help env demo bench test suite test-all lint format constraints clean

help:
	@sed -n '1,3s/^# //p' Makefile

env: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "siting needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

demo: env
	@$(BIN)/siting demo --out $(OUT) $(ARGS)

# Peers live apart, so that nothing of theirs is needed to work on siting.
bench:
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	.venv-bench/bin/python -m benchmarks $(ARGS)

lint: $(VENV)/.ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Side by side: mypy has work for one core only.
test: $(VENV)/.ready-test
	@sh scripts/system-deps.sh
	@$(MAKE) --no-print-directory -j2 lint suite

suite: $(VENV)/.ready-test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" --durations=25

test-all: $(VENV)/.ready-test
	@sh scripts/system-deps.sh
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

format: $(VENV)/.ready-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The floors of pyproject.toml say what may work; this file says what was tested together.
constraints: $(VENV)/.ready-test
	$(BIN)/python -m pip freeze --exclude-editable --exclude pip --exclude setuptools > constraints.txt

clean:
	rm -rf $(VENV) .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/artefacts
