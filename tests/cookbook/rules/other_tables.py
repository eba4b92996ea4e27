"""Attempts on tables that are neither books nor approvals: logs, counts, webhooks."""

from dataclasses import replace

from cookbook.lab.attempts.attempt import KEY, UNIQUE, Attempt, ValidRow, stay

# Its id is given: the next value of a sequence would be gone for good, rolled back or not.
LOG_ENTRY = ValidRow(
    "django_admin_log",
    "an entry of the admin's log",
    {
        "id": "-1",
        "action_time": "clock_timestamp()",
        "object_repr": "'Ana'",
        "action_flag": "2",
        "change_message": "''",
        "user_id": "person.id",
    },
    ("person",),
)
RUN = ValidRow(
    "explorer_runs",
    "a query",
    {
        "id": "gen_random_uuid()",
        "ran_at": "clock_timestamp()",
        "sql": "'SELECT 1'",
        "parameters": "'{}'",
        "scope": "'own'",
        "form": "'page'",
        "outcome": "'rows'",
        "message": "''",
        "rows": "1",
        "milliseconds": "1",
        "person_id": "person.id",
    },
    ("person",),
)
COUNT = ValidRow(
    "attempt_counts",
    "a count",
    {"key": "'x'", "count": "1", "window_ends": "clock_timestamp()"},
)
WEBHOOK = ValidRow(
    "webhooks",
    "a webhook",
    {
        "id": "gen_random_uuid()",
        "owner_id": "person.id",
        "url": "'https://example.com/'",
        "kinds": "'{posted}'",
        "secrets": "'[]'",
        "status": "'active'",
        "reason": "''",
        "created_at": "clock_timestamp()",
        "claimed_by": "''",
    },
    ("person",),
)
DELIVERY = ValidRow(
    "webhook_deliveries",
    "a delivery",
    {
        "id": "gen_random_uuid()",
        "webhook_id": "(SELECT id FROM webhooks LIMIT 1)",
        "account_id": "ana.id",
        "number": "-1",
        "kind": "'posted'",
        "at": "clock_timestamp()",
        "status": "'waiting'",
        "attempts": "0",
        "error": "''",
    },
    ("ana",),
)
MARK = ValidRow("writer_mark", "a mark", {"id": "1", "started_at": "clock_timestamp()"})
ROWS = (LOG_ENTRY, RUN, COUNT, WEBHOOK, DELIVERY, MARK)

ATTEMPTS: tuple[Attempt, ...] = (
    replace(
        LOG_ENTRY.attempt("log_entry_by_its_author", "Log a change of somebody else"), given=(KEY,)
    ),
    replace(RUN.attempt("run_by_its_author", "Record a query of somebody else"), given=(KEY,)),
    *stay(
        "run_stays",
        "runs_stay",
        "explorer_runs",
        "UPDATE explorer_runs SET sql = ''",
        given=(RUN.insert,),
    ),
    COUNT.attempt("attempt_counts_count_check", "Set a count below zero", count="-1"),
    WEBHOOK.attempt("webhook_status_valid", "Set an unknown status", status="'trusted'"),
    DELIVERY.but("twice").attempt(
        "event_delivered_under_one_id", "Deliver an event under two ids", UNIQUE
    ),
    MARK.attempt("writer_mark_is_one", "Insert a second mark", id="2"),
)
