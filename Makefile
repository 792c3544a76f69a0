# `make` executes the notebooks, `make test` checks them and the code.
# README.md has the same commands without make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
# A PDF of a notebook clips longer lines.
PAGE_WIDTH := 75
UNIT := tests --ignore tests/notebooks --ignore tests/browser --numprocesses auto
# The cells of a notebook need each other: each notebook stays in one process.
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=1800 -p no:cacheprovider \
	--numprocesses 2 --dist loadscope
NIGHTLY := other random lowest hosted reproduce browser

.DEFAULT_GOAL := notebooks
.NOTPARALLEL:
.PHONY: notebooks tables test check nightly browser bench validate html lab setup lock \
	clean help
.PHONY: lint types unit quick structure nbval artifacts prose $(NIGHTLY)

notebooks: $(INSTALLED)  ## execute the three notebooks and renew artifacts/ (the default)
	$(BIN)/python -m fmnist_clustering run

tables: $(INSTALLED)  ## renew the tables of artifacts/README.md
	$(BIN)/python -m tests.benchmarks.tables

test: lint types unit structure nbval artifacts prose  ## check it all (seven minutes)

check: lint types quick structure  ## the quick part of `make test`: under a minute

nightly:  ## what `make test` leaves out: other data, versions, machines; a browser
	@$(MAKE) --keep-going --no-print-directory $(NIGHTLY)

# Steps of `make test` and `make check`

lint: $(INSTALLED)
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m ruff check --line-length $(PAGE_WIDTH) notebooks/*.ipynb
	$(BIN)/python -m ruff format --check --line-length $(PAGE_WIDTH) notebooks/*.ipynb
	$(BIN)/lint-imports --no-cache

types: $(INSTALLED)
	$(BIN)/python -m mypy

unit: $(INSTALLED)
	$(PYTEST) $(UNIT) -m 'not nightly'

quick: $(INSTALLED)
	$(PYTEST) $(UNIT) -m 'not slow and not nightly'

structure: $(INSTALLED)
	$(PYTEST) tests/notebooks/test_structure.py tests/notebooks/test_html.py

nbval: $(INSTALLED)
	rm -rf build/test
	FMNIST_CLUSTERING_ARTIFACTS="$$PWD/build/test/artifacts" $(PYTEST) $(NBVAL) notebooks

artifacts: $(INSTALLED)
	$(PYTEST) tests/notebooks/test_artifacts.py

prose: $(INSTALLED)
	$(PYTEST) tests/notebooks/test_prose.py

# Steps of `make nightly`

# The notebooks with other settings and data, the answers of exercises, 70,000 rows, Dask.
other: $(INSTALLED)
	$(PYTEST) tests --ignore tests/browser -m nightly --numprocesses auto

# The unit tests with new examples, not the same ones every time.
random: $(INSTALLED)
	$(PYTEST) $(UNIT) -m 'not nightly' --hypothesis-profile random

# The unit tests with the lowest versions that pyproject.toml allows.
lowest: build/uv/bin/uv
	$< venv --quiet --clear --python "$(PYTHON)" build/lowest
	$< pip install --quiet --python build/lowest --resolution lowest-direct \
		--editable '.[dev]'
	build/lowest/bin/python -m pytest $(UNIT) -m 'not nightly'

# The notebooks with the versions that Colab brings.
hosted:
	$(PYTHON) tests/hosted.py

# The notebooks with four BLAS settings: is all text the same?
reproduce: $(INSTALLED)
	$(BIN)/python -m tests.reproduce

browser: $(INSTALLED)  ## use the notebooks in a real browser (needs Chromium)
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[browser]'
	$(PYTEST) -rs tests/browser

# By hand

bench: $(INSTALLED)  ## measure time and memory beside named peers (hours)
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m tests.benchmarks
	$(BIN)/python -m tests.benchmarks.original

validate: $(INSTALLED)  ## try every rule for k on data whose answer is known
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m tests.validation

setup: $(INSTALLED)  ## make .venv, and nothing else

html: $(INSTALLED)  ## the notebooks as web pages in build/html
	$(BIN)/python -m nbconvert --to html --output-dir build/html notebooks/*.ipynb \
		--template alt --TemplateExporter.extra_template_basedirs=fmnist_clustering/templates

# The root folder is this one, so that links to data/ and artifacts/ work.
lab: $(INSTALLED)  ## open the notebooks in JupyterLab
	$(BIN)/python -m jupyterlab --allow-root --ServerApp.root_dir=. \
		--LabApp.default_url=/lab/tree/notebooks

lock: build/uv/bin/uv  ## choose new versions for constraints.txt
	$< pip compile --quiet --upgrade --universal --fork-strategy fewest \
		--python-version 3.11 --no-header --no-annotate --all-extras \
		pyproject.toml --output-file constraints.txt

clean:  ## remove what can be made again, the virtual environment too
	rm -rf $(VENV) build dist *.egg-info \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list these targets
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / {printf "make %-11s%s\n", $$1, $$2}' Makefile

# An environment works only in the folder that it was made in: a copied or renamed one
# would still find the package in the old folder. Its stamp holds the path.
ifneq ($(shell cat $(INSTALLED) 2>/dev/null),$(shell pwd -P))
ANEW := --clear
.PHONY: $(INSTALLED)
endif

$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { \
		echo "make: $(PYTHON) not found; name a Python >= 3.11: make PYTHON=/path/to/python3"; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: found $$($(PYTHON) --version), expected Python >= 3.11;" \
			"name one: make PYTHON=/path/to/python3"; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "make: $(PYTHON) has no venv; on Debian or Ubuntu: apt install python3-venv"; \
		exit 1; }
	$(if $(ANEW),@echo "make: setting up $(VENV) for this folder (a minute or two)")
	$(PYTHON) -m venv $(ANEW) $(VENV)
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[dev]'
	@pwd -P > $@

# uv resolves versions in ways that pip cannot; nothing else needs it.
build/uv/bin/uv:
	$(PYTHON) -m venv build/uv
	build/uv/bin/python $(PIP_INSTALL) uv
