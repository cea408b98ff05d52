# Every target does its own set-up: a virtual environment in .venv with the exact versions of constraints.txt.
# Python 3.11.4 to 3.13: the first that fits.
FITS := import sys; sys.exit(not (3, 11, 4) <= sys.version_info[:3] < (3, 14))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --constraint constraints.txt

.PHONY: help quickstart announce test test-slow test-sanitizers fuzz lint format docs clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

quickstart: announce $(VENV)/installed  ## train a small codec on generated volumes and draw its rate-distortion curve
	$(BIN)/aiwave train experiment=quickstart logger.mode=offline

announce:
	@test -f $(VENV)/installed || echo "1. Install aiWave and PyTorch into $(VENV): 2 to 15 minutes, most of them downloads (without a GPU," \
		"PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu before make saves gigabytes)."
	@echo "2. Train a small codec on generated volumes, in four stages: 5 to 7 minutes on two cores."
	@echo "3. Measure it and draw its rate-distortion curve: half a minute. Nothing leaves this machine; Ctrl-C ends it."

test: lint  ## lint, types and the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test-slow: $(VENV)/installed-test $(VENV)/installed-docs  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

# The sanitized build takes the place of the installed one, which comes back at the end.
test-sanitizers: $(VENV)/installed-test  ## the compiled core's tests with AddressSanitizer and UBSan
	AIWAVE_SANITIZE=1 $(BIN)/python setup.py -q build_ext --inplace --force --build-temp build/sanitizers
	ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libubsan.so)" \
		$(BIN)/python -m pytest tests/coding; status=$$?; \
		$(BIN)/python setup.py -q build_ext --inplace --force; exit $$status

FUZZERS := decoder transform voxels
FUZZ_SECONDS := 1200

fuzz: $(FUZZERS:%=build/fuzz_%)  ## arbitrary input for the compiled decoder, for an hour (needs clang++)
	for part in $(FUZZERS); do mkdir -p build/corpus_$$part && \
		build/fuzz_$$part build/corpus_$$part -max_len=1000 -len_control=0 -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/ || exit 1; done

build/fuzz_%: tests/native/fuzz_%.cpp $(wildcard tests/native/fuzz_*.hpp) $(wildcard src/native/*pp)
	mkdir -p build
	clang++ -std=c++17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -ffp-contract=off \
		-pthread -Isrc/native $< $(filter-out src/native/%module.cpp,$(wildcard src/native/*.cpp)) -o $@

lint: $(VENV)/installed-test  ## style, types, and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run -Werror src/native/*pp tests/native/*pp
	command -v $(CXX) || exit 0; $(CXX) -std=c++17 -fvisibility=hidden -Wall -Wextra -Werror -fsyntax-only \
		$$($(BIN)/python -m pybind11 --includes) src/native/*.cpp

format: $(VENV)/installed-test  ## rewrite the sources in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i src/native/*pp tests/native/*pp

docs: $(VENV)/installed-docs  ## the manual, as build/manual/index.html; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove the environment and caches
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/installed: pyproject.toml constraints.txt setup.py $(wildcard src/native/*pp)
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(FITS)' || { echo "aiwave needs Python 3.11.4 to 3.13: make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[train]'
	@$(BIN)/python -c 'import aiwave._native' 2>/dev/null || echo "The C++ core is not compiled, so PyTorch codes files, four to twenty times" \
		"slower. It needs g++ or clang++ and Python's headers: on Debian and Ubuntu, apt install g++ python3-dev; then make clean."
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(INSTALL) --editable '.[test]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(INSTALL) --editable '.[docs]'
	touch $@
