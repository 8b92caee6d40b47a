# Each target makes .venv and installs what is missing first. Needs: Python 3.11 or newer with venv, make, git.
PYTHON ?= python3
IN_VENV = $(PYTHON) config/embedded/bootstrap.py
# Tests run in so many processes; `make test ARGS="-k escalation -x"` passes options on to pytest.
# In a debugger: `make test JOBS=0 ARGS="--pdb -k escalation"`.
JOBS ?= 2
ARGS ?=
# Compiled once and kept, also where the environment says not to: else each of the many processes compiles all it imports.
export PYTHONDONTWRITEBYTECODE =
export PYTHONPYCACHEPREFIX = $(CURDIR)/.venv/bytecode

.PHONY: run test test-fast lint format types migrations-check shell lock hooks pre-commit web

run:
	@exec $(IN_VENV) -m config.embedded.run

test:
	@exec $(IN_VENV) -m pytest -n $(JOBS) $(ARGS)

# Without a browser, a running product and processes that are killed.
test-fast:
	@exec $(IN_VENV) -m pytest -n $(JOBS) -m "not live" $(ARGS)

lint:
	@$(IN_VENV) -m ruff check .
	@$(IN_VENV) -m ruff format --check .

format:
	@$(IN_VENV) -m ruff check --fix .
	@$(IN_VENV) -m ruff format .

types:
	@exec $(IN_VENV) -m mypy .

migrations-check:
	@exec $(IN_VENV) manage.py makemigrations --check --dry-run

shell:
	@exec $(IN_VENV) manage.py shell

# A web server that reloads, beside `make run`, on the same data: http://127.0.0.1:8001/. Breakpoints stop in its terminal.
WEB_PORT ?= 8001
web:
	@DEBUG=1 PORT=$(WEB_PORT) exec $(IN_VENV) manage.py runserver 127.0.0.1:$(WEB_PORT)

# From now on git asks ruff and the architecture test before each commit.
hooks:
	@hook="$$(git rev-parse --git-path hooks)/pre-commit" && mkdir -p "$$(dirname "$$hook")" && \
	  printf '#!/bin/sh\nexec make --no-print-directory pre-commit\n' >"$$hook" && chmod +x "$$hook" && echo "$$hook"

# Git sets variables for its hooks; the laws need no database, so none is started.
pre-commit: lint
	@DATABASE_URL=postgresql://localhost/unused exec $(IN_VENV) -m pytest -q tests/test_architecture.py

lock:
	@$(IN_VENV)
	PATH="$(CURDIR)/.venv/uv/bin:$(CURDIR)/.venv/bin:$$PATH" uv pip compile --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-emit-index-url --no-annotate --group dev --extra redis \
	  pyproject.toml -o requirements.lock

# Everything is killed while 1,000 alerts a second come in; SEED repeats a run. Takes some minutes.
.PHONY: chaos
chaos:
	@exec $(IN_VENV) -m benchmarks.chaos $(ARGS)

# What it does a second, how soon it pages and what that costs; some twenty minutes. ARGS=--quick: five minutes.
.PHONY: bench
bench:
	@exec $(IN_VENV) -m benchmarks.bench $(ARGS)

# Intake of this checkout and of another commit in turns: make bench-pairs AGAINST=main~5. Five minutes, on a quiet machine.
.PHONY: bench-pairs
bench-pairs:
	@exec $(IN_VENV) -m benchmarks.pairs $(AGAINST) $(ARGS)

# What it takes to say who is on call: one schedule, 90 days, the page with 1,000 schedules. Half a minute.
.PHONY: bench-schedules
bench-schedules:
	@exec $(IN_VENV) -m benchmarks.on_call $(ARGS)

# A message to 100,000 subscribers beside a plain smtplib loop, with kills. Some minutes. ARGS=--quick: 5,000, two minutes.
.PHONY: bench-fanout
bench-fanout:
	@exec $(IN_VENV) -m benchmarks.fanout $(ARGS)

# Whether the public form answers known and unknown addresses in the same time; 10,000 sign-ups of one victim. Some minutes.
.PHONY: bench-sign-up
bench-sign-up:
	@exec $(IN_VENV) -m benchmarks.sign_up_time $(ARGS)

# Every time zone, eleven years, eight kinds of rotation: no gap, no overlap, no empty turn. Two or three minutes.
.PHONY: zones
zones:
	@exec $(IN_VENV) -m tests.schedules.zones
