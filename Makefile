# Ten verbs: demo, test, crash, fuzz, check, lock, audit, sbom, bench, up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench up crash fuzz lock audit sbom

help:  ## Show what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

install: $(STAMP)

# The first line can be read by every Python. An environment of another Python is made anew: `venv` would leave that in.
define environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
@grep -qsF "version = $$($(PYTHON) -c 'import platform; print(platform.python_version())')" $(1)/pyvenv.cfg \
	|| $(PYTHON) -m venv --clear $(1)
endef

# Each file of each package has its hash in requirements.lock, but torch: its builds differ from index to index.
$(STAMP): pyproject.toml constraints.txt requirements.lock
	$(call environment,$(VENV))
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/pip check --quiet
	@touch $@

demo: install  ## The whole story on the seed catalogue: ingest, similar, fine-tune, compare, switch over
	$(BIN)/recommender demo

# The page has no build step; this reads its comments for types.
TSC := npx --yes --package typescript@7.0.2 tsc

check: install  ## Format, lint, types, layers; deployment files, by those of their linters that are here
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if $(TSC) --version >/dev/null 2>&1; then $(TSC) -p tests/explorer; \
		else echo "the types of the Explorer were not checked: that needs Node, and TypeScript from npm"; fi
	@HF_HUB_OFFLINE=1 $(BIN)/pytest tests/service/test_deployment.py

# Homes in memory where 4 GiB are free there: a sync costs a disk milliseconds, and the tests make some hundred thousand.
MEMORY := $(shell test -w /dev/shm && test $$(df -Pk /dev/shm | awk 'NR == 2 {print $$4}') -gt 4194304 && echo /dev/shm)
# The tests start hundreds of processes, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

test: check  ## Everything that `check` does, then the tests
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(if $(MEMORY),TMPDIR=$(MEMORY)) $(BIN)/pytest -n 3 --dist loadfile \
		--no-loadscope-reorder --ignore tests/service/test_deployment.py

N ?= 500
CUTS ?= 200
crash: install  ## N=500 kills, CUTS=200 losses of power, and panics; CRASH_SEED=... repeats a run
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 CRASH_KILLS=$(N) CRASH_CUTS=$(CUTS) $(BIN)/pytest -s tests/crash \
		tests/index/test_engine_panics.py

SECONDS ?= 600
TARGETS ?= feeds archives query interleavings
FUZZ_feeds := tests/feeds/test_feeds_of_any_kind.py
FUZZ_archives := tests/backup/test_archives_of_any_kind.py
FUZZ_query := tests/test_query_language.py
FUZZ_interleavings := tests/ingestion/test_any_interleaving.py
fuzz: install  ## Each of TARGETS="feeds archives query interleavings" for SECONDS=600, on inputs that nobody would write
	@$(foreach target,$(TARGETS),echo "$(target)"; end=$$(($$(date +%s) + $(SECONDS))); \
		while [ $$(date +%s) -lt $$end ]; do \
			HF_HUB_OFFLINE=1 FUZZ_EXAMPLES=1000 $(BIN)/pytest -q $(FUZZ_$(target)) || exit 1; done;)

# In an environment of their own: what looks at the packages must not change which there are.
AUDIT := .venv-audit
$(AUDIT)/.installed:
	$(call environment,$(AUDIT))
	$(AUDIT)/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1 cyclonedx-bom==7.5.0 uv==0.13.9
	@touch $@

lock: $(AUDIT)/.installed  ## requirements.lock anew, from constraints.txt
	grep -v '^torch==' constraints.txt | $(AUDIT)/bin/uv pip compile --quiet --no-deps --generate-hashes \
		--no-header --no-annotate --output-file requirements.lock -

audit: $(AUDIT)/.installed  ## Known vulnerabilities of every package that is pinned
	$(AUDIT)/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

sbom: install $(AUDIT)/.installed  ## sbom.cdx.json: a CycloneDX list of what is installed
	$(AUDIT)/bin/cyclonedx-py environment $(VENV) --pyproject pyproject.toml --of JSON -o sbom.cdx.json

bench: install  ## The figures of benchmarks/RESULTS.md, measured on this machine
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.run

up: ## A Qdrant server in a container; then export QDRANT_URL=http://localhost:6333
	docker compose --profile qdrant up -d --wait
