# Everything runs with the project's own Node (npm package `node`), which `make setup` installs.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
SHELL := bash
.DEFAULT_GOAL := help
ARGS ?=

.PHONY: help
help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install packages and compile hnswlib (nothing to do when that is done); all other targets do it first
	@scripts/setup.sh

.PHONY: demo
demo: setup ## a three-node cluster on this machine with 50,000 word vectors, until Ctrl-C (ARGS=--exit: ends by itself)
	@exec node local/demo/main.ts $(ARGS)

.PHONY: up
up: setup ## the embedded mode with nothing in it: API server, operator, kubelet, until Ctrl-C (ARGS=file.yaml: applies it)
	@exec node local/main.ts $(ARGS)

.PHONY: test
test: setup ## types, lint, generated files, unit, property and process tests; what CI runs (ARGS=pattern: only those tests)
	@node scripts/test.ts $(ARGS)

.PHONY: check
check: setup ## types, lint, format and generated files, without the tests
	@node scripts/test.ts --checks-only

.PHONY: generate
generate: setup ## write the CRDs, validators, reference and error pages again from their sources
	@node crds/generate/main.ts
	@node scripts/generate-error-page.ts

.PHONY: format
format: setup ## format all files
	@npm run --silent format

.PHONY: bench
bench: setup ## speed, recall and memory against hnswlib itself, in one run
	@node bench/main.ts $(ARGS)

.PHONY: sim
sim: setup ## operator and nodes in virtual time against seeded faults (SEEDS=1000 FIRST=1 JOBS=2 KEEP_GOING=1; SEED=n TRACE=1: one, told)
	@SEEDS="$(or $(SEEDS),100)" FIRST="$(or $(FIRST),1)" JOBS="$(or $(JOBS),2)" $(if $(SEED),SEED=$(SEED)) $(if $(TRACE),TRACE=$(TRACE)) $(if $(MUTANT),MUTANT=$(MUTANT)) $(if $(KEEP_GOING),KEEP_GOING=$(KEEP_GOING)) node sim/main.ts

.PHONY: chaos
chaos: setup ## kills, pauses, partitions, moves and splits under load, as a table (ARGS="kills split": only those parts)
	@exec node e2e/processes/chaos/main.ts $(ARGS)

.PHONY: clean
clean: ## remove the embedded mode's state and data (.annulus) and what tests left; packages stay
	@rm -rf .annulus coverage dist node_modules/.cache
