# `make` executes the notebooks, `make test` checks everything. README.md has the same without make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
STAGED := build/test/artifacts
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=1800 -p no:cacheprovider

.DEFAULT_GOAL := notebooks
.NOTPARALLEL:
.PHONY: notebooks test check lint types unit quick structure nbval artifacts prose bench bench-original reproduce mutation coverage fresh lab lock clean help

notebooks: $(INSTALLED)  ## execute the three notebooks and regenerate artifacts/ (the default)
	$(BIN)/python -m fmnist_clustering run
	$(BIN)/python -m tests.benchmarks.table

test: lint types unit structure nbval artifacts prose  ## everything that CI checks

check: lint types quick structure  ## the quick part of `make test`, under two minutes

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED)
	$(BIN)/mypy

unit: $(INSTALLED)
	$(BIN)/pytest tests --ignore tests/notebooks

quick: $(INSTALLED)
	$(BIN)/pytest tests --ignore tests/notebooks -m 'not slow'

structure: $(INSTALLED)
	$(BIN)/pytest tests/notebooks/test_structure.py

nbval: $(INSTALLED)
	rm -rf build/test
	FMNIST_CLUSTERING_ARTIFACTS="$(CURDIR)/$(STAGED)" $(BIN)/pytest $(NBVAL) notebooks

artifacts: $(INSTALLED)
	$(BIN)/pytest tests/notebooks/test_artifacts.py

prose: $(INSTALLED)
	$(BIN)/pytest tests/notebooks/test_prose.py

bench: $(INSTALLED)  ## measure time and memory beside named peers
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m tests.benchmarks

bench-original: $(INSTALLED)  ## the first version's whole work beside ours
	$(BIN)/python -m tests.benchmarks.original

reproduce: $(INSTALLED)  ## the notebooks with four BLAS settings: is all text the same?
	$(BIN)/python -m tests.reproduce

mutation: $(INSTALLED)  ## 40 changes of the code: do the tests notice?
	$(BIN)/python -m tests.mutation

coverage: $(INSTALLED)  ## share of the package's branches that unit tests reach
	$(BIN)/coverage run --branch --source fmnist_clustering -m pytest tests --ignore tests/notebooks
	$(BIN)/coverage report --show-missing --fail-under 95

fresh:  ## clone into an empty folder, and run the two commands of README there
	tests/fresh.sh

lab: $(INSTALLED)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

lock: $(INSTALLED)  ## choose new versions for constraints.txt
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --fork-strategy fewest --python-version 3.11 \
		--no-header --no-annotate --all-extras pyproject.toml --output-file constraints.txt

clean:  ## remove what can be made again, the virtual environment too
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/make \1\t\2/p' Makefile | expand -t 22

$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found; name a Python >= 3.11: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: found $$($(PYTHON) --version), expected Python >= 3.11; name one: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) has no venv; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
