#!/bin/bash
# On the first start of the server of compose.yaml, on an empty volume: makes the roles that sign in,
# with their passwords. The service `roles` makes the rest (manage.py create_roles). The image of
# Postgres runs what is in /docker-entrypoint-initdb.d, as its superuser, by a Unix socket.
set -euo pipefail
: "${LEDGER_OWNER_PASSWORD:?LEDGER_OWNER_PASSWORD is missing}"
: "${LEDGER_WEB_PASSWORD:?LEDGER_WEB_PASSWORD is missing}"
: "${LEDGER_WORKER_PASSWORD:?LEDGER_WORKER_PASSWORD is missing}"

run_sql() {
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres
}

# psql reads the passwords itself, so that any character may be in them.
run_sql <<'SQL'
\getenv owner_password LEDGER_OWNER_PASSWORD
\getenv web_password LEDGER_WEB_PASSWORD
\getenv worker_password LEDGER_WORKER_PASSWORD
CREATE ROLE ledger LOGIN PASSWORD :'owner_password';
CREATE ROLE ledger_web LOGIN PASSWORD :'web_password';
CREATE ROLE ledger_worker LOGIN PASSWORD :'worker_password';
SQL

# For the explorer; without a password it has no login. Its other limits come from `roles`.
if [ -n "${LEDGER_EXPLORER_PASSWORD:-}" ]; then
    run_sql <<'SQL'
\getenv password LEDGER_EXPLORER_PASSWORD
CREATE ROLE ledger_explorer LOGIN NOINHERIT CONNECTION LIMIT 20 PASSWORD :'password';
SQL
fi

# For the profile replica.
if [ -n "${LEDGER_REPLICATION_PASSWORD:-}" ]; then
    run_sql <<'SQL'
\getenv password LEDGER_REPLICATION_PASSWORD
CREATE ROLE ledger_replication LOGIN REPLICATION PASSWORD :'password';
SELECT pg_create_physical_replication_slot('replica') \g /dev/null
SQL
    echo "host replication ledger_replication samenet scram-sha-256" >>"$PGDATA/pg_hba.conf"
fi
