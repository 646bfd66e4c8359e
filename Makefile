# Nine verbs: demo, test, crash, fuzz, check, audit, sbom, bench, up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench up crash fuzz audit sbom

help:  ## Show what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

install: $(STAMP)

# torch first and alone: its pin decides which build every other package is resolved against.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,offline,openvino,serve,mcp,tracing,parquet,server,postgres,mteb,dev]'
	@touch $@

demo: install  ## The whole story on the seed catalogue: ingest, similar, fine-tune, compare, switch over
	$(BIN)/recommender demo

check: install  ## Format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check  ## Everything that `check` does, then the tests
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

N ?= 500
crash: install  ## The crash suite with N=500 kills; CRASH_SEED=... repeats a run
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 CRASH_KILLS=$(N) $(BIN)/pytest -s tests/crash

SECONDS ?= 600
fuzz: install  ## The readers of feeds on files that nobody would write, for SECONDS=600
	@end=$$(($$(date +%s) + $(SECONDS))); while [ $$(date +%s) -lt $$end ]; do \
		FUZZ_EXAMPLES=1000 $(BIN)/pytest -q tests/feeds/test_feeds_of_any_kind.py \
			tests/ingestion/test_any_interleaving.py || exit 1; done

# In an environment of their own: what looks at the packages must not change which there are.
AUDIT := .venv-audit
$(AUDIT)/.installed:
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1 cyclonedx-bom==7.5.0
	@touch $@

audit: $(AUDIT)/.installed  ## Known vulnerabilities of every package that is pinned
	$(AUDIT)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

sbom: install $(AUDIT)/.installed  ## sbom.cdx.json: a CycloneDX list of what is installed
	$(AUDIT)/bin/cyclonedx-py environment $(VENV) --pyproject pyproject.toml --of JSON -o sbom.cdx.json

bench: install  ## The figures of benchmarks/RESULTS.md, measured on this machine
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.run

up: ## A Qdrant server in a container; then export QDRANT_URL=http://localhost:6333
	docker compose --profile qdrant up -d --wait
