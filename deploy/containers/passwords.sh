#!/bin/bash
# Makes the roles that sign in, with their passwords, when the server of compose.yaml starts for the first
# time on an empty volume. The service `roles` makes the other roles (manage.py create_roles). The image of
# Postgres runs the files in /docker-entrypoint-initdb.d as its superuser, over a Unix socket.
set -euo pipefail
: "${LEDGER_OWNER_PASSWORD:?LEDGER_OWNER_PASSWORD is missing}"
: "${LEDGER_WEB_PASSWORD:?LEDGER_WEB_PASSWORD is missing}"
: "${LEDGER_WORKER_PASSWORD:?LEDGER_WORKER_PASSWORD is missing}"

run_sql() {
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres
}

# psql reads the passwords itself, so that they may contain any character.
run_sql <<'SQL'
\getenv owner_password LEDGER_OWNER_PASSWORD
\getenv web_password LEDGER_WEB_PASSWORD
\getenv worker_password LEDGER_WORKER_PASSWORD
CREATE ROLE ledger LOGIN PASSWORD :'owner_password';
CREATE ROLE ledger_web LOGIN PASSWORD :'web_password';
CREATE ROLE ledger_worker LOGIN PASSWORD :'worker_password';
SQL

# For the explorer; without a password the role cannot sign in. The service `roles` sets its other limits.
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
