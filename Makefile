# `make` alone shows what there is to make. Works with GNU make 3.81 and later.

JOBS ?= 2
NOTEBOOKS ?= $(sort $(wildcard notebooks/*.ipynb notebooks/*/*.ipynb))
UV_VERSION := 0.13.9

PY := .venv/bin/python
VERSION_OF := -c 'import sys; print("%d.%d" % sys.version_info[:2])'

# Nothing leaves the machine: no news, no update check, no catalogue of extensions.
LAB := -m jupyter lab --LabApp.news_url=None --LabApp.extension_manager=readonly \
    --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
    --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
    $(if $(filter 0,$(shell id -u)),--allow-root)

.NOTPARALLEL:
.PHONY: help lab test check lint types warm cover full bench marks notebooks index architecture pins clean distclean .venv

help: ## show this list
	@awk -F ':.*## ' '/^[a-z.]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

lab: warm ## open the first lesson in JupyterLab (LAB_FLAGS=--no-browser and the like)
	$(PY) $(LAB) $(LAB_FLAGS)

test: lint types warm cover full ## run everything CI runs

check: lint ## quick: lint and the tests that are
	$(PY) -m pytest tests -m "not slow" -q -n $(JOBS)

lint: .venv
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: .venv
	$(PY) -m mypy

warm: .venv # compile the engine's rules, if that is not done yet
	@$(PY) -c "import numba" 2>/dev/null && $(PY) -m meshlab.kernel || true

# Coverage stays apart from the full run: nbval would start it in every notebook's kernel.
cover: .venv
	$(PY) -m pytest tests -m "not slow" -q -n $(JOBS) \
	    --cov=meshlab.policies --cov-branch --cov-fail-under=100

# Notebooks run one after the other: kernels that start at the same moment may take the same port.
full: .venv
	$(PY) -m pytest notebooks --nbval --nbval-current-env --nbval-cell-timeout 120 \
	    --nbval-sanitize-with tests/nbval_sanitize.cfg
	$(PY) -m pytest tests -m slow -n $(JOBS) --dist loadfile

bench: .venv ## measure, and print the ratios
	$(PY) -m tests.benchmarks

marks: warm ## the incident at full scale over twenty seeds: every mark (some ten minutes)
	MESHLAB_SEEDS=20 $(PY) -m pytest tests/incident/test_marks.py -q

notebooks: .venv ## run notebooks in place to renew kept outputs (NOTEBOOKS=... for some)
	env -u PYTHONHASHSEED $(PY) -m tests.keep_outputs $(NOTEBOOKS)

index: .venv ## write notebooks/README.md and the links from lesson to lesson
	$(PY) -m tests.navigation

architecture: .venv ## draw the rooms in ARCHITECTURE.md from the package's imports
	$(PY) -m tests.architecture

.venv: .venv/.ready ## make the environment, or bring it up to date

.venv/.ready: requirements.txt pyproject.toml postBuild
	@./.ci/make-venv

# PYTHON=python3.12 make ... chooses the interpreter; another version than the one in .venv rebuilds it.
ifdef PYTHON
export PYTHON
ifneq ($(shell { $(PYTHON) $(VERSION_OF); } 2>/dev/null),$(shell $(PY) $(VERSION_OF) 2>/dev/null))
.PHONY: .venv/.ready
endif
endif

pins: .venv ## renew requirements.txt from pyproject.toml
	test -x .tools/bin/uv || $(PY) -m venv .tools
	.tools/bin/python -m pip install --quiet uv==$(UV_VERSION)
	.tools/bin/uv pip compile pyproject.toml --constraint .ci/constraints.txt --all-extras \
	    --universal --python-version 3.11 --fork-strategy fewest --no-strip-extras --generate-hashes \
	    --upgrade --quiet --custom-compile-command "make pins" \
	    --output-file requirements.txt

clean: ## remove caches
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*
	find . \( -name .venv -o -name .git -o -name .tools \) -prune \
	    -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -print0 | xargs -0 rm -rf

distclean: clean ## remove caches and the environment
	rm -rf .venv .tools
