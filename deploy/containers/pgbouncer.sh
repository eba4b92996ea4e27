#!/bin/sh
# pgbouncer in transaction mode in front of the service db, for web processes (docs/databases.md).
set -eu
: "${LEDGER_WEB_PASSWORD:?LEDGER_WEB_PASSWORD is missing}"

umask 077
folder="${FOLDER:-/tmp}"
# A quotation mark in a password must be doubled in this file.
add_user() { printf '"%s" "%s"\n' "$1" "$(printf %s "$2" | sed 's/"/""/g')" >>"$folder/users"; }
: >"$folder/users"
add_user ledger_web "$LEDGER_WEB_PASSWORD"
if [ -n "${LEDGER_EXPLORER_PASSWORD:-}" ]; then
    add_user ledger_explorer "$LEDGER_EXPLORER_PASSWORD"
fi
cat >"$folder/pgbouncer.ini" <<INI
[databases]
ledger = host=${PRIMARY:-db} port=${PRIMARY_PORT:-5432}
[pgbouncer]
listen_addr = ${LISTEN:-*}
listen_port = ${PORT:-6432}
unix_socket_dir =
server_tls_sslmode = prefer
auth_type = scram-sha-256
auth_file = $folder/users
pool_mode = transaction
server_reset_query_always = 1
default_pool_size = ${POOL_SIZE:-20}
max_client_conn = 1000
INI
exec pgbouncer "$folder/pgbouncer.ini"
