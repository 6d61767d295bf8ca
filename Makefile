# Everything needs Go, git and make; what else a target needs is installed from
# apt where that is possible, and the target is skipped, visibly, where not.

# It brings gofumpt v0.12.0 and goimports.
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

H2SPEC := github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible

# Patterns do not look into folders with a dot.
PACKAGES := ./... ./.ci/test

FUZZTIME  ?= 30s
CRASHES   ?= 200
DECISIONS ?= 1000000
SEED      ?= 1
PLATFORMS ?= 5000
PART      ?=

# DEMO is what make run starts, once all programs are in .build.
DEMO ?= .build/library

# missing says which issue brings what a target does not do yet, and fails.
missing = @echo "make $@: not there yet: $(1) (issue: $(2))" >&2; exit 2

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: build ## start the sample platform and say what to try
	@exec $(DEMO)

.PHONY: build
build: ## build modgate and the sample programs into .build
	@mkdir -p .build
	@go build -o .build/ ./core/cmd/modgate ./hcl/examples/library/... ./hcl/examples/mute/... ./plugins/okapi/folio

# ADAPTERS are the ones that come along.
ADAPTERS := okapi pauseresume rewrite

.PHONY: plugins
plugins: ## build the adapters that come along into .build/plugins
	@mkdir -p .build/plugins
	@go build -o .build/ ./core/cmd/modgate
	@for name in $(ADAPTERS); do .build/modgate plugin build -o .build/plugins/$$name.wasm plugins/$$name || exit 1; done

.PHONY: test
test: ## run all tests, each part against its time budget; PART=name runs one
	@bash .ci/need gcc || true
	@bash .ci/need clang wasm-ld || true
	@bash .ci/need rustc-wasm32 || true
	@go vet ./.ci/test && go test ./.ci/test
	@go build -o .build/test ./.ci/test
	@MODGATE_GUESTS="$${MODGATE_GUESTS-$$(bash .ci/guests)}" .build/test -part '$(PART)'

.PHONY: tck
tck: ## run adapters that others wrote, and http-wasm's compatibility kit
	@guests=$$(bash .ci/guests) && MODGATE_GUESTS="$$guests" go test ./plugins ./core/gateway -count=1 -run '^Test(ThirdPartyGuests|CompatibilityKit)$$' -v

.PHONY: cover
cover: ## hold the pure heart to tests that reach every statement of it
	@bash .ci/cover ./core/lifecycle ./core/requirement

.PHONY: check
check: check-format check-scripts vet lint check-mod check-generated cover ## all that a push must pass beside the tests; changes nothing

.PHONY: check-format
check-format:
	@$(GOLANGCI) fmt --diff . .ci/test

.PHONY: check-scripts
check-scripts:
	@bash .ci/scripts

.PHONY: vet
vet:
	@go vet $(PACKAGES)

.PHONY: lint
lint:
	@$(GOLANGCI) run $(PACKAGES)

.PHONY: check-mod
check-mod:
	@go mod tidy -diff

.PHONY: check-generated
check-generated:
	@bash .ci/generated

.PHONY: fmt
fmt: ## format the code, group the imports
	@$(GOLANGCI) fmt . .ci/test

.PHONY: generate
generate: ## make the generated files anew
	@go generate ./...

.PHONY: bench
bench: ## run all benchmarks
	@go test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-peers
bench-peers: ## compare the proxy with a naive one before the same backend
	@if bash .ci/need wrk; then go run ./bench/peers; else echo "bench-peers: SKIPPED"; fi

.PHONY: bench-policies
bench-policies: ## measure what policies cost per request
	@go test ./policies -count=1 -run '^TestFigures$$' -figures -v

.PHONY: bench-plugins
bench-plugins: ## measure what adapters cost per request
	@go test ./plugins/... ./sdk-wasm/... -count=1 -run '^$$' -bench .

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME, compare DECISIONS of random policies
	@FUZZTIME='$(FUZZTIME)' bash .ci/fuzz
	@MODGATE_DECISIONS='$(DECISIONS)' MODGATE_SEED="$$(date +%s)" go test ./policies -count=1 -run '^TestPlansAnswerAsEvaluationDoes$$' -timeout 2h -v

.PHONY: mutants
mutants: ## break the lifecycle, the analyser of policies and the proxy in every way of a list, and see that a test notices
	@go test ./core/lifecycle -run '^TestMutantsDie$$' -count=1 -timeout 2h -v -args -mutants -rewrite
	@MODGATE_MUTANTS=1 go test ./policies ./core/proxy -count=1 -run '^TestMutantsDie$$' -timeout 1h -v

.PHONY: simulate
simulate: ## let PLATFORMS whole platforms live from SEED on, before a witness
	@go test ./core/lifecycle/lifecycletest/simulation -run Promises -count=1 -timeout 60m -v -args -seed $(SEED) -seeds $(PLATFORMS)

.PHONY: explore
explore: ## close the state space of small worlds, and of worlds in which what they have happens together
	@go test ./core/lifecycle -run 'Small(Worlds|Platforms)Close' -count=1 -timeout 12m -v -args -combined

.PHONY: model
model: ## check the formal model of UPDATE with spin
	@if bash .ci/need spin gcc; then bash core/lifecycle/model/check; else echo "model: SKIPPED"; fi

.PHONY: crash
crash: ## kill the gateway CRASHES times, compare with what it had acknowledged
	@MODGATE_CRASHES='$(CRASHES)' go test ./core/gateway -run '^TestStateSurvivesKill$$' -count=1 -timeout 20m -v

# What modgate claims beyond the profile core; README.md says what is not there yet.
CONFORMANCE_FEATURES ?= all,-compatible
RUN ?=

.PHONY: conformance
conformance: ## run the conformance suite against modgate; RUN=regexp chooses cases
	@mkdir -p .build/conformance
	@go build -o .build/ ./core/cmd/modgate ./conformance/cmd/modgate-conformance
	@.build/modgate-conformance core -command '.build/modgate serve {config}' -features '$(CONFORMANCE_FEATURES)' -run '$(RUN)' \
		-organization modgate -project modgate -url https://github.com/modgate/modgate -version "$$(git describe --always --dirty)" \
		-report .build/conformance/report.yaml -json .build/conformance/report.json \
		-junit .build/conformance/junit.xml -page .build/conformance/report.html

RUNS ?= 10

.PHONY: conformance-stable
conformance-stable: ## play the suite RUNS times with all CPUs busy: no case may fail
	@mkdir -p .build
	@go build -o .build/ ./core/cmd/modgate ./conformance/cmd/modgate-conformance
	@.build/modgate-conformance stable -runs $(RUNS) -command '.build/modgate serve {config}' -features '$(CONFORMANCE_FEATURES)' -run '$(RUN)'

.PHONY: conformance-broken
conformance-broken: ## put broken cores before modgate, and see which case catches each
	@mkdir -p .build
	@go build -o .build/ ./core/cmd/modgate ./conformance/cmd/modgate-conformance
	@.build/modgate-conformance broken -command '.build/modgate serve {config}' -features '$(CONFORMANCE_FEATURES)'

.PHONY: soak
soak: ## stream 4 GiB each way through the gateway: its memory must not grow
	@go run ./bench/soak

.PHONY: bench-parking
bench-parking: ## park 15,000 requests: memory, RESUME, clients that leave
	@go run ./bench/parking
	@go run ./bench/parking -tls -requests 5000

.PHONY: corpus
corpus: ## replay attacks and conformance cases against the proxy: marks, beside others'
	@go test ./core/proxy -run '^Test(Corpus|TransferEncodingMutations)$$' -count=1 -v

.PHONY: h2spec
h2spec: ## run h2spec against the data listener, in clear text and under TLS
	@mkdir -p .build && GOBIN='$(CURDIR)/.build' go install $(H2SPEC)
	@MODGATE_H2SPEC='$(CURDIR)/.build/h2spec' go test ./core/proxy -run '^TestH2Spec$$' -count=1 -v

.PHONY: clean
clean: ## remove what was built and what the sample platform wrote
	@rm -rf .build .run

