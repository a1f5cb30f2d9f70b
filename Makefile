# The only commands a person needs; `make help` lists them. A clean clone, cargo and python3 (3.9 or later) are enough:
# whatever else is needed is made under target/.

SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint bench soak venvs checks rust python rustfmt clippy ruff ruff-format mypy cargo-test wheel untouched frameworks browser

# Of records, in the runs that indexing and searching are measured on.
MILLIONS ?= 1 3

VENVS := target/venvs
PEERS := target/peers
STEPS := target/steps

# The Pythons that were found, as 3.X, the default one first. Known once `venvs` has run: only a make below it reads them.
VERSIONS = $(shell cat $(VENVS)/versions 2>/dev/null)
INTERPRETERS = $(VERSIONS:%=$(CURDIR)/$(VENVS)/%/bin/python)
LINTER = $(firstword $(INTERPRETERS))

# Where ruff looks besides the package: everything Python that we ship or test with.
OUR_PYTHON := python-handler samples tests
RUFF = $(LINTER) -m ruff
RUFF_CONFIG := --config python-handler/pyproject.toml

# What the tests see. Colon-separated; the first is the default of a test that wants just one.
empty :=
export LOGQ_TEST_PYTHONS = $(subst $(empty) ,:,$(INTERPRETERS))
# Nothing is cached beside the sources: build.rs watches them.
export PYTHONPYCACHEPREFIX := $(CURDIR)/target/pycache
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/target/hypothesis

# $(call step,NAME,COMMAND) runs a command, shows and keeps what it prints, and notes its outcome for the summary.
define step
@mkdir -p $(STEPS); printf '\n== %s\n' '$(1)'; \
begun=$$SECONDS; if (set -o pipefail; { $(2); } 2>&1 | tee $(STEPS)/$(1).log); then outcome=ok; else outcome=FAILED; fi; \
printf '%-14s %-7s %5ss\n' '$(1)' $$outcome $$((SECONDS - begun)) >> $(STEPS)/outcomes; [ $$outcome = ok ]
endef

# $(call report,STEPS) runs steps, all of them even when one fails, and closes with what came of each.
define report
@rm -rf $(STEPS); $(MAKE) --no-print-directory --keep-going $(1); outcome=$$?; \
printf '\n== summary, Python %s\n' "$$(sed 's/ /, /g' $(VENVS)/versions)"; \
cat $(STEPS)/outcomes && awk "$$SUM" $(STEPS)/*.log; exit $$outcome
endef

# Adds up what cargo test ("test result: ok. 3 passed; 0 failed; 1 ignored; …"), pytest ("3 passed, 1 skipped in 0.1s") and
# node ("# pass 3") say.
define SUM
/^test result:/ || /^(=+ )?[0-9]+ (passed|failed|skipped|error|errors|xfailed|xpassed|deselected|warning|warnings)[ ,].* in [0-9.]+s/ {
    tested = 1
    for (i = 2; i <= NF; i++) if ($$(i - 1) ~ /^[0-9]+$$/) { word = $$i; gsub(/[^a-z]/, "", word); n[word] += $$(i - 1) }
}
/^# (pass|fail|skipped) [0-9]+$$/ { tested = 1; n[$$2 == "skipped" ? $$2 : $$2 "ed"] += $$3 }
END {
    if (tested) printf "%d passed, %d failed, %d skipped\n", n["passed"], n["failed"] + n["error"] + n["errors"], \
        n["skipped"] + n["ignored"] + n["xfailed"]
}
endef
export SUM

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-6s %s\n", $$1, $$2}' Makefile

demo: ## build logq, record a small shop that loses an order, and ask what happened
	cargo build --release --locked
	@PATH="$${CARGO_TARGET_DIR:-$(CURDIR)/target}/release:$$PATH" bash samples/demo/tour.sh target/demo

test: venvs ## everything: formats, lints, types, Rust tests, Python tests on every CPython 3.9+ found here
	$(call report,checks rust python)

lint: venvs ## the part of it that runs nothing: formats, lints, types
	$(call report,checks)

bench: ## measure reading a run, and what the recorded program pays, against peers on the same work
	cargo bench --locked --bench causality
	@printf '\nthe page of a million records:\n'; python3 tests/browser/run.py bench target/release/logq target/bench/run-1000000
	cargo bench --locked --bench store -- $(MILLIONS)
	@python3 tests/pythons.py $(PEERS) python-handler/requirements-bench.txt
	@for version in $$(cat $(PEERS)/versions); do python=$(PEERS)/$$version/bin/python; printf '\n== Python %s\n' $$version; \
	$$python python-handler/bench/emit.py && $$python python-handler/bench/primitives.py && \
	$$python python-handler/bench/startup.py && $$python python-handler/bench/program.py target/release/logq && \
	$$python python-handler/bench/races.py target/release/logq || exit 1; done

soak: export LOGQ_SOAK := 1
soak: export PROPTEST_CASES := 20000
soak: venvs ## the long counts: kills, fuzzing, model tests (the same tests with LOGQ_SOAK=1)
	$(call report,rust python)

# Below here: the steps, for the makes above. One works alone as well (`make cargo-test`) once there are environments.

venvs:
	@python3 tests/pythons.py $(VENVS) python-handler/requirements-dev.txt

checks: rustfmt clippy ruff ruff-format mypy
rust: cargo-test wheel untouched frameworks browser
python: $(VERSIONS:%=pytest-%)

rustfmt:
	$(call step,$@,cargo fmt --check)

clippy:
	$(call step,$@,cargo clippy --locked --all-targets -- -D warnings)

ruff:
	$(call step,$@,$(RUFF) check $(RUFF_CONFIG) $(OUR_PYTHON))

ruff-format:
	$(call step,$@,$(RUFF) format --check $(RUFF_CONFIG) $(OUR_PYTHON))

mypy:
	$(call step,$@,cd python-handler && $(LINTER) -m mypy)

cargo-test:
	$(call step,$@,cargo test --locked --no-fail-fast)

# After cargo-test, of whose compiled parts the wheel's command is made.
wheel:
	$(call step,$@,python3 tests/wheel.py)

# After cargo-test, which leaves the binary. `make soak` takes every module and every Python.
untouched:
	$(call step,$@,python3 tests/untouched.py $(if $(LOGQ_SOAK),--all))

frameworks:
	$(call step,$@,python3 tests/frameworks.py)

# After cargo-test, which leaves the binary. Without Chromium, node and npm the pages are not tested, unless LOGQ_BROWSER says
# that they must be.
browser:
	$(call step,$@,python3 tests/browser/run.py)

# Most of these tests wait for programs: three at a time keep two cores busy.
pytest-%:
	$(call step,$@,cd python-handler && $(CURDIR)/$(VENVS)/$*/bin/python -m pytest --numprocesses 3)
