# Every command does its own set-up, takes no more than it needs, and repeats nothing that is up to date.
# Needed beforehand: rustup, Node 20.3 or newer, make. For the browser tests: apt-get, or chromium and firefox on PATH.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help ask demo demo-shots test test-seed consumers check lint pkg reproduce docs bench soak fuzz mutants audit size format golden installs rust browsers

# What is built or installed is its own stamp: whoever deletes it gets it again.
NPM := node_modules/.package-lock.json
SERVERS := tests/servers/$(NPM)
# elizaOS in other versions, each in a folder of its own.
VERSIONS := tests/servers/1.6.5/$(NPM) tests/servers/1.7.2/$(NPM)
# Older compilers, for the package's declarations.
COMPILERS := tests/types/$(NPM)
PEERS := bench/$(NPM)
# Runtimes, bundlers and test runners; the larger ones apart.
CONSUMERS := tests/consumers/$(NPM)
FRAMEWORKS := tests/consumers/frameworks/$(NPM)
WASM_BINDGEN := target/tools/debug/wasm-bindgen
WASM_PACK := target/tools/bin/wasm-pack
CARGO_FUZZ := target/tools/bin/cargo-fuzz
CARGO_MUTANTS := target/tools/bin/cargo-mutants
CARGO_DENY := target/tools/bin/cargo-deny
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
TRAP := target/trap/pkg/index.js
# What Rust calls in JavaScript, for the boundary tests.
HOST := target/boundary/host.js
# Changes when the package is to be built the other way.
VARIANT := target/built-$(if $(STABLE),stable,smallest)
PACKAGE := pkg/package.json eliza-jobs-$(VERSION).tgz
SOURCES := Cargo.toml Cargo.lock rust-toolchain.toml $(shell find src pkg-template) $(shell find sandbox -type f) scripts/build.mjs scripts/declarations.mjs scripts/notices.mjs $(shell find tools/wasm-text) \
	LICENSE README.md CHANGELOG.md

export PATH := $(CURDIR)/target/tools/bin:$(CURDIR)/target/tools/debug:$(CURDIR)/node_modules/.bin:$(PATH)
export CARGO_TERM_COLOR ?= never
# When this began, for whoever says how long it has taken.
export BEGAN := $(or $(BEGAN),$(shell date +%s))
# What a developer may have set for other projects, and the question, which make would read as its own language.
export STABLE
unexport CARGO_TARGET_DIR CARGO_BUILD_TARGET RUSTFLAGS Q
say = printf '== [%4ds] %s\n' $$(($$(date +%s) - BEGAN)) "$(1)"
# Nobody debugs the tools.
without-debug := CARGO_PROFILE_DEV_DEBUG=0
npm-ci = npm ci --no-fund --no-audit --loglevel=error

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

ask: export QUESTION = $(value Q)
ask: $(PACKAGE) $(if $(filter eliza,$(SERVER)),$(SERVERS)) ## one paid job: make ask Q="…" (SERVER=eliza: the real server; SERVER=http://…: yours)
	@# What went wrong is said there: an error of make's would say nothing more.
	Q="$$QUESTION" node scripts/ask.mjs || true

demo: $(PACKAGE) $(if $(filter eliza,$(SERVER)),$(SERVERS)) ## serves the demo page and prints its address (SERVER=eliza: with the real server; SERVER=http://…: yours)
	@node scripts/demo.mjs

demo-shots: $(PACKAGE) browsers ## pictures of the demo page in every state, in target/shots (STATES="idle answered": only these)
	@node scripts/demo-shots.mjs

# The document is somebody's own file: it is tested when it is named.
SUITES := host sandbox node chromium firefox build types package seed $(if $(DOC),document) consumers frameworks examples page
needs-node := $(WASM_PACK) $(HOST)
needs-chromium := $(needs-node) browsers
needs-firefox := $(needs-node) browsers
needs-build := $(NPM)
needs-types := $(PACKAGE) $(SERVERS) $(COMPILERS)
needs-package := $(PACKAGE) $(SERVERS) $(VERSIONS) $(TRAP)
needs-seed := $(PACKAGE) $(SERVERS)
needs-document := $(needs-seed)
needs-consumers := $(PACKAGE) $(CONSUMERS) browsers
needs-frameworks := $(PACKAGE) $(FRAMEWORKS) browsers
needs-examples := $(PACKAGE) $(CONSUMERS) $(SERVERS) browsers
needs-page := $(PACKAGE) $(SERVERS) browsers
test: $(foreach suite,$(or $(SUITE),$(SUITES)),$(needs-$(suite))) ## all tests; some of them: make test SUITE="host types"
	@node scripts/test.mjs $(or $(SUITE),$(SUITES))

test-seed: $(needs-document) ## a document's TypeScript blocks and types against the package: make test-seed DOC=path
	@node scripts/test.mjs document

consumers: $(needs-consumers) $(needs-frameworks) ## the package in every runtime and tool that there is, and their table in docs/runtimes.md
	@node scripts/test.mjs consumers frameworks

check: lint ## the quick one: format, lints, types, size, host tests
	@node scripts/test.mjs host sandbox build

lint: $(PACKAGE) $(HOST) ## format, lints, types, size
	@$(call say,rustfmt and clippy on the host and on wasm32)
	cargo fmt --check
	cargo fmt --check --manifest-path tools/wasm-bindgen/Cargo.toml
	cargo fmt --check --manifest-path sandbox/Cargo.toml
	cargo clippy --quiet --locked --all-targets -- -D warnings
	cargo clippy --quiet --locked --lib --test node --test browser --target wasm32-unknown-unknown -- -D warnings
	cargo clippy --quiet --locked --manifest-path sandbox/Cargo.toml --target-dir target/sandbox --all-targets -- -D warnings
	cargo clippy --quiet --locked --manifest-path sandbox/Cargo.toml --target-dir target/sandbox --lib --target wasm32-unknown-unknown -- -D warnings
	$(call say,the structure of the crates)
	node scripts/rooms.mjs
	node scripts/comments.mjs
	$(call say,prettier and eslint)
	prettier --check --log-level warn .
	eslint
	$(call say,types)
	node scripts/golden.mjs
	tsc --project pkg-template
	tsc --project tests/types
	$(call say,size)
	node scripts/size.mjs

pkg: $(PACKAGE) ## the npm package in pkg/, its tarball beside it; with STABLE=1 without unstable flags
	@sha256sum eliza-jobs-$(VERSION).tgz

docs: $(PACKAGE) | rust ## the reference of the package and of its Rust core, in target/docs
	@$(call say,typedoc)
	typedoc --logLevel Warn
	$(call say,rustdoc)
	RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --quiet --locked --no-deps --document-private-items --target wasm32-unknown-unknown
	rm -rf target/docs/core
	cp -r target/wasm32-unknown-unknown/doc target/docs/core
	printf '%s\n' target/docs/api/index.html target/docs/core/eliza_jobs/index.html

reproduce: $(NPM) $(WASM_BINDGEN) ## builds the package twice from nothing, and compares the bytes
	@for build in 1 2; do
		rm -rf target/package-build target/package
		node scripts/build.mjs
		cp eliza-jobs-$(VERSION).tgz target/reproduced-$$build.tgz
	done
	cmp target/reproduced-1.tgz target/reproduced-2.tgz
	sha256sum eliza-jobs-$(VERSION).tgz

bench: $(PACKAGE) $(PEERS) $(SERVERS) ## ours and the peers side by side
	@node bench/run.mjs

soak: export SCRIPTS ?= 1000000
soak: export KILLS ?= 1000
soak: export RECORDS ?= 100000
soak: $(needs-package) ## random misfortune in a million scripts, a thousand kills, 100,000 records: make soak SCRIPTS=5000000 KILLS=0
	@cargo test --release --locked --test scenarios property -- --nocapture
	node --test --test-reporter=spec tests/package/many-records.test.mjs
	[ "$(KILLS)" = 0 ] || node --test --test-reporter=spec tests/package/kills.test.mjs

FUZZ_TARGETS := $(notdir $(wildcard fuzz/corpus/*))
fuzz: export RUSTC_BOOTSTRAP := 1
fuzz: SECONDS ?= 30
fuzz: $(CARGO_FUZZ) ## hostile inputs made by libFuzzer, so many seconds for each target: make fuzz SECONDS=600
	@cargo fuzz build --sanitizer none
	for target in $(FUZZ_TARGETS); do
		$(call say,$$target)
		mkdir -p target/fuzz/$$target
		TARGET=$$target cargo fuzz run --sanitizer none fuzz target/fuzz/$$target fuzz/corpus/$$target -- -max_total_time=$(SECONDS) -max_len=100000 -print_final_stats=1
	done

# What the tests of the core do not notice when it is changed. Fewer random scripts and no crowds of waits: all is repeated for each change.
FILE ?= src/payment/**/*.rs src/waiting/**/*.rs src/spending/**/*.rs src/x402/*.rs
mutants: export SCRIPTS ?= 300
mutants: export CARGO_PROFILE_TEST_DEBUG := 0
mutants: $(CARGO_MUTANTS) ## changes that no test notices, an hour or two: make mutants FILE=src/payment/machine.rs
	@cargo mutants --no-shuffle --jobs 2 --minimum-test-timeout 20 --output target $(foreach file,$(FILE),--file '$(file)') \
		--cargo-test-arg=--lib --cargo-test-arg=--test --cargo-test-arg=scenarios -- -- --skip crowd::

# The advisories' database is in no package registry, and npm's registry need not answer for its own.
audit: $(CARGO_DENY) ## licences and sources of what the package, its build tool and its fuzz targets are made of
	@for manifest in Cargo.toml sandbox/Cargo.toml tools/wasm-bindgen/Cargo.toml fuzz/Cargo.toml; do
		cargo deny --locked --log-level error --config deny.toml --manifest-path $$manifest check bans licenses sources
	done

size: $(PACKAGE) ## what the package weighs, and which functions weigh most
	@node scripts/size.mjs --functions

format: $(NPM) ## puts the formatting right
	@cargo fmt
	prettier --write --log-level warn .

golden: $(PACKAGE) ## accepts the package's present types as the right ones
	@node scripts/golden.mjs --write

# What the tests take from npm; not the repository's own tools, which come with the first of the others.
installs: $(SERVERS) $(VERSIONS) $(COMPILERS) $(CONSUMERS) $(FRAMEWORKS)

# Asked each time, because they belong to the machine and not to this folder.
rust:
	@rustup target list --installed | grep -qx wasm32-unknown-unknown || rustup target add wasm32-unknown-unknown
	rustup component list --installed | grep -qx rust-src || rustup component add rust-src

browsers:
	@bash scripts/browsers.sh

$(NPM): package.json package-lock.json
	@$(call say,npm packages for building and checking)
	$(npm-ci)

$(SERVERS) $(VERSIONS): %/$(NPM): %/package.json %/package-lock.json
	@$(call say,the servers for the tests in $*: a minute)
	$(npm-ci) --prefix $* --ignore-scripts

$(COMPILERS): tests/types/package.json tests/types/package-lock.json
	@$(call say,older compilers)
	$(npm-ci) --prefix tests/types --ignore-scripts

$(CONSUMERS) $(FRAMEWORKS): %/$(NPM): %/package.json %/package-lock.json
	@$(call say,the runtimes and tools in $*: a minute)
	$(npm-ci) --prefix $* --ignore-scripts

$(PEERS): bench/package.json bench/package-lock.json
	@$(call say,the peers)
	$(npm-ci) --prefix bench --ignore-scripts

$(WASM_BINDGEN): $(shell find tools/wasm-bindgen -type f) rust-toolchain.toml | rust
	@$(call say,building the wasm-bindgen command: a minute)
	$(without-debug) cargo build --quiet --locked --manifest-path tools/wasm-bindgen/Cargo.toml --target-dir target/tools
	touch $@

# It calls the wasm-bindgen of the same version and npm's wasm-opt, and downloads nothing.
$(WASM_PACK): Makefile | $(WASM_BINDGEN) $(NPM)
	@$(call say,building wasm-pack: a minute)
	$(without-debug) cargo install --quiet wasm-pack --version 0.15.1 --locked --debug --root target/tools
	touch $@

$(CARGO_FUZZ): version := 0.13.2
$(CARGO_MUTANTS): version := 27.1.0
$(CARGO_DENY): version := 0.20.2
$(CARGO_FUZZ) $(CARGO_MUTANTS) $(CARGO_DENY): Makefile
	@$(call say,building $(@F): a minute)
	$(without-debug) cargo install --quiet $(@F) --version $(version) --locked --debug --root target/tools
	touch $@

$(HOST): tests/boundary/host.ts $(shell find pkg-template) $(NPM)
	@esbuild $< --bundle --format=esm --target=es2022 --log-level=warning --outfile=$@

$(VARIANT):
	@mkdir -p target
	rm -f target/built-*
	touch $@

# After the package: both use the same folder of cargo's.
$(TRAP): $(SOURCES) $(NPM) $(WASM_BINDGEN) $(VARIANT) | $(PACKAGE)
	@node scripts/build.mjs --trap

$(PACKAGE) &: $(SOURCES) $(NPM) $(WASM_BINDGEN) $(VARIANT)
	@node scripts/build.mjs
