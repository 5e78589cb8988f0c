.DEFAULT_GOAL := help
SHELL := /bin/bash

# uv installs everything else; where the machine has none, it is installed into .tools with pip.
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
export PATH := $(CURDIR)/.tools/bin:$(PATH)
RUN := $(UV) run --all-packages --locked

# Tests wait a good part of their time, so there are more workers than cores.
WORKERS ?= $(shell echo $$((2 * $$(nproc))))
PYTEST := $(RUN) pytest -q -n $(WORKERS)

# For programs of the tests, which import them by their path in tests/.
TESTS := PYTHONPATH=tests $(RUN)

# A gateway imports two thousand modules, and tests start many: without bytecode each start compiles them again.
export PYTHONDONTWRITEBYTECODE :=

# Where `make demo` listens: make demo PORT=8081
PORT ?= 8080

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.tools/bin/uv:
	python3 -m venv .tools
	.tools/bin/pip install --quiet 'uv>=0.9'

.PHONY: install
install: $(filter .tools/bin/uv,$(UV)) ## Everything the project needs, from the lock file
	$(UV) sync --all-packages --locked --quiet

.PHONY: demo
demo: install ## The whole thing on one machine, with reference services; Ctrl-C ends it
	exec $(RUN) pathline-gateway up --embedded --demo --dev-auth off --port $(PORT) --data build/demo

.PHONY: test
test: install check ## What proves it in minutes; ends with what it left out
	$(PYTEST) -m "not long"

.PHONY: test-long
test-long: install ## What takes longer: properties with all their examples, load, kills
	PATHLINE_TESTS=long $(PYTEST) -m "(long or scaled) and not alone"
	PATHLINE_TESTS=long $(RUN) pytest -q -m alone

.PHONY: unit
unit: install ## The tests that need no server, in a minute or two
	$(PYTEST) -m "unit and not long"

.PHONY: kafka
kafka: install ## Apache Kafka for tests, with Maven, into a cache folder outside the repository
	$(TESTS) python -m support.brokers.kafka_download

.PHONY: browser
browser: ## Chromium for the tests of pages, where there is none and Debian's packages may be installed
	command -v chromium || command -v google-chrome || { apt-get update -qq && apt-get install -qqy chromium; }

.PHONY: screenshots
screenshots: install ## Pictures of the pages for README and docs, of a demonstration: AT=http://… of one that runs
	$(TESTS) python -m screenshots.take $(AT)

.PHONY: bench
bench: install ## How fast, against peers: FULL=1 for all of it, streams too, BROKER=apache or host:port for another broker
	$(TESTS) python -m bench $(if $(FULL),--full) $(if $(BROKER),--broker $(BROKER))
	$(if $(FULL),$(TESTS) python -m bench.streams)
	$(if $(FULL),$(TESTS) python -m bench.streams --auth)
	$(if $(FULL),$(TESTS) python -m bench.topics_out)

.PHONY: check
check: install ## Style, types, layers, generated files
	$(RUN) ruff format --check --quiet .
	$(RUN) ruff check --quiet .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) python -m pathline.schema --check
	$(RUN) python -m pathline_gateway.limits.document --check
	$(RUN) python -m pathline_gateway.visibility.authority_document --check
	$(RUN) python -m pathline_gateway.desk.row_rules_script --check
	$(RUN) python docs/site/reference.py --check
	$(TESTS) python -m project.prose.lint

.PHONY: docs
docs: install ## The documentation as a site, in build/site
	$(RUN) python docs/site/build.py

.PHONY: format
format: install ## Formats the code and mends what can be mended
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

.PHONY: schemas
schemas: install ## Writes the JSON Schemas, the AsyncAPI document and the pages made from code again
	$(RUN) python -m pathline.schema --write
	$(RUN) python -m pathline_gateway.limits.document --write
	$(RUN) python -m pathline_gateway.visibility.authority_document --write
	$(RUN) python -m pathline_gateway.desk.row_rules_script --write
	$(RUN) python docs/site/reference.py --write

# How many kills and events of `make chaos`, how many records of `make fuzz`, and the seed of both.
KILLS ?= 30
EVENTS ?= 100000
N ?= 1000000
SEED ?=

.PHONY: chaos
chaos: install ## Kills, stops and cuts while events stream: make chaos KILLS=100 EVENTS=1000000
	$(TESTS) python -u -m chaos.chaos $(KILLS) $(EVENTS) $(SEED)

.PHONY: grants
grants: install ## Does any event show anybody what nobody granted? make grants GRANTS=1000000
	GRANTS_EXAMPLES=$(or $(GRANTS),200000) $(RUN) pytest -q tests/gateway/visibility/test_grants.py -k no_event

.PHONY: fuzz
fuzz: install ## Random records, each accounted for: make fuzz N=1000000
	$(TESTS) python -m fuzz.fuzz $(N) $(SEED)
