"""The database router for DATABASE_READ_ROUTER. The router reads models of added apps from the
alias `read`.

Note [Which reads stay on the writer]: a reader may be slightly behind, and a router does not know
what the request's session has written. Therefore a balance, permission or limit that a page checks
must be read from the writer. Models of Ledger, Django and allauth are read from the writer, unless
a query uses using("read"). While a transaction is open on the writer, all reads go to the writer.
If an object was read from the writer, its related rows are also read from the writer.
"""

from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model

READ = "read"
# The default of DB_AWS_PLUGINS, and the value that adds READ. A value replaces the default plugins.
DEFAULT_PLUGINS = "initial_connection,aurora_connection_tracker,failover_v2,host_monitoring_v2"
PLUGINS_WITH_READER = f"read_write_splitting,{DEFAULT_PLUGINS}"
# Packages with models of money, people, permissions, sessions and limits.
ON_WRITER = frozenset(
    {
        "__fake__",  # the models inside a migration
        "accounts", "allauth", "api", "banking", "cookbook", "django", "explorer", "ledger",
        "transactions",
    }
)  # fmt: skip


def is_added(module: str) -> bool:
    """Returns whether the module belongs to an app that was added to Ledger."""
    return module.partition(".")[0] not in ON_WRITER


def has_added_table(model: type[Model]) -> bool:
    """Returns whether all columns of the model are in tables of added apps. The table of a proxy
    model belongs to another model, and some columns of a child model are in its parents' tables.
    """
    # Django's database cache passes a class that does not have all attributes of a model.
    concrete = getattr(model._meta, "concrete_model", None) or model
    return all(is_added(table.__module__) for table in (concrete, *_parents(concrete)))


def _parents(model: type[Model]) -> Sequence[type[Model]]:
    return model._meta.get_parent_list() if hasattr(model._meta, "get_parent_list") else ()


class ReadRouter:
    """A database router that uses "default" for writes and for reads that must be current, and READ
    for other reads.
    """

    def db_for_read(
        self, model: type[Model], instance: Model | None = None, **_hints: Any
    ) -> str | None:
        if not has_added_table(model) or connections[DEFAULT_DB_ALIAS].in_atomic_block:
            return DEFAULT_DB_ALIAS
        is_of_object = instance is not None and instance._state.db
        return None if is_of_object else READ  # None means the database that the object came from

    def db_for_write(self, _model: type[Model], **_hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Model, other: Model, **_hints: Any) -> bool | None:
        both = {one._state.db, other._state.db}
        return True if both <= {DEFAULT_DB_ALIAS, READ} else None

    def allow_migrate(self, database: str, _app_label: str, **_hints: Any) -> bool | None:
        return False if database == READ else None
