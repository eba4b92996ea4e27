"""The database rights on events and webhooks. Triggers write events, and workers deliver them."""

from ledger.db.rights.policies import (
    ACCOUNTS,
    AUDITS,
    IS_OWN_ACCOUNT,
    NOBODY,
    OF_ACCOUNT,
    OF_OWNER,
    READS_BANK,
    Policy,
    part_of,
)
from ledger.db.rights.registered_tables import EVERYTHING, READ, Table, register

register(
    {
        "events": Table(
            web=READ,
            worker="SELECT, DELETE",
            rows=Policy(
                reads=f"{READS_BANK} OR ARRAY[account_id, other_account_id] && {ACCOUNTS}",
                writes=NOBODY,
            ),
            personal_data="ids and amounts; deleted after the retention period",
        ),
        "event_streams": Table(
            web=READ, worker=READ, rows=OF_ACCOUNT, personal_data="none: a number for each account"
        ),
        "webhooks": Table(
            web="SELECT, INSERT, UPDATE (kinds, secrets, status, reason)",
            worker="SELECT, DELETE,"
            " UPDATE (status, reason, claimed_by, claim_ends, paused_until, slow_until)",
            hidden_from_auditor="secrets",
            rows=OF_OWNER,
            personal_data="addresses of programs; deleted with the person",
        ),
        "webhook_queues": Table(
            web=READ,
            worker=EVERYTHING,
            rows=Policy(reads=f"{AUDITS} OR {IS_OWN_ACCOUNT}", writes=NOBODY),
            personal_data="none: numbers of events; deleted with the webhook",
        ),
        "webhook_deliveries": Table(
            web="SELECT, UPDATE (again_at)",
            worker=EVERYTHING,
            rows=part_of("webhooks", "webhook_id"),
            personal_data="answers of programs; deleted after the retention period",
        ),
    }
)
