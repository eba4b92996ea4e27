"""Grants the role of web processes only the rights to tables that the code needs.

Even injected SQL cannot write a balance, delete a posted row, change anything of one but the status
of a pending hold, or change the record of who froze an account. Triggers and constraints are the
second defence.
"""

import logging
from typing import Any

from django.conf import settings
from django.db import connections

from ledger.db.embedded import embedded_server
from ledger.db.rights import grant, settings_of

logger = logging.getLogger(__name__)

ACCOUNT_COLUMNS = "name"
LESS = {
    "accounts": f"SELECT, INSERT, UPDATE ({ACCOUNT_COLUMNS})",
    "currencies": "SELECT, INSERT, UPDATE (name, is_open)",
    "transactions": "SELECT, INSERT, UPDATE (status)",  # of holds, see posted_row_is_final
    "entries": "SELECT",
    "users": "SELECT, INSERT, UPDATE",
    # Migrations say what a group may do; superusers are made by a command.
    "auth_group": "SELECT",
    "auth_group_permissions": "SELECT",
    "auth_permission": "SELECT",
    "users_user_permissions": "SELECT",
    "users_groups": "SELECT, INSERT, DELETE",
    "django_content_type": "SELECT",
    "provider_groups": "SELECT",
    "sign_ins": "SELECT, INSERT",
    "api_tokens": "SELECT, INSERT,"
    " UPDATE (last_used_at, last_used_from, revoked_at, revoked_by_id, reason)",
    "account_status_changes": "SELECT, INSERT",
    "limit_changes": "SELECT, INSERT",
    "households": "SELECT, INSERT, UPDATE (name)",
    "approval_thresholds": "SELECT",
    "approval_requests": "SELECT, INSERT, UPDATE (status, decided_by_id, decided_at, note)",
    "approval_payments": "SELECT",
    "staff_sums": "SELECT",
    "transaction_notes": "SELECT, INSERT",
    "annotations": "SELECT, INSERT",
    "attachments": "SELECT, INSERT, DELETE",
    "standing_orders": "SELECT, INSERT,"
    " UPDATE (amount, position, status, ended_why, refused_at, refused_why)",
    "standing_order_days": "SELECT, INSERT",
    # update_or_create writes created_at, too.
    "alert_choices": "SELECT, INSERT, UPDATE (amount, mail, created_at), DELETE",
    "payees": "SELECT, INSERT, UPDATE (name, note, name_check, created_at), DELETE",
    "payment_files": "SELECT, INSERT, DELETE, UPDATE (state, line_count, total, booked_count,"
    " booked_total, refused_count, refused_total, repeated_count, misnamed_count, finished_at)",
    "payment_lines": "SELECT, INSERT, UPDATE (booked, verdict, repeats), DELETE",
    "alerts": "SELECT, UPDATE (read_at)",  # triggers and a job insert
    "monthly_statements": "SELECT",  # a job issues them
    "outside_entries": "SELECT, INSERT, UPDATE (is_double, is_entered), DELETE",
    "outside_file_parts": "SELECT, INSERT, DELETE",
    "reconciliations": "SELECT, INSERT, DELETE,"
    " UPDATE (signed_by_id, signed_at, countersigned_by_id, countersigned_at)",
    "reconciliation_lines": "SELECT, INSERT, UPDATE (leftover), DELETE",
    "reconciliation_matches": "SELECT, INSERT, DELETE",
    "changes": "SELECT",  # triggers insert
    "reads": "SELECT, INSERT",
    "fact_keys": "",
    "row_register": "SELECT",  # triggers insert
    "row_revisions": "SELECT",
    "row_removals": "SELECT",
    "events": "SELECT",  # triggers insert
    "event_streams": "SELECT",
    "webhooks": "SELECT, INSERT, UPDATE (kinds, secrets, status, reason)",
    "webhook_queues": "SELECT",
    "webhook_deliveries": "SELECT, UPDATE (again_at)",
    "audit_runs": "SELECT, INSERT",
    "django_admin_log": "SELECT, INSERT",
    "explorer_runs": "SELECT, INSERT",
    "seals": "SELECT",
    "sealed_days": "SELECT",
    "django_migrations": "SELECT",
    "job_records": "SELECT",  # the worker and cron write them
    "writer_mark": "SELECT, UPDATE (started_at)",
    "socialaccount_socialapp": "SELECT",  # providers are in the settings
    "socialaccount_socialtoken": "SELECT, DELETE",  # no token is stored; Django looks for some
}

# What the web role may execute of what runs with the rights of the owner.
FUNCTIONS = (
    "session_states()",
    "tell_of_new_device(uuid)",
    "stop_alert_mails(uuid, text)",
)

# What `manage.py work` may do: its jobs erase people who left and what was kept long enough, end
# holds, pay standing orders, audit, seal and issue statements; and it delivers events. It connects
# to addresses that customers choose, so it cannot write balances or limits, change what is posted
# or sealed, read or write what people sign in with, approve anything, or choose where events go
# (docs/rights.md says what it still can). Columns are what its jobs write, most of them texts that
# an erasure empties; a lock of a row needs the right to one column, too.
WORKER = {
    **dict.fromkeys(
        (
            "account_emailaddress", "account_emailconfirmation", "approval_payments",
            "approval_thresholds", "auth_group", "auth_group_permissions", "auth_permission",
            "currencies", "django_content_type", "django_migrations", "entries", "event_streams",
            "mfa_authenticator", "provider_groups", "reconciliation_matches", "row_register",
            "socialaccount_socialaccount", "socialaccount_socialapp", "socialaccount_socialtoken",
            "staff_sums", "users_groups", "users_user_permissions",
        ),
        "SELECT",
    ),
    **dict.fromkeys(
        (
            "alert_choices", "alert_times", "budgets", "cache", "django_session", "events",
            "saved_reports", "sign_ins",
        ),
        "SELECT, DELETE",
    ),
    "accounts": "SELECT, UPDATE (name)",
    "transactions": "SELECT, INSERT, UPDATE (status)",
    "users": "SELECT, UPDATE (last_login)",  # to lock a row; the rest by erase_person()
    "sessions": "SELECT, DELETE, UPDATE (wal_position)",  # to lock a row
    "api_tokens": "SELECT, DELETE, UPDATE (revoked_at, revoked_by_id, reason)",
    "monthly_statements": "SELECT, INSERT, UPDATE (holder, account_name, names)",
    "account_status_changes": "SELECT, UPDATE (reason, message)",
    "limit_changes": "SELECT, UPDATE (reason)",
    "approval_requests": "SELECT, UPDATE (reason, note, parameters)",
    "transaction_notes": "SELECT, UPDATE (reason, message)",
    "households": "SELECT, UPDATE (name)",
    "changes": "SELECT, UPDATE (before, after, reason, address)",
    "reads": "SELECT, DELETE, UPDATE (query, address)",
    "django_admin_log": "SELECT, UPDATE (object_repr, change_message)",
    "audit_runs": "SELECT, INSERT, UPDATE (findings)",
    "annotations": "SELECT, DELETE, UPDATE (text)",
    "attachments": "SELECT, DELETE, UPDATE (name)",
    "payees": "SELECT, DELETE, UPDATE (note)",
    "payment_files": "SELECT, UPDATE (name)",
    "payment_lines": "SELECT,"
    " UPDATE (typed_to, typed_amount, typed_name, description, reference, verdict)",
    "reconciliations": "SELECT, UPDATE (name)",
    "reconciliation_lines": "SELECT,"
    " UPDATE (description, other, reference, outside_id, leftover)",
    "standing_orders": "SELECT, DELETE,"
    " UPDATE (position, status, ended_why, refused_at, refused_why, description, reference)",
    "standing_order_days": "SELECT, INSERT, DELETE, UPDATE (reason)",
    "webhooks": "SELECT, DELETE,"
    " UPDATE (status, reason, claimed_by, claim_ends, paused_until, slow_until)",
    "explorer_queries": "SELECT, DELETE, UPDATE (title, sql, parameters)",
    "explorer_runs": "SELECT, DELETE, UPDATE (sql, parameters, message)",
    "fact_keys": "",
    "row_revisions": "SELECT, INSERT",
    "row_removals": "SELECT, INSERT",
    "seals": "SELECT, INSERT",
    "sealed_days": "SELECT, INSERT",
    "writer_mark": "SELECT, UPDATE (started_at)",
}  # fmt: skip
# With SECRET_KEY, a password hash makes a link for a new password, and `data` is a second factor:
# see Note [Hashes that the worker may not read].
HIDDEN_FROM_WORKER = {
    "users": "password",
    "mfa_authenticator": "data",
    "sessions": "session_data",
    "attachments": "content",
}
# The last ones are those of an erasure: transactions/privacy/lifting.py.
WORKER_FUNCTIONS = (
    "session_states()", "lift_triggers(text)", "restore_triggers(text)",
    "erase_person(uuid, text, text)",
)  # fmt: skip

# `audit_ledger` reads everything but what people sign in with, and stores what it found.
AUDITOR = {
    "audit_runs": "SELECT, INSERT",
    "job_records": "SELECT, INSERT, UPDATE",
    "cache": "",
    "fact_keys": "",
    "sessions": "",
    "socialaccount_socialtoken": "",
}
HIDDEN_FROM_AUDITOR = {
    "users": "password",
    "mfa_authenticator": "data",
    "webhooks": "secrets",
    "attachments": "content",
}


def grant_rights(*, using: str, **_signal: Any) -> None:
    """Grants LEDGER_WEB_ROLE, LEDGER_WORKER_ROLE and LEDGER_AUDITOR_ROLE their rights after a
    migration, as far as the server has these roles.
    """
    if server := embedded_server(using):
        server.ensure_roles()
        server.take_rights_from_everybody(connections[using].settings_dict["NAME"])
    grant(connections[using], settings.LEDGER_WEB_ROLE, LESS, functions=FUNCTIONS)
    grant(
        connections[using], settings.LEDGER_WORKER_ROLE, WORKER,
        hidden=HIDDEN_FROM_WORKER, functions=WORKER_FUNCTIONS,
    )  # fmt: skip
    grant(
        connections[using], settings.LEDGER_AUDITOR_ROLE, AUDITOR,
        usual="SELECT", hidden=HIDDEN_FROM_AUDITOR,
    )  # fmt: skip
    for role in (settings.LEDGER_WEB_ROLE, settings.LEDGER_WORKER_ROLE):
        for setting in settings_of(connections[using], role):
            logger.warning(
                "The role %s has a setting of its own, %s. If nobody of yours set it, remove it as "
                "a superuser: ALTER ROLE %s RESET ALL.",
                role, setting, role,
            )  # fmt: skip
