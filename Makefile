# `make demo` and `make test` each work alone on a fresh clone: they need Python 3.11+ and a package index.

PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
USABLE  := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
BIN     := .venv/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-all check format bench bench-peers bench-growth bench-profiles bench-capture bench-containment \
	bench-libraries bench-scale traps recipes fix-applications fix-public limits prove aicode aicode-best conformance libraries docs golden house clean

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.core ## Check the example shop and a real public application, and show what is found
	@$(BIN)/python scripts/demo.py

test: .venv/.dev ## Run the tests but for the slow ones
	@$(BIN)/python -m pytest --numprocesses auto --durations 20 -m "not slow"

test-slow: .venv/.dev ## Run the slow tests
	@$(BIN)/python -m pytest --numprocesses auto -m slow

test-all: .venv/.dev ## Run the tests on each Python from 3.11 on that is found here, and say which are not
	@$(BIN)/python scripts/test_all.py

check: .venv/.dev ## Format, lint, types, imports, docs, tests: all that CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/docs.py --check
	@$(MAKE) --no-print-directory test

format: .venv/.dev ## Format the code, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .cache/compiled/.made ## Compare the time of a check, cold and warm, with a bare parse and a bare hash
	@$(BIN)/python benchmarks/check_speed.py --perfwright .cache/compiled/bin/perfwright

bench-peers: .cache/compiled/.made ## Compare time and findings with other analysers, each installed below .cache/peers
	@$(BIN)/python benchmarks/compare_peers.py --perfwright .cache/compiled/bin/perfwright $(PEERS)

bench-growth: .venv/.dev .cache/growth/.made ## Measure 37 functions whose growth is known, with all cores busy, beside big_O
	@$(BIN)/python benchmarks/check_growth.py --big-o .cache/growth/bin/python

aicode: .venv/.core ## Score perfwright and its peers on applications as an assistant wrote them, whose defects were measured
	@$(BIN)/python benchmarks/score_peers.py --report .cache/aicode.json $(PEERS)

aicode-best: .venv/.dev ## Run the applications' own tests on their best known rewrites, and compare all answers
	@$(BIN)/python benchmarks/check_rewrites.py

conformance: .venv/.dev ## Compare with what other analysers' own fixtures say: make conformance CHECKOUTS=folder
	@PYTHONPATH=benchmarks $(BIN)/python -m conformance "$(CHECKOUTS)"

prove: .venv/.dev ## Measure Slow and Fast of every rule's page, or of RULES="a b", over growing input, and draw the curves
	@PYTHONPATH=tests $(BIN)/python benchmarks/prove_rules.py --write $(RULES)

bench-profiles: .venv/.dev ## Profile the example shop under load, and compare its ranking and Amdahl's ceilings with a hand computation
	@$(BIN)/python benchmarks/check_profiles.py

bench-capture: .cache/capture/.made ## Measure what watching adds to a query, beside OpenTelemetry's instrumentation
	@.cache/capture/bin/python benchmarks/check_capture.py

bench-containment: .venv/.dev ## Run functions that mean harm, in each tier, as root and as a plain user
	@$(BIN)/python benchmarks/check_containment.py

bench-libraries: .venv/.dev ## Measure each public function of five libraries, without a builder, and write docs/bench-libraries.md
	@$(BIN)/python benchmarks/check_libraries.py --write

bench-scale: .venv/.dev ## Scale whole applications twice: routes answered, counts the same, findings confirmed
	@$(BIN)/python benchmarks/check_scale.py

traps: .venv/.dev ## Judge pairs of functions of which it is known whether they behave the same, or those of WORDS="a b"
	@$(BIN)/python benchmarks/judge_traps.py $(WORDS)

recipes: .venv/.dev ## Judge what the recipes make of the Slow forms of their rules' pages, or of RULES="a b"
	@$(BIN)/python benchmarks/judge_recipes.py $(RULES)

fix-applications: .venv/.dev ## Repair the findings of eleven applications, and count what is fixed and verified: FOLDERS="a b" for some
	@$(BIN)/python benchmarks/fix_applications.py --write $(FOLDERS)

fix-public: .venv/.dev ## Repair the findings of checkouts of public applications: make fix-public CHECKOUTS="FOLDER=PYTHON ..."
	@$(BIN)/python benchmarks/fix_public.py $(CHECKOUTS)

limits: .venv/.dev ## Check hostile input, 20,000 random programs and a million lines: no crash, no hang, 2 GB at most
	@$(BIN)/python benchmarks/check_hostile.py
	@$(BIN)/python benchmarks/check_fuzz.py
	@$(BIN)/python benchmarks/check_memory.py

libraries: .venv/.dev ## Compare the library models with the libraries' source, which it downloads
	@$(BIN)/python scripts/libraries.py

docs: .venv/.dev ## Write the reference pages from the code
	@$(BIN)/python scripts/docs.py

golden: .venv/.dev ## Write the expected outputs in tests/golden anew: read the difference before you commit it
	@$(BIN)/python -m pytest --golden

house: .venv/.core ## List what is longer or wider than the house likes: nothing fails on it
	@$(BIN)/python scripts/house.py

clean: ## Remove the environment, caches and downloads
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/python:
	@for python in $(PYTHONS); do \
	  if $$python -c '$(USABLE)' 2>/dev/null; then exec $$python -m venv .venv; fi; \
	done; \
	echo "make: perfwright needs Python 3.11 or later with its venv module; none of $(PYTHONS) is one." >&2; \
	exit 1

.venv/.core: pyproject.toml constraints.txt | .venv/bin/python
	@$(PIP) --editable .
	@touch $@

.venv/.dev: .venv/.core
	@$(PIP) --editable '.[dev]'
	@touch $@

# OpenTelemetry's instrumentation refuses SQLAlchemy 2.1: all are measured with what it takes.
.cache/capture/.made: | .venv/bin/python
	@.venv/bin/python -m venv --clear .cache/capture
	@.cache/capture/bin/python -m pip --disable-pip-version-check install --quiet 'django<6' 'sqlalchemy<2.1' \
	  opentelemetry-sdk opentelemetry-instrumentation-sqlalchemy opentelemetry-instrumentation-sqlite3
	@touch $@

.cache/growth/.made: | .venv/bin/python
	@.venv/bin/python -m venv --clear .cache/growth
	@.cache/growth/bin/python -m pip --disable-pip-version-check install --quiet big_O==0.11.0
	@touch $@

# The wheel as it is released, compiled where there is a C compiler, in an environment of its own.
.cache/compiled/.made: .venv/.core setup.py $(shell find src -name '*.py' -o -name '*.toml' | sort)
	@rm -rf build  # what an older one left would be packed as well
	@$(BIN)/python -m venv --clear .cache/compiled
	@.cache/compiled/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt .
	@touch $@
