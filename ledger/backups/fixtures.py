"""Selects the rows of a bank for a Django fixture, and prepares the tables for loading a fixture.

Only the owner of the tables may load a fixture. During the load, the triggers that calculate
balances and protect rows are disabled. The load is one database transaction, which locks every
table.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.management.utils import parse_apps_and_model_labels
from django.db import connection
from django.db.models import GeneratedField, Model

from ledger.db.read_router import has_added_table
from ledger.text.lines import counted

LEFT_OUT = ("transactions.entry",)  # a view of the rows in transactions
# Accounts have a foreign key to two columns of this table, and the check of this key cannot be
# deferred.
FIRST = ("accounts.currency",)
# Tables that a fixture does not need: no other table refers to them, and no audit reads them.
OPTIONAL = ("admin.logentry", "sessions.session", "ledger_db.jobrecord")
# Models that have no rows in a new bank.
BANK_MODELS = ("accounts.User", "accounts.Account", "transactions.Transaction")
# Models that have rows in every bank, because migrations insert them.
REQUIRED_MODELS = (
    "contenttypes.ContentType", "auth.Permission", "auth.Group", "accounts.Currency",
)  # fmt: skip


def in_order() -> list[str]:
    """Returns the labels of all models, in an order in which their rows can be inserted."""
    labels = [
        model._meta.label_lower
        for config in apps.get_app_configs()
        if config.models_module is not None  # the same condition as in Django's dumpdata
        for model in config.get_models()
        if not model._meta.proxy and model._meta.label_lower not in LEFT_OUT
    ]
    return sorted(set(labels), key=lambda label: (label not in FIRST, labels.index(label)))


def chosen(labels: Sequence[str], excluded: Sequence[str]) -> list[str]:
    """Returns the labels of the models that `dumpdata` writes, in the order of `in_order`. `labels`
    are the arguments of the command (all models if empty), and `excluded` are the values of its
    option `--exclude`.

    Raises CommandError if an app or model is unknown.
    """
    models, configs = parse_apps_and_model_labels(labels)
    without_models, without_configs = parse_apps_and_model_labels(excluded)

    def is_chosen(label: str) -> bool:
        model = apps.get_model(label)
        config = model._meta.app_config
        if model in without_models or config in without_configs:
            return False
        return not labels or model in models or config in configs

    return list(filter(is_chosen, in_order()))


def missing_from(labels: Sequence[str]) -> str | None:
    """Returns the label of a model that a complete fixture needs and that `labels` does not
    contain. Returns None if no model is missing, or if all models in `labels` belong to apps that
    were added to Ledger.
    """
    if labels and all(has_added_table(apps.get_model(label)) for label in labels):
        return None
    there = {*labels, *OPTIONAL}
    return next((label for label in in_order() if label not in there), None)


@contextmanager
def without_generated_columns() -> Iterator[None]:
    """Makes serializers skip columns that Postgres computes, inside the block."""
    columns: list[Any] = [
        field
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, GeneratedField)
    ]
    for field in columns:
        field.serialize = False
    try:
        yield
    finally:
        for field in columns:
            field.serialize = True


def rows_of_a_bank() -> str:
    """Returns the number and the name of one kind of rows in this bank, such as "29 users". Returns
    "" if the bank is empty or has no tables.
    """
    return _first_rows(map(apps.get_model, BANK_MODELS))


def rows_of_added_apps() -> str:
    """Returns the number and the name of one kind of rows from added apps, such as "3 branches".
    Returns "" if these apps have no rows.
    """
    return _first_rows(filter(has_added_table, apps.get_models()))


def _first_rows(models: Iterable[type[Model]]) -> str:
    tables = connection.introspection.table_names()
    for model in models:
        if model._meta.db_table in tables and (number := model._base_manager.count()):
            return counted(number, str(model._meta.verbose_name))
    return ""


def originals_before(row: Any) -> int:
    """Returns how many kinds of rows must be loaded before this row.

    A capture refers to its hold, so the number is 1. A refund refers to a payment or a capture, so
    the number is 2. For all other rows, the number is 0.
    """
    if row._meta.label != "transactions.Transaction":
        return 0
    return 2 if row.reverses_id else int(row.captures_id is not None)


def missing_rows() -> str:
    """Returns the plural name of the first model in REQUIRED_MODELS that has no rows, for example
    "currencies". Every bank needs rows of these models. Returns "" if all of them have rows.
    """
    for label in REQUIRED_MODELS:
        model = apps.get_model(label)
        if not model._base_manager.exists():
            return str(model._meta.verbose_name_plural)
    return ""


@contextmanager
def triggers_off() -> Iterator[None]:
    """Disables all triggers of Ledger inside the block. The block must be in an open
    transaction.
    """
    tables = _tables()
    _alter(tables, "DISABLE")
    yield
    connection.check_constraints()
    _alter(tables, "ENABLE")


def empty_all() -> None:
    """Deletes every row of a new bank. Call this function in an open transaction with disabled
    triggers. It also deletes the rows that migrations and audits have written, because the fixture
    contains such rows with its own ids.
    """
    with connection.cursor() as cursor:
        # The table of transactions comes first, because two of its foreign keys cannot be deferred.
        for table in sorted(_tables(), key="transactions".__ne__):
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608
    ContentType.objects.clear_cache()


def _tables() -> list[str]:
    return sorted(
        connection.introspection.django_table_names(only_existing=True, include_views=False)
    )


def _alter(tables: list[str], verb: str) -> None:
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {connection.ops.quote_name(table)} {verb} TRIGGER USER")
