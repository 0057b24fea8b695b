# Two commands do everything on a bare machine: `make audiobook` and `make test`. Each sets up .venv first.
PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.base
DEV := .venv/.dev
LLAMA := .venv/.llama_cpp
# Three on two cores, since they often wait: for servers, and for the dead. So one thread each.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadfile

.PHONY: audiobook test slow integration check bench clean

audiobook: $(SETUP)  ## convert the example story
	$(BIN)/python -m examples.build_epub examples/the-tide-clock.epub
	$(BIN)/rhapsode convert examples/the-tide-clock.epub

test: $(LLAMA)  ## everything but the slow tests
	infra/install_chromium.sh
	$(PYTEST)

slow: $(LLAMA)  ## whole novels and many kills
	$(PYTEST) -m slow

integration: $(LLAMA)  ## a server on PostgreSQL, with workers
	infra/install_postgresql.sh
	infra/install_chromium.sh
	$(BIN)/pytest -n 2 --dist loadfile -m integration tests/integration

check: $(DEV)  ## static checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(LLAMA)  ## ratios measured side by side
	$(BIN)/python -m bench.pipeline
	$(BIN)/python -m bench.decode

$(SETUP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(DEV): $(SETUP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,s3,maya1]'
	touch $@

$(LLAMA): $(DEV) infra/install_llama_cpp.sh infra/llama_cpp_library_only.cmake
	infra/install_llama_cpp.sh
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[gguf]'
	touch $@

clean:
	rm -rf .venv library .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
