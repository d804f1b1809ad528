# make demo · make test · make bench: each sets up what it needs in .venv and uses nothing else.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench clean

demo: $(VENV)/demo.installed
	$(BIN)/ganzoo demo

test: $(VENV)/test.installed lint
	$(BIN)/python -m pytest tests

lint: $(VENV)/test.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(VENV)/test.installed
	$(BIN)/python benchmarks/train_step.py

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/%.installed: setup.py $(VENV)/bin/python
	@echo "installing ganzoo[$*] into $(VENV) (a few minutes the first time)"
	@# --use-pep517: the older kind of editable install knows no folders mapped into the package
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 -e '.[$*]'
	@touch $@

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "ganzoo needs Python 3.11, 3.12 or 3.13 and found none; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { echo "ganzoo needs Python 3.11, 3.12 or 3.13; $(PYTHON) is none of them"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
