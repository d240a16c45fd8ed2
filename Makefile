PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo train test lint clean

demo: .venv/index.stamp  ## build the demo bank into genie-bank/ and look at genie-bank/preview.png
	$(BIN)/python -m index.build

train: .venv/index.stamp  ## after `make demo`: train a small classifier with and without its bank
	$(BIN)/python -m index.demo.classify

test: .venv/test.stamp lint  ## run the tests
	$(BIN)/python -m pytest

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/index.stamp: setup.cfg constraints.txt | .venv
	$(BIN)/pip install --quiet --editable '.[index]' --constraint constraints.txt
	touch $@

.venv/test.stamp: setup.cfg constraints.txt | .venv
	$(BIN)/pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $@ .venv/index.stamp

.venv:
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv genie-bank demo-images
