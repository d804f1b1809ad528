# make demo, make test, make test-long, make lint, make docs and make bench install what they need into .venv, make test-oldest into
# .venv-oldest.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

# The lower bounds in setup.py of the package and of most extras, which uv installs. The oldest supported TensorFlow has no wheels for Python 3.13.
OLDEST_PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
OLDEST := .venv-oldest
# Without litert, which needs Keras 3.13.
OLDEST_EXTRAS := avatars,demo,hub,lab,onnx,openvino,photos,speech-metrics,tfio,video,voice

# Two workers, each with whole files, as tests of a file share trained models; tests/conftest.py puts the longest first.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-long test-oldest lint docs bench clean

demo: $(VENV)/demo.installed
	$(BIN)/ganzoo demo

test: $(VENV)/test.installed lint
	$(PYTEST) -m "not long" tests

# What is marked long: clusters of processes, JAX, whole runs on PyTorch, every preset, full disks, rings of GANs.
test-long: $(VENV)/test.installed
	$(PYTEST) -m long tests

# Under the oldest versions of these packages: the readers of recordings, the training step, model files, the command line,
# the web page, the hub, exports, videos and vocoders.
test-oldest: $(OLDEST)/installed
	$(OLDEST)/bin/python -m pytest -n 2 --dist loadfile -m "not long" tests/data/test_audio.py tests/data/test_avatars.py \
		tests/data/test_speech.py tests/demos/test_gallery.py tests/export/test_export.py tests/inference/test_frames.py \
		tests/test_cli.py tests/test_config.py tests/test_cyclegan_vc.py tests/test_hub.py tests/test_keras_archive.py \
		tests/test_models.py tests/test_segan.py tests/training/test_adversarial.py

lint: $(VENV)/test.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The documentation as web pages, without a network; a warning is an error.
docs: $(VENV)/docs.installed
	$(BIN)/python -m sphinx -W --keep-going --quiet -b html -d docs/_build/doctrees docs docs/_build/html
	@echo "built docs/_build/html/index.html"

bench: $(VENV)/test.installed
	$(BIN)/python benchmarks/suite.py

clean:
	rm -rf $(VENV) $(OLDEST) build dist docs/_build docs/api/generated *.egg-info

$(VENV)/%.installed: setup.py pyproject.toml $(VENV)/bin/python
	@echo "installing ganzoo with the extra $* into $(VENV) (takes a few minutes the first time)"
	@# --use-pep517: the legacy editable install does not support package_dir
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 -e '.[$*]'
	@touch $@

$(OLDEST)/installed: setup.py pyproject.toml Makefile
	@test -n "$(OLDEST_PYTHON)" || { echo "TensorFlow 2.16 needs Python 3.11 or 3.12, but neither was found. Name one: make OLDEST_PYTHON=/path/to/python3.11"; exit 1; }
	@$(OLDEST_PYTHON) -m venv $(OLDEST)
	@$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	@$(OLDEST)/bin/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct -e '.[$(OLDEST_EXTRAS)]' 'pytest>=8.0' 'pytest-xdist>=3.7'
	@touch $@

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "ganzoo needs Python 3.11, 3.12 or 3.13, but none was found. Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { echo "ganzoo needs Python 3.11, 3.12 or 3.13; $(PYTHON) is another version"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
