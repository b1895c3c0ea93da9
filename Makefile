# Every command does its own set-up; a stamp under target/ remembers what is up to date.
# Needed beforehand: rustup, Node 20 or newer, make. For the browser tests: apt-get, or chromium and firefox on PATH.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help ask demo test check pkg bench format golden

STAMPS := target/stamps
CARGO_BIN := $(CURDIR)/target/tools/bin
export PATH := $(CARGO_BIN):$(CURDIR)/target/tools/debug:$(CURDIR)/node_modules/.bin:$(PATH)
export CARGO_TERM_COLOR ?= never

SOURCES := Cargo.toml Cargo.lock $(shell find src pkg-template -type f) scripts/build.mjs scripts/short-names.mjs scripts/wasm-text.mjs LICENSE README.md CHANGELOG.md
say = printf '== %s\n' "$(1)"

help: ## this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

ask: $(STAMPS)/pkg $(STAMPS)/servers ## one paid job from the terminal: make ask Q="…" (SERVER=http://… for a server of yours)
	@Q="$${Q-}" node scripts/ask.mjs

demo: $(STAMPS)/pkg $(STAMPS)/servers ## serves the demo page and prints its address
	@node scripts/demo.mjs

test: $(STAMPS)/pkg $(STAMPS)/servers $(STAMPS)/wasm-pack $(STAMPS)/browsers ## all tests (SUITE=name for one of them)
	@node scripts/test.mjs $${SUITE-}

check: $(STAMPS)/pkg ## the quick one: format, lints, host tests, types, size
	@$(call say,rustfmt and clippy on the host and on wasm32)
	cargo fmt --check
	cargo clippy --quiet --locked --all-targets -- -D warnings
	cargo clippy --quiet --locked --lib --test node --test browser --target wasm32-unknown-unknown -- -D warnings
	$(call say,prettier and eslint)
	prettier --check --log-level warn .
	eslint
	$(call say,host tests)
	cargo test --quiet --locked --lib --test scenarios
	$(call say,types)
	node scripts/golden.mjs
	tsc --project tests/types
	$(call say,size)
	node scripts/size.mjs

pkg: $(STAMPS)/pkg ## the npm package in pkg/, its tarball beside it

bench: $(STAMPS)/pkg $(STAMPS)/bench ## ours and the peers side by side
	@node bench/run.mjs

format: $(STAMPS)/npm ## puts the formatting right
	@cargo fmt
	prettier --write --log-level warn .

golden: $(STAMPS)/pkg ## accepts the package's present types as the right ones
	@node scripts/golden.mjs --write

$(STAMPS)/rust: rust-toolchain.toml
	@mkdir -p $(STAMPS)
	$(call say,Rust target)
	rustup target list --installed | grep -qx wasm32-unknown-unknown || rustup target add wasm32-unknown-unknown
	rustup component list --installed | grep -qx rust-src || rustup component add rust-src
	touch $@

$(STAMPS)/npm: package.json package-lock.json
	@mkdir -p $(STAMPS)
	$(call say,npm packages for building and checking)
	npm ci --no-fund --no-audit --loglevel=error
	touch $@

$(STAMPS)/wasm-bindgen: tools/wasm-bindgen/Cargo.toml tools/wasm-bindgen/Cargo.lock | $(STAMPS)/rust
	@$(call say,the wasm-bindgen command (about a minute))
	cargo build --quiet --locked --manifest-path tools/wasm-bindgen/Cargo.toml --target-dir target/tools
	touch $@

$(STAMPS)/wasm-pack: | $(STAMPS)/wasm-bindgen
	@$(call say,wasm-pack (about a minute))
	cargo install --quiet wasm-pack --version 0.15.1 --locked --debug --root target/tools
	touch $@

$(STAMPS)/browsers: scripts/browsers.sh | $(STAMPS)/rust
	@$(call say,browsers for the tests)
	bash scripts/browsers.sh
	touch $@

$(STAMPS)/servers: tests/servers/package.json tests/servers/package-lock.json
	@mkdir -p $(STAMPS)
	$(call say,the elizaOS server (about a minute))
	npm ci --prefix tests/servers --ignore-scripts --no-fund --no-audit --loglevel=error
	touch $@

$(STAMPS)/bench: bench/package.json bench/package-lock.json
	@$(call say,the peers)
	npm ci --prefix bench --ignore-scripts --no-fund --no-audit --loglevel=error
	touch $@

$(STAMPS)/pkg: $(SOURCES) $(STAMPS)/npm $(STAMPS)/wasm-bindgen
	@node scripts/build.mjs
	touch $@
