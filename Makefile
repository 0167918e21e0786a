# The words of sipward. Each is one wish; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

GO       ?= go
FUZZTIME ?= 20s
TIER     ?= 1
ONLY     ?=
REPORT   ?= accept/report
LINTER   ?= v2.15.0
OAPI     ?= v2.8.2
ENGINE   ?= $(shell command -v docker || command -v podman || echo docker)
IMAGE    ?= sipward:dev

# The side-by-side load tests and whom to compare with; TESTS, REPS, DUR and USERS are theirs (see its README).
PEERBENCH ?= ../shared/bench
PEERS     ?=
REDIS     ?= redis://127.0.0.1:6379
MOST      ?= 100000

# What must be there for a test to count: a missing server or phone fails it instead of skipping it. REQUIRE= lifts that.
REQUIRE  ?= 1
REQUIRED  = SIPWARD_REQUIRE_REDIS=$(REQUIRE) SIPWARD_REQUIRE_PHONES=$(REQUIRE)

.PHONY: help run demo test check race fuzz accept bench bench-table bench-smoke bench-growth release image lint client fmt build clean tools

help: ## list these words
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and serve: embedded store, generated CA, demo accounts, everything in ./data
	bin/sipward serve --demo

demo: build ## show the main job, unattended, in a temporary folder on free ports
	bin/sipward demo

test: tools ## install what the tests need when it is missing (as root), and run them all
	$(REQUIRED) $(GO) test -shuffle=on -timeout=10m ./...

check: ## format, vet, lint, architecture, modules, manifests, spec drift
	@GO="$(GO)" .ci/check

race: tools ## all tests under the race detector (needs a C compiler)
	$(REQUIRED) CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout=20m ./...

fuzz: ## every fuzz target for FUZZTIME (20s) each, from the corpora in testdata/fuzz
	@$(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | while read -r pkg; do \
	  for f in $$($(GO) test -list '^Fuzz' "$$pkg" | grep '^Fuzz' || true); do \
	    echo "$$pkg $$f"; $(GO) test -run='^$$' -fuzz="^$$f\$$" -fuzztime=$(FUZZTIME) "$$pkg"; \
	  done; \
	done

accept: tools ## the acceptance list up to TIER (1; 2 before a release: all tests) or ONLY these ids, with a report in REPORT
	$(REQUIRED) SIPWARD_TEST_TIER=$(TIER) $(GO) run ./accept -go "$(GO)" -tier $(TIER) -only "$(ONLY)" -out $(REPORT)

bench: ## beside the peers of ../shared/bench, in one run, where that is; else all Go benchmarks, with allocations
	@GO="$(GO)" PEERBENCH="$(PEERBENCH)" PEERS="$(PEERS)" bench/run.sh

bench-table: ## the table of docs/performance.md in one run of REPS (5) interleaved repetitions, 40 minutes on an idle machine
	@GO="$(GO)" PEERBENCH="$(PEERBENCH)" bench/table.sh

bench-smoke: ## compare what the hot paths allocate with bench/smoke/baseline.txt; UPDATE=1 writes it
	@$(GO) run ./bench/smoke $(if $(UPDATE),-update)

bench-growth: ## CPU of REGISTER and look-up with 1000 to MOST (100000) accounts, then with 1 to 5 nodes; REDIS names an empty Redis
	@$(GO) run ./bench/growth -redis "$(REDIS)" -most $(MOST)

release: ## binary built twice and compared, checksum, parts with licences, in dist/ (VULNDB=file://… looks up vulnerabilities)
	@GO="$(GO)" .ci/release

image: ## build the container image (docker or podman)
	$(ENGINE) build -t $(IMAGE) .

lint: ## golangci-lint at the version pinned here (its first run builds it); make check does without
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINTER) run

client: ## make the Go client anew from the API's document, with oapi-codegen at the version pinned here
	@GO="$(GO)" OAPI="$(OAPI)" .ci/client

fmt: ## format the code
	gofmt -w .

build: ## build bin/sipward
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/sipward ./cmd/sipward

clean: ## remove what was built; ./data stays
	rm -rf bin dist

tools:
	@REQUIRE=$(REQUIRE) .ci/tools
