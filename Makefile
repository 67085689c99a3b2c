.PHONY: quickstart install check test bench format docs clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETTINGS := $(VENV)/.installed

quickstart: $(VENV)/.user  ## install into .venv and run the demo
	$(BIN)/probatum demo

install: $(SETTINGS)  ## install with the development tools

$(VENV)/.user: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Probatum needs Python 3.11 or newer; try: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(SETTINGS): $(VENV)/.user
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

check: $(SETTINGS)  ## style, format, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest tests/test_architecture.py

test: $(SETTINGS)  ## every test that needs no GPU
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadgroup

bench: $(SETTINGS)  ## speed beside limits and peers, on a GPU (docs/performance.md)
	$(BIN)/python -m benchmarks.run

format: $(SETTINGS)  ## mend what can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(SETTINGS)  ## write the reference page of the settings
	$(BIN)/probatum schema --page > docs/study.md

clean:  ## remove everything that make made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
