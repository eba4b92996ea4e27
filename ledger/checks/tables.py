"""That each table is registered: who may read and write it, and what it has of people."""

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage

from ledger.checks.messages import weak, wrong
from ledger.db.rights.registered_tables import TABLES, misspelled


def check_tables(**_options: Any) -> list[CheckMessage]:
    """Names each model whose table no app has registered: only the owner can read it. And each
    column that is to be hidden but does not exist.
    """
    hidden = [
        wrong("hidden_column", problem, "Correct it in the module `tables` of its app.")
        for problem in misspelled()
    ]
    return hidden + [
        weak(
            "table",
            f"No app registers the table {model._meta.db_table} of {model._meta.label}.",
            "Register it in the module `tables` of its app; docs/new-app.md has an example.",
        )
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.db_table not in TABLES
    ]
