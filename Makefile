# The front doors. A fresh machine needs Python >= 3.11, make and a package index.
#
#   make book ARGS="--only gan_tutorial_results -p n_splits 5"   options of `python -m helpers book`
#   make test ARGS="-k samplers"                         options of pytest
#   make book PYTHON=python3.12                          the Python that .venv is made with

PYTHON ?= python3
PORT ?= 8000
ARGS ?=

PY := .venv/bin/python
# Written last, named after this folder: an environment that is unfinished, made from an
# older pyproject.toml or copied from elsewhere is brought up to date; else it stands.
STAMP := .venv/installed-$(firstword $(shell pwd | cksum))

STRIP := $(PY) -m nbstripout --keep-id --extra-keys \
  "metadata.language_info.version cell.metadata.editable cell.metadata.slideshow"

# Threads that wait for one another sleep instead of spinning: on a machine that also does
# something else, spinning makes small networks and trees ten times slower.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: help book smoke serve test lint format lab links release env clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

book: env  ## Execute the chapters that changed and render the book to _build/html
	@$(PY) -m helpers book $(ARGS)

smoke: env  ## The same with tiny settings, in a minute or two: a test, not for reading
	@$(PY) -m helpers book --smoke $(ARGS)

serve: env  ## Serve the rendered book at http://127.0.0.1:8000 (PORT=...)
	@$(PY) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

# One thread in each worker: torch would start as many as there are cores in every one. By
# file, since fixtures are made once for all tests in a file; tests/conftest.py has the order.
test: env  ## Run all tests; those in the browser need Chromium
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n logical --maxprocesses 4 --dist loadfile $(ARGS)

lint: env  ## The checks of .pre-commit-config.yaml but its last four, without git or network
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(STRIP) --verify book/*.ipynb
	@$(PY) -m codespell_lib

format: env  ## Mend what `make lint` can mend by itself
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@$(STRIP) book/*.ipynb

lab: env  ## Open the chapters in JupyterLab
	@$(PY) -m jupyterlab book

links: env  ## Ask every outside link of the last `make book` whether it answers
	@$(PY) -c "from jupyter_book.cli.main import main; main()" build _build/src --builder linkcheck --path-output _build/links -q

# For continuous integration, with the executed chapters in place and gh logged in. Without
# the pages of other settings, whose names carry a digest.
release:  ## Attach the executed chapters to the release of TAG=v...
	@gh release view "$(TAG)" >/dev/null 2>&1 || gh release create "$(TAG)" --verify-tag --generate-notes
	@gh release upload "$(TAG)" $(patsubst book/%,_build/executed/%,$(wildcard book/*.ipynb)) --clobber

env: $(STAMP)  ## Only set up .venv, which every door above does by itself
	@:

# On two cores: 238 s with the pip of Python 3.11, 164 s with --no-compile (the modules in
# use are compiled when imported), 95 s with the newest pip as well.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, $(PYTHON) is %d.%d: \
	name another with make PYTHON=..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@if cmp -s pyproject.toml $@; then touch $@; exit; fi; set -e; \
	if test -s .venv/unfinished && kill -0 "$$(cat .venv/unfinished)" 2>/dev/null; then \
	  echo "Another make is setting up .venv: wait for it, or remove .venv/unfinished." >&2; exit 1; \
	fi; \
	echo "Setting up .venv: about 3 GB to fetch where torch comes with CUDA."; \
	if test -e .venv/unfinished || ! $(PY) -m pip --version >/dev/null 2>&1; then \
	  rm -rf .venv; mkdir .venv; echo $$PPID > .venv/unfinished; $(PYTHON) -m venv .venv; \
	fi; \
	$(PY) -m pip install --quiet --upgrade pip; \
	$(PY) -m pip install --no-compile -e '.[book,test,distributed,parquet]'; \
	cp pyproject.toml $@; rm -f .venv/unfinished

clean:  ## Delete what was built; .venv stays
	rm -rf _build .ruff_cache .hypothesis
