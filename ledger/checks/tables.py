"""Checks that apps have registered the rights and the personal data of each table."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage

from ledger.checks.messages import weak, wrong
from ledger.db.rights.registered_tables import REGISTER, TABLES, misspelled, policies

# What to do instead of registering a table of a library, by the label of the library's app.
REPLACED = {
    "authtoken": "Remove rest_framework.authtoken from INSTALLED_APPS: the page Security and"
    " `manage.py create_token` create the tokens of this API (docs/api.md#signing-in)."
}


def check_tables(**_options: Any) -> list[CheckMessage]:
    """Returns a message for each table of a model that no app has registered. Only the owner can
    read such a table.

    Also returns messages about hidden columns that do not exist, and about tables without a policy
    that refer to tables with a policy.
    """
    hidden = [
        wrong("hidden_column", problem, "Correct it in the module `tables` of its app.")
        for problem in misspelled()
    ]
    level = wrong if settings.LEDGER_ROW_SECURITY else weak
    open_to_all = [
        level(
            "table_without_policy",
            f"Row-level security shows all rows of {table} to every user, although {column}"
            " refers to rows that have a policy.",
            "Give it a policy in the module `tables` of its app"
            " (docs/new-app.md#5-who-may-do-what); or, if this only names who wrote the row,"
            f' authors=("{column}",).',
        )
        for table, column in _without_policy()
    ]
    return [*hidden, *open_to_all] + [
        weak(
            "table",
            f"No app registers the table {model._meta.db_table} of {model._meta.label}.",
            REPLACED.get(model._meta.app_label, REGISTER),
        )
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.db_table not in TABLES
    ]


def _without_policy() -> Iterator[tuple[str, str]]:
    """Yields each table without a policy that refers to a table with a policy, and the column with
    this reference.
    """
    closed = policies()
    for model in apps.get_models(include_auto_created=True):
        table = TABLES.get(model._meta.db_table)
        is_a_table = model._meta.managed and not model._meta.proxy
        if not is_a_table or table is None or table.policy or not table.web:
            continue
        for field in model._meta.concrete_fields:
            refers_to = field.remote_field and field.remote_field.model._meta.db_table
            if refers_to in closed and field.name not in table.authors:
                yield model._meta.db_table, field.name
                break
