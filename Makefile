# `make` executes the notebooks, `make test` checks everything.
# README.md has the same commands without make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
# A PDF of a notebook clips longer lines.
PAGE_WIDTH := 75
STAGED := build/test/artifacts
UNIT := tests --ignore tests/notebooks --ignore tests/browser --numprocesses auto
# The cells of a notebook need each other: each notebook stays in one process.
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=1800 -p no:cacheprovider \
	--numprocesses 2 --dist loadscope

.DEFAULT_GOAL := notebooks
.NOTPARALLEL:
.PHONY: notebooks tables test check lint types unit quick structure nbval artifacts \
	prose settings validate bench bench-original browser reproduce mutation coverage \
	random lowest hosted fresh setup html lab lock clean clean-notebooks help

notebooks: $(INSTALLED)  ## execute the three notebooks and renew artifacts/ (the default)
	$(BIN)/python -m fmnist_clustering run

tables: $(INSTALLED)  ## renew the tables of artifacts/README.md
	$(BIN)/python -m tests.benchmarks.tables

test: lint types unit structure nbval artifacts prose settings  ## everything that CI checks

check: lint types quick structure  ## the quick part of `make test`: about a minute

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/ruff check --line-length $(PAGE_WIDTH) notebooks/*.ipynb
	$(BIN)/ruff format --check --line-length $(PAGE_WIDTH) notebooks/*.ipynb
	$(BIN)/lint-imports --no-cache

types: $(INSTALLED)
	$(BIN)/mypy

unit: $(INSTALLED)
	$(BIN)/pytest $(UNIT)

quick: $(INSTALLED)
	$(BIN)/pytest $(UNIT) -m 'not slow'

structure: $(INSTALLED)
	$(BIN)/pytest tests/notebooks/test_structure.py tests/notebooks/test_html.py

nbval: $(INSTALLED)
	rm -rf build/test
	FMNIST_CLUSTERING_ARTIFACTS="$(CURDIR)/$(STAGED)" $(BIN)/pytest $(NBVAL) notebooks

artifacts: $(INSTALLED)
	$(BIN)/pytest tests/notebooks/test_artifacts.py

prose: $(INSTALLED)
	$(BIN)/pytest tests/notebooks/test_prose.py

settings: $(INSTALLED)  ## the notebooks with other settings and data; answers of exercises
	$(BIN)/pytest --numprocesses auto tests/notebooks/test_exercises.py \
		tests/notebooks/test_odd_settings.py

validate: $(INSTALLED)  ## try every rule for k on data whose answer is known
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m tests.validation

bench: $(INSTALLED)  ## measure time and memory beside named peers
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m tests.benchmarks

bench-original: $(INSTALLED)  ## the first version's whole work beside ours
	$(BIN)/python -m tests.benchmarks.original

browser: $(INSTALLED)  ## sit at the notebooks in a real browser (needs Chromium)
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[browser]'
	$(BIN)/pytest tests/browser

reproduce: $(INSTALLED)  ## the notebooks with four BLAS settings: is all text the same?
	$(BIN)/python -m tests.reproduce

mutation: $(INSTALLED)  ## change the code in small ways: do the tests notice?
	$(BIN)/python -m tests.mutation

coverage: $(INSTALLED)  ## share of the package's branches that unit tests reach
	$(BIN)/coverage run --branch --source fmnist_clustering \
		-m pytest tests --ignore tests/notebooks
	$(BIN)/coverage report --show-missing --fail-under 95

random: $(INSTALLED)  ## the unit tests with new examples, not the same ones every time
	$(BIN)/pytest $(UNIT) --hypothesis-profile random

lowest: build/uv/bin/uv  ## the unit tests with the lowest versions that pyproject.toml allows
	$< venv --quiet --clear --python "$(PYTHON)" build/lowest
	$< pip install --quiet --python build/lowest --resolution lowest-direct \
		--editable '.[dev]'
	build/lowest/bin/pytest $(UNIT)

hosted:  ## the notebooks with the versions that Colab brings
	$(PYTHON) tests/hosted.py

fresh:  ## clone into an empty folder, and run the two commands of README there
	tests/fresh.sh

setup: $(INSTALLED)  ## make .venv, and nothing else

html: $(INSTALLED)  ## the notebooks as web pages in build/html
	$(BIN)/jupyter nbconvert --to html --output-dir build/html notebooks/*.ipynb \
		--template alt --TemplateExporter.extra_template_basedirs=fmnist_clustering/templates

clean-notebooks: $(INSTALLED)  ## take back what a live session left in the notebooks
	$(BIN)/python -m fmnist_clustering clean

lab: $(INSTALLED)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks \
		--ContentsManager.pre_save_hook=fmnist_clustering.runner.clean.before_saving

lock: build/uv/bin/uv  ## choose new versions for constraints.txt
	$< pip compile --quiet --upgrade --universal --fork-strategy fewest \
		--python-version 3.11 --no-header --no-annotate --all-extras \
		pyproject.toml --output-file constraints.txt

clean:  ## remove what can be made again, the virtual environment too
	rm -rf $(VENV) build dist *.egg-info \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/make \1\t\2/p' Makefile | expand -t 22

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
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) --constraint constraints.txt --editable '.[dev]'
	@touch $@

# uv resolves versions in ways that pip cannot; nothing else needs it.
build/uv/bin/uv:
	$(PYTHON) -m venv build/uv
	build/uv/bin/python $(PIP_INSTALL) uv
