.DEFAULT_GOAL := help
SHELL := /bin/bash

# uv installs everything else; where the machine has none, it is installed into .tools with pip.
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
export PATH := $(CURDIR)/.tools/bin:$(PATH)
RUN := $(UV) run --all-packages --locked

# The tests that need no server.
UNIT := tests/contracts tests/assemble tests/identity tests/handoff tests/measure/test_handoffs.py tests/streams/test_filters.py tests/streams/test_handed.py tests/streams/test_plan.py tests/streams/test_http_answer.py tests/intake/test_reading.py tests/trust/test_visible.py

# About half of the other tests by time: they run beside the rest, in a process of their own.
ASIDE := tests/confluence tests/intake tests/trust tests/verify tests/streams tests/desk tests/documents tests/console tests/who tests/measure

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
test: install check unit integration ## Everything that proves it

.PHONY: unit
unit: install ## The tests that need no server, in seconds
	$(RUN) pytest -q -n 2 $(UNIT)

.PHONY: integration
integration: install ## The tests with a real broker and a real Postgres, in two processes side by side
	@mkdir -p build; $(RUN) pytest $(ASIDE) $(addprefix --ignore ,$(UNIT)) > build/aside.txt 2>&1 & aside=$$!; \
	$(RUN) pytest tests $(addprefix --ignore ,$(UNIT) $(ASIDE)); rest=$$?; \
	wait $$aside; done=$$?; cat build/aside.txt; exit $$((rest + done))

.PHONY: kafka
kafka: install ## Apache Kafka for tests, with Maven, into a cache folder outside the repository
	$(RUN) python tests/brokers/kafka_download.py

.PHONY: browser
browser: ## Chromium for the tests of pages, where there is none and Debian's packages may be installed
	command -v chromium || command -v google-chrome || { apt-get update -qq && apt-get install -qqy chromium; }

.PHONY: screenshots
screenshots: install ## Pictures of the pages for README and docs, of a demonstration: AT=http://… of one that runs
	PYTHONPATH=tests/acceptance $(RUN) python tests/screenshots/take.py $(AT)

.PHONY: bench
bench: install ## How fast, against peers: FULL=1 for all of it, streams too, BROKER=apache or host:port for another broker
	PYTHONPATH=tests:tests/brokers $(RUN) python -m bench $(if $(FULL),--full) $(if $(BROKER),--broker $(BROKER))
	$(if $(FULL),PYTHONPATH=tests:tests/brokers $(RUN) python -m bench.streams)
	$(if $(FULL),PYTHONPATH=tests:tests/brokers $(RUN) python -m bench.streams --auth)

.PHONY: check
check: install ## Style, types, layers, generated files
	$(RUN) ruff format --check --quiet .
	$(RUN) ruff check --quiet .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) python -m pathline.schema --check
	$(RUN) python -m pathline_gateway.limits.document --check
	$(RUN) python -m pathline_gateway.trust.authority_document --check

.PHONY: format
format: install ## Formats the code and mends what can be mended
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

.PHONY: schemas
schemas: install ## Writes the JSON Schemas, the AsyncAPI document and the page of limits again
	$(RUN) python -m pathline.schema --write
	$(RUN) python -m pathline_gateway.limits.document --write
	$(RUN) python -m pathline_gateway.trust.authority_document --write

# How many kills and events of `make chaos`, how many records of `make fuzz`, and the seed of both.
KILLS ?= 30
EVENTS ?= 100000
N ?= 1000000
SEED ?=

.PHONY: chaos
chaos: install ## Kills, stops and cuts while events stream: make chaos KILLS=100 EVENTS=1000000
	PYTHONPATH=tests/intake:tests/brokers $(RUN) python -u tests/chaos/chaos.py $(KILLS) $(EVENTS) $(SEED)

.PHONY: grants
grants: install ## Does any event show anybody what nobody granted? make grants GRANTS=1000000
	GRANTS_EXAMPLES=$(or $(GRANTS),200000) $(RUN) pytest -q tests/trust/test_grants.py -k no_event

.PHONY: fuzz
fuzz: install ## Random records, each accounted for: make fuzz N=1000000
	$(RUN) python tests/fuzz/fuzz.py $(N) $(SEED)
