#!/bin/sh
# Prints the secrets that compose.yaml needs, with new values each time. Run it once, into .env:
#     touch .env && chmod 600 .env && sh deploy/containers/new_passwords.sh >>.env
set -eu

random() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

echo "SECRET_KEY=$(random)"
for name in POSTGRES LEDGER_OWNER LEDGER_WEB LEDGER_WORKER LEDGER_EXPLORER LEDGER_REPLICATION; do
    echo "${name}_PASSWORD=$(random)"
done
