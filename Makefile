# `make` alone lists what there is. On a machine with Python 3.11 or newer, pip, git and make, every command below works
# right after cloning: what it needs is installed first, into .venv, and again whenever the lists of packages change.

PYTHON      ?= python3
PROFILE     ?= laptop
NOTEBOOK    ?=
JOBS        ?=
CELL_MINUTES     ?= 20
NOTEBOOK_MINUTES ?= 60
# In `make test`: nbmake runs the same code as papermill did just before, for the committed .ipynb equals its text (a test).
NBMAKE_IN_TEST   ?= 00

VENV  := .venv
PY    := $(VENV)/bin/python
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
# remembered from the first time, so that a new lock never leaves an old plugin beside a new jax
ACCELERATOR ?= $(patsubst $(VENV)/.ready-%,%,$(firstword $(wildcard $(VENV)/.ready-*)))
READY := $(VENV)/.ready$(if $(ACCELERATOR),-$(ACCELERATOR))
PEERS := $(VENV)/.peers

# JAX keeps what it has compiled, so the second run of anything starts at once. Kernels of notebooks run elsewhere,
# hence the absolute path.
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/build/jax-cache
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES ?= -1
export KERAS_BACKEND ?= jax
# One place for all threads to allocate from: what lsmlib.nn.keep_freed_memory needs. Only glibc reads it.
export MALLOC_ARENA_MAX ?= 1

# Tests share the cores, a few at most: each worker holds JAX and a simulated cohort or two.
WORKERS := --numprocesses auto --maxprocesses 4 --dist worksteal

# Recordings of real people, if you have any: one folder a data set (fitbit, depresjon, …; see lsmlib.datasets). Notebooks
# and tests use what lies there and say when they go without.
DATA ?= $(wildcard ../shared/data/real)
ifneq ($(DATA),)
export LSMLIB_DATA ?= $(abspath $(DATA))
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup tutorial lab book test oldest browser lint format nbmake notebooks sync stamp lock bench clean

help: ## Show this list
	@echo "Usage: make TARGET [NAME=value ...]"; echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo; echo "Try: make tutorial NOTEBOOK=00 PROFILE=smoke"

# --- the environment ---------------------------------------------------------------------------------------------------

setup: $(READY) ## Install everything into .venv [PYTHON=python3.12] [ACCELERATOR=cuda|tpu]

# An environment that is already there is kept and brought up to date, unless its Python is too old or gone.
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PY) -c '$(NEW_ENOUGH)' 2>/dev/null || $(PYTHON) -c '$(NEW_ENOUGH)' || { echo >&2 \
		"lsmlib needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version 2>&1`." \
		"Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PY) -c '$(NEW_ENOUGH)' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV); the first time this takes some minutes."
	@# what is imported is compiled then; compiling all 25,000 files now would take half the time of the installation
	$(PY) -m pip install --quiet --no-compile --requirement requirements.lock
	$(PY) -m pip install --quiet --no-deps --editable .
	@touch $@

JAX_EXTRA_cuda := cuda12
JAX_EXTRA_tpu  := tpu

$(VENV)/.ready-%: $(VENV)/.ready
	$(if $(JAX_EXTRA_$*),,$(error ACCELERATOR is "$*"; choose cuda or tpu))
	$(PY) -m pip install --quiet --constraint requirements.lock "jax[$(JAX_EXTRA_$*)]"
	@touch $@

# What tests and benchmarks compare with; pyproject.toml says why it is apart.
$(PEERS): $(READY)
	$(PY) -m pip install --quiet --no-compile --constraint requirements.lock --editable ".[peers]"
	@# of open_clip the losses alone are read, which need nothing but PyTorch; the rest would bring another PyTorch
	$(PY) -m pip install --quiet --no-deps open_clip_torch==3.3.0
	@touch $@

LOCKED := notebooks tensorflow export book test

lock: ## Resolve pyproject.toml again into requirements.lock
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	@# uv keeps the versions it finds in the file; without it everything moves to the newest
	@rm -f build/requirements.lock
	build/lock/bin/uv --quiet pip compile --universal --python-version 3.11 $(LOCKED:%=--extra %) \
		--no-header --no-emit-index-url --no-emit-find-links --no-annotate --output-file build/requirements.lock pyproject.toml
	@{ echo "# Every package that lsmlib is tested with, for any platform and Python >= 3.11: pip install -r requirements.lock"; \
		echo "# Made from pyproject.toml by 'make lock'; edit that file, not this one."; \
		cat build/requirements.lock; } > requirements.lock

# --- for readers -------------------------------------------------------------------------------------------------------

tutorial: $(READY) ## Run the notebooks, check their numbers [NOTEBOOK="00 01"] [PROFILE=smoke|laptop|accelerator|paper] [JOBS=1] [DATA=folder]
	$(PY) -m tools.tutorial $(NOTEBOOK) --profile $(PROFILE) $(if $(JOBS),--jobs $(JOBS)) \
		--cell-minutes $(CELL_MINUTES) --notebook-minutes $(NOTEBOOK_MINUTES)

lab: $(READY) ## Open JupyterLab on the notebooks [LAB_OPTIONS=--no-browser]
	@# its root is the repository: jupytext.toml is looked for no higher, and without it a save would not reach the .py
	$(PY) -m jupyterlab --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks $(LAB_OPTIONS)

book: $(READY) ## Render notebooks, reference, glossary and answers as a book to read offline: build/book/index.html
	$(PY) -m tools.book

# --- for authors -------------------------------------------------------------------------------------------------------

# Most of the time of tests is that of compiling programs which run once or twice: LLVM optimises none of them, and XLA's older
# code for fusions is the one that compiles faster. Notebooks compile otherwise (tests/optimised.py), and `pytest` by itself as
# everything else does.
test oldest: export XLA_FLAGS := --xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false $(XLA_FLAGS)
test: $(READY) $(PEERS) lint ## Format, lint, types, then every test; notebooks run in PROFILE=smoke, all by papermill, one by nbmake
	@echo "== tests"
	MPLBACKEND=agg $(PY) -m pytest $(WORKERS) --durations 40 --durations-min 10
	@echo "== committed notebooks, by nbmake"
	@$(MAKE) --no-print-directory nbmake PROFILE=smoke NOTEBOOK="$(NBMAKE_IN_TEST)"

# Not in the list: tests of export, book and browser, which need more packages, and those that compare with PyTorch.
OLDEST_TESTS := tests/models/test_lsm1.py tests/models/test_lsm2.py tests/models/test_sensorlm.py tests/models/test_batching.py \
	tests/models/test_flops.py tests/test_batches.py tests/test_checkpoints.py tests/test_cohort.py tests/test_masking.py \
	tests/test_packing.py tests/test_presets.py tests/test_store.py tests/test_training.py tests/test_windows.py

oldest: ## Test models, training and data with the oldest packages that pyproject.toml admits
	@$(PYTHON) -m venv build/oldest && build/oldest/bin/python -m pip install --quiet uv
	build/oldest/bin/uv pip install --quiet --python build/oldest/bin/python --resolution lowest-direct \
		--editable ".[notebooks,test]"
	@# Old packages warn of one another. With them a training step is compiled twice, which costs time alone; TensorFlow is not here.
	MPLBACKEND=agg build/oldest/bin/python -m pytest $(WORKERS) -W default $(OLDEST_TESTS) \
		--deselect tests/test_training.py::test_trainings_of_any_length_and_rate_are_one_program \
		--deselect tests/test_batches.py::test_tf_data_has_the_same_batches

browser: $(READY) ## Look at every page of the book, and run a notebook in JupyterLab, in Chrome or Chromium
	MPLBACKEND=agg $(PY) -m pytest -m browser tests/browser

lint: $(READY) ## Format, lint and types only
	@echo "== format"
	$(PY) -m ruff format --check .
	@echo "== lint"
	$(PY) -m ruff check .
	@echo "== types"
	$(PY) -m mypy

format: $(READY) ## Format code and notebooks
	$(PY) -m ruff check --fix --exit-zero .
	$(PY) -m ruff format .
	$(PY) -m tools.notebooks sync

nbmake: $(READY) ## Run the committed .ipynb with nbmake, the way a reader's own pytest would [NOTEBOOK="00 01"] [PROFILE=smoke]
	@rm -rf build/nbmake/$(PROFILE); mkdir -p build/nbmake/$(PROFILE)
	@for notebook in $(or $(notdir $(wildcard $(if $(NOTEBOOK),$(NOTEBOOK:%=notebooks/%*.ipynb),notebooks/*.ipynb))),$(error there are no such notebooks)); do \
		$(PY) -m papermill --prepare-only --log-level ERROR --parameters PROFILE $(PROFILE) \
			notebooks/$$notebook build/nbmake/$(PROFILE)/$$notebook || exit 1; done
	$(PY) -m pytest $(WORKERS) --nbmake --nbmake-timeout=$$((60 * $(CELL_MINUTES))) build/nbmake/$(PROFILE)

sync: $(READY) ## Write each .ipynb from its .py, keeping the outputs of unchanged cells
	$(PY) -m tools.notebooks sync $(NOTEBOOK)

notebooks: $(READY) ## Run each .py as written and store the outputs in its .ipynb [NOTEBOOK=01]
	$(PY) -m tools.notebooks run $(NOTEBOOK)

stamp: $(READY) ## Write the address, the list of packages, README's tables and the page of results wherever they are repeated
	$(PY) -m tools.results
	$(PY) -m tools.stamp

bench: $(READY) $(PEERS) ## Run the benchmarks
	@for script in $(or $(sort $(wildcard benchmarks/*.py)),$(error there are no benchmarks yet)); do \
		echo "== $$script"; $(PY) $$script || exit 1; done

clean: ## Remove everything that was built; keep .venv
	rm -rf build .hypothesis .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
