# netschouw: `make help` lists what there is.
GO      ?= go
RACE    ?=
FUZZTIME ?= 10s
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# Pinned tools; `go run` fetches and builds them once.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the static binary, ./netschouw
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o netschouw ./cmd/netschouw

test: ## every test; RACE=-race adds the race detector
	$(GO) vet ./...
	$(GO) test $(RACE) ./...

demo: build ## sweep a simulated fleet on this machine and print the report
	./netschouw demo

chaos: ## kill a sweep at 50 random moments, resume it each time, and compare with an undisturbed one
	NETSCHOUW_CHAOS=50 $(GO) test ./cmd/netschouw -run '^TestChaos$$' -count 1 -timeout 10m -v

bench: build ## speed and memory, beside nmap where it is installed (root; BENCHFLAGS=-quick is shorter)
	$(GO) build -o bin/ ./fixtures/cmd/fleet ./cmd/bench
	$(GO) test -run '^$$' -bench . -benchmem ./netinfo ./checks ./checks/indicators ./checks/probe ./checks/probe/dial ./sweep ./ledger ./report
	bin/bench -netschouw ./netschouw -fleet bin/fleet $(BENCHFLAGS)

lint: ## gofmt, go vet for every system that we build for, staticcheck, and the house's own rules
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt-ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	GOOS=darwin CGO_ENABLED=0 $(GO) vet ./...
	GOOS=freebsd CGO_ENABLED=0 $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

vuln: ## known vulnerabilities in our dependencies (needs the Go vulnerability database)
	$(GO) run $(GOVULNCHECK) ./...

fuzz: ## every fuzz target for FUZZTIME (10s) each
	@set -e; for dir in $$(git grep -lE '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go | cut -c6-); do \
	    echo "== $$dir $$target"; $(GO) test ./$$dir -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x; \
	  done; done

clean: ## what the other targets made
	rm -rf netschouw bin dist

.PHONY: help build test demo chaos bench lint vuln fuzz clean
