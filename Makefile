# The commands of a newcomer and of CI. Each makes the environment it needs.
PYTHON ?= python3
QUICK := .venv-quickstart
TEST := .venv-test
PIP_FLAGS := --quiet --disable-pip-version-check

.PHONY: quickstart test conformance lint format bench clean help

help:
	@echo "make quickstart   train on MNIST digits: two Ray workers, sharded checkpoints (a few minutes)"
	@echo "make test         all tests on the three backends (25 to 35 minutes on 2 cores)"
	@echo "make conformance  the tests inside the installed keras, run against kdist (long; BACKEND=jax for one backend)"
	@echo "make lint         ruff, import layers, types"
	@echo "make bench        speed against Keras and hand-written loops"

quickstart: $(QUICK)/.ready
	@exec $(QUICK)/bin/python examples/quickstart.py

test: $(TEST)/.ready
	@exec $(TEST)/bin/python tests/run.py

conformance: $(TEST)/.ready
	@exec $(TEST)/bin/python tests/conformance/run.py $(if $(BACKEND),--backend $(BACKEND))

lint: $(TEST)/.ready
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/lint-imports --no-cache
	$(TEST)/bin/mypy

format: $(TEST)/.ready
	$(TEST)/bin/ruff check --fix .
	$(TEST)/bin/ruff format .

bench: $(TEST)/.ready
	@exec $(TEST)/bin/python benchmarks/run.py

clean:
	rm -rf $(QUICK) $(TEST) build *.egg-info

$(QUICK)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(QUICK)
	$(QUICK)/bin/pip install $(PIP_FLAGS) -c constraints.txt -e '.[jax,ray]'
	@touch $@

$(TEST)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/pip install $(PIP_FLAGS) -c constraints.txt torch==2.13.0 tensorflow-cpu==2.21.0 jax==0.10.2
	$(TEST)/bin/pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@
