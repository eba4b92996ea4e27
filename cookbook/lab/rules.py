"""Reads the rules of the bank's tables from Postgres's catalogue: constraints, unique indexes and
triggers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.apps import apps
from django.db import connection

from accounts.models import (
    ApprovalPayment,
    ApprovalRequest,
    ApprovalThreshold,
    AttemptCount,
    Household,
    LimitChange,
    ProviderGroup,
    SignIn,
    StaffSum,
    WebSession,
)
from banking.events.models import (
    AccountEvent,
    EventStream,
    Webhook,
    WebhookDelivery,
    WebhookQueue,
)
from cookbook.practice.readiness import SCHEMA

# Matches the RAISE statement that `ledger.db.triggers.refuse` writes into triggers.
RAISED = re.compile(
    r"RAISE EXCEPTION\s+'((?:[^']|'')*)'\s+USING\s+ERRCODE\s+=\s+'\w+',\s+CONSTRAINT\s+=\s+'(\w+)'"
)
KINDS = {
    "c": "CHECK",
    "f": "FOREIGN KEY",
    "p": "PRIMARY KEY",
    "u": "UNIQUE",
    "x": "EXCLUDE",
}

# Only Postgres 18 also lists NOT NULL in pg_constraint. Therefore NOT NULL is read from the
# columns.
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname::text, contype::text, pg_get_constraintdef(oid)
FROM pg_constraint
WHERE connamespace = %s::regnamespace AND contype IN ('c', 'f', 'p', 'u', 'x')
"""
UNIQUE_INDEXES = """
SELECT indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid)
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = %s::regnamespace AND indisunique
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
"""
NOT_NULLS = """
SELECT attrelid::regclass::text, attname::text
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = %s::regnamespace AND relkind = 'r' AND attnum > 0 AND attnotnull
  AND NOT attisdropped
"""
TRIGGERS = """
SELECT tgrelid::regclass::text, tgname::text, pg_get_triggerdef(pg_trigger.oid), prosrc
FROM pg_trigger
JOIN pg_class ON pg_class.oid = tgrelid
JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE relnamespace = %s::regnamespace AND NOT tgisinternal AND tgenabled <> 'D'
"""


SIGN_IN_MODELS = (AttemptCount, ProviderGroup, SignIn, WebSession)
APPROVAL_MODELS = (
    ApprovalPayment,
    ApprovalRequest,
    ApprovalThreshold,
    Household,
    LimitChange,
    StaffSum,
)
EVENT_MODELS = (AccountEvent, EventStream, Webhook, WebhookDelivery, WebhookQueue)
EXCLUDED_MODELS = (*SIGN_IN_MODELS, *APPROVAL_MODELS, *EVENT_MODELS)


@dataclass(frozen=True)
class Rule:
    """A rule of a table. `name` is the name in Postgres's error, or the name of the column for NOT
    NULL.

    `trigger` and `message` are set only if a trigger checks the rule, and are "" otherwise.
    """

    table: str
    name: str
    kind: str
    definition: str
    trigger: str = ""
    message: str = ""


def tables_of_the_books() -> list[str]:
    """Returns the names of the tables in the apps accounts, transactions and banking, without the
    tables for sign-in, approvals and events.
    """
    return [
        model._meta.db_table
        for app in apps.get_app_configs()
        if app.name.partition(".")[0] in ("accounts", "banking", "transactions")
        for model in app.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model not in EXCLUDED_MODELS
    ]


def rules_of_the_books() -> list[Rule]:
    """Returns every rule of the tables in `tables_of_the_books`: see `rules_of`."""
    return rules_of(tables_of_the_books())


def rules_of(names: Iterable[str]) -> list[Rule]:
    """Returns every rule that the practice bank has for these tables.

    The search path of the connection must not contain the practice bank. Otherwise Postgres would
    omit the schema from the names of tables.
    """
    tables = {f"{SCHEMA}.{table}": table for table in names}
    found = [
        *(Rule(t, name, KINDS[kind], message) for t, name, kind, message in _rows(CONSTRAINTS)),
        *(Rule(t, _bare(name), "UNIQUE", message) for t, name, message in _rows(UNIQUE_INDEXES)),
        *(Rule(t, name, "NOT NULL", f"{name} NOT NULL") for t, name in _rows(NOT_NULLS)),
        *(rule for row in _rows(TRIGGERS) for rule in _raised_by(*row)),
    ]
    return [
        replace(rule, table=tables[rule.table], definition=_bare(rule.definition))
        for rule in found
        if rule.table in tables
    ]


def triggers_that_never_refuse() -> list[str]:
    """Returns the names of the triggers that change data but never refuse a statement."""
    tables = {f"{SCHEMA}.{table}" for table in tables_of_the_books()}
    return [
        name
        for table, name, _definition, source in _rows(TRIGGERS)
        if table in tables and not RAISED.search(source)
    ]


def _rows(sql: str) -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [SCHEMA])
        found: list[tuple[str, ...]] = cursor.fetchall()
        return found


def _raised_by(table: str, trigger: str, violated: str, source: str) -> Iterable[Rule]:
    """Yields one rule for each name in the errors that the trigger raises. If there are several
    messages for a name, the rule contains the first message.
    """
    messages = dict[str, str]()
    for message, name in RAISED.findall(source):
        messages.setdefault(name, message)
    for name, message in messages.items():
        yield Rule(table, name, "TRIGGER", violated, trigger, message)


def _bare(text: str) -> str:
    """Returns the text without the schema name."""
    return text.replace(f"{SCHEMA}.", "")
