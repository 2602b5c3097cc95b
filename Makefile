# The front door. Each target says after ## what it does; `make` alone prints them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
# What make was told of itself must not reach the processes that it starts.
unexport MAKEFLAGS MFLAGS MAKELEVEL

stack := node --enable-source-maps packages/stack/dist/main.js
tests := node --enable-source-maps test/dist/run.js

.PHONY: help setup up down status logs reset traces generate build format lint test verify bench fuzz drill

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

# Not `npm ci`: it refuses a lock file without the packages of platforms that a registry doesn't carry.
setup: ## install what package-lock.json names, if it changed
	@cmp -s package-lock.json node_modules/.installed-lock || { echo 'Installing npm packages …'; \
	  npm install --no-save --loglevel=error && cp package-lock.json node_modules/.installed-lock; }

build: setup ## compile every room
	@tsc -b

up: build ## start the whole mesh and load the example (PORT=7500, REGIONS=us,eu, NATS_NODES=3, DATABASE_URL=…, TRACES=1|0)
	@$(stack) up

down: build ## stop everything; the data stays
	@$(stack) down

status: build ## how each process does
	@$(stack) status

logs: build ## the last log lines of all, or of one (S=evaluation-1); FOLLOW=1 goes on
	@$(stack) logs

reset: build ## stop everything and delete the data
	@$(stack) reset

traces: build ## start the mesh with a page that shows its traces
	@$(stack) traces

generate: setup ## make TypeScript and descriptors from proto/, and schema dumps
	@bash test/verify/generate.sh

format: setup ## put every file into the house style
	@biome check --write .

lint: setup ## format, lint rules, proto rules; changes nothing
	@biome check .
	@cd proto && buf format --diff --exit-code . && buf lint

test: build ## every test (ROOM=packages/codec for one room)
	@$(stack) provide
	@$(tests) $(ROOM)

verify: lint build ## what CI runs: lint, types, generated and schema diffs, then every test
	@$(stack) provide
	@bash test/verify/diffs.sh
	@$(tests)

bench: build ## measure, side by side with peers
	@node --expose-gc test/bench/dist/main.js

fuzz: build ## random rulesets against the reference (ARGS='--seed 7 --comparisons 100000'), random harm to replicas (RUNS=5000)
	@node test/differential/dist/fuzz.js $(ARGS)
	@SLUICE_FUZZ_RUNS=$(or $(RUNS),5000) SLUICE_FUZZ_SEED=$${SLUICE_FUZZ_SEED:-$$RANDOM} \
	  mocha packages/replica/dist/replica-property.test.js

# `make drill stream`: what follows the word are names of drills, not targets of their own.
drills := $(filter-out drill,$(MAKECMDGOALS))

drill: build ## long proofs against a real mesh, by name: goals, stream, ledger, regions (all without a name; SEED=…; ledger SEEDS=5, regions STORY=partition)
	@$(stack) provide
	@node test/integration/dist/drill.js $(drills)

ifeq (drill,$(firstword $(MAKECMDGOALS)))
.PHONY: $(drills)
$(drills):
	@:
endif
