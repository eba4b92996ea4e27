#!/bin/bash
# A standby of the service db: copies the database at the first start, then follows it.
set -euo pipefail
: "${PGPASSWORD:?LEDGER_REPLICATION_PASSWORD is missing}"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    # PGPASSWORD is written into the connection string that the standby keeps.
    pg_basebackup --host "$PRIMARY" --port "${PRIMARY_PORT:-5432}" --username ledger_replication --pgdata "$PGDATA" \
        --wal-method stream --slot replica --write-recovery-conf --checkpoint fast
fi
exec postgres -D "$PGDATA" "$@"
