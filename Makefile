# The two commands are `make run` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
HOST ?= 127.0.0.1
PORT ?= 8080
MODEL ?=
SERVE_FLAGS ?=
SECTIONS ?=
BENCH_FLAGS ?=
CACHE := $(or $(BOWHEAD_CACHE),$(HOME)/.cache/bowhead)
PYTHON := build/venv/bin/python
# build/venv/bin holds Node where Debian's is too old; a clone's folder name must not spoil the compiler cache.
export PATH := $(CURDIR)/build/venv/bin:$(PATH)
export CCACHE_BASEDIR := $(CURDIR)
SOURCES = $(shell git ls-files --cached --others --exclude-standard '*.cc' '*.h')

.PHONY: help run test test-full bench build wheel setup setup-test model format tidy clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: HOST, PORT, MODEL=file.gguf, SERVE_FLAGS for run; SECTIONS=\"unit e2e ...\" for test; BENCH_FLAGS for bench; BOWHEAD_CACHE"

run: build $(if $(MODEL),,model)  ## install what is missing, build, fetch the default model, serve it
	@echo "Open http://$(HOST):$(PORT)/ in a browser. Ctrl-C stops the server."
	@exec build/release/bowhead serve "$(or $(MODEL),$(CACHE)/models/SmolLM2-135M-Instruct.Q4_1.gguf)" \
	    --host $(HOST) --port $(PORT) $(SERVE_FLAGS)

test: setup-test  ## every test: unit, end to end, browser, sanitizers, fuzzers (under 15 minutes on 2 cores)
	@$(PYTHON) tools/run_tests.py $(SECTIONS)

test-full: setup-test  ## the long tests too: an hour each of schemathesis and of the wire fuzzer
	@BOWHEAD_FULL=1 $(PYTHON) tools/run_tests.py $(SECTIONS)

bench: setup-test  ## measure against llama.cpp and write docs/benchmarks.md (about 30 minutes on an idle machine)
	@cmake --preset release -DBOWHEAD_BENCH=ON -DBOWHEAD_TESTS=ON && cmake --build --preset release --target \
	    bowhead dump_logits bench/all
	@$(PYTHON) tools/fetch.py default-model gemma && tools/build_llama_cpp.sh
	@$(PYTHON) bench/run.py $(BENCH_FLAGS)

build: setup  ## the release binary, build/release/bowhead
	@cmake --preset release -DBOWHEAD_TESTS=OFF >build/configure.log || { cat build/configure.log; exit 1; }
	@cmake --build --preset release --target bowhead

wheel: setup-test  ## the Python package, build/wheel/dist/*.whl
	@$(PYTHON) tools/make_wheel.py

setup:
	@tools/setup.sh run

setup-test:
	@tools/setup.sh test

model: setup
	@$(PYTHON) tools/fetch.py default-model >/dev/null

format:  ## clang-format on every C++ file
	@clang-format-16 -i $(SOURCES)

tidy:  ## clang-tidy on everything, errors on
	@cmake --preset tidy && cmake --build --preset tidy

clean:  ## remove build/ (downloads stay in the cache folder)
	@rm -rf build
