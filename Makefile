# Two commands do everything on a fresh machine with Python 3.11+: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DOCS_READY := .venv/.docs-ready
BENCH_READY := .venv-bench/.ready

# What the studio's page is made of; `hatch_build.py` builds it when the package is installed.
PAGE := hatch_build.py $(shell find src/tongsu/studio/web -name node_modules -prune -o -type f -print)

.PHONY: run studio docs test test-fast bench setup lint clean

run: setup
	$(BIN)/tongsu roadmap

studio: setup
	$(BIN)/tongsu studio

# The lessons as a site, in both languages: build/site/index.html.
docs: setup $(DOCS_READY)
	$(BIN)/python docs/site/build.py

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c pins.txt -e '.[docs]'
	@touch $@

test: setup $(DOCS_READY)
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/pytest -q

test-fast: setup
	$(BIN)/pytest -q -m "not long and not data"

# Half an hour to two hours and more: four systems, five nets, three seeds. It goes on where it was interrupted.
# SPEED=benchmarks/results/speed.json adds to the file behind the READMEs' tables, which benchmarks/table.py renews.
SPEED ?= build/speed/speed.json
bench: setup $(BENCH_READY)
	$(BIN)/python benchmarks/speed/run.py --out $(SPEED)
	$(BIN)/python benchmarks/speed_table.py $(SPEED)

$(BENCH_READY): benchmarks/pins.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/pins.txt
	@touch $@

setup: $(READY)

$(READY): pyproject.toml pins.txt $(PAGE)
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else f"Tongsu needs Python 3.11 or later; {sys.executable} is {v.major}.{v.minor}. Try: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c pins.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv .venv-bench build dist docs/site/node_modules src/tongsu/studio/static src/tongsu/studio/web/node_modules
