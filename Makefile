# Parley. `make run` builds and starts it, `make test` checks everything; both install what they need and say so.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run build binary site dev test bench fmt lint doc clean
IN := . .ci/environment &&
# The program, its site and hash.txt, ready to be copied elsewhere as a whole.
DIST := target/parley

help: ## what there is to do
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

setup: ## install what building needs
	@.ci/setup run

run: build ## build, then serve on http://127.0.0.1:3000 with data in ./data
	PARLEY_SITE_ROOT=$${PARLEY_SITE_ROOT:-$(DIST)/site} exec $(DIST)/parley serve

build: setup ## the release program and its site, in target/parley
	@$(MAKE) --no-print-directory -j2 binary site

# The two are built side by side: each spends minutes where it can use one core only. The site has more of them (the
# linker's and the optimiser's), so the program gives way to it.
binary:
	$(IN) nice cargo build --release --package server
	@mkdir -p $(DIST)
	@$(IN) cp -f --remove-destination "$$CARGO_TARGET_DIR/release/parley" $(DIST)/parley

site:
	$(IN) cargo bundle $(DIST)

dev: ## rebuild and reload at every change, with cargo-leptos
	@.ci/setup dev
	$(IN) cargo leptos watch

test: ## everything: formatting, lints, documentation, tests, browser tests
	@.ci/setup test
	@.ci/test

bench: setup ## load on the real server beside a bare WebSocket
	$(IN) cargo bench --package server --bench load $(if $(QUICK),-- --quick)

fmt: ## format the sources
	$(IN) cargo fmt --all

lint: setup ## clippy for the server's side and the browser's
	$(IN) cargo clippy --package app --package server --package bundle --features app/testing --all-targets -- -D warnings
	$(IN) cargo clippy --package frontend --lib --features split --target wasm32-unknown-unknown -- -D warnings

doc: setup ## the crates' documentation
	$(IN) cargo doc --no-deps --package app --package server --features app/ssr
	@$(IN) echo "$$CARGO_TARGET_DIR/doc/app/index.html"

clean: ## remove what was built here (the shared cache of compiled dependencies stays)
	rm -rf target style/node_modules end2end/node_modules end2end/test-results end2end/playwright-report
