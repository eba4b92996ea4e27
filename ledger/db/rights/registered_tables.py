"""Who may read and write each table, as registered by the module `tables` of each app.

A table that no app registered is closed to every role except the owner, and `manage.py check`
reports it (ledger/checks/tables.py).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from ledger.db.rights.policies import Policy

READ = "SELECT"
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rights to a table, in the spelling of GRANT, and the rows that a reader gets.

    `web`, `worker` and `auditor` are the roles of docs/rights.md; "" is no right. The worker and
    the auditor read every column except `hidden_from_worker` and `hidden_from_auditor`. `rows` is
    the policy of row-level security, or the reason why the table needs none; without a policy, each
    reader gets every row. With `checked_first`, a trigger checks the policy of an INSERT before the
    other triggers, which read accounts with the rights of the owner. `authors` are columns with the
    writer of a row, not with its owner. `personal_data` describes the table's data about people and
    when they are deleted; "none" if there are none.
    """

    web: str
    worker: str
    rows: Policy | str
    personal_data: str
    auditor: str = READ
    hidden_from_worker: str = ""
    hidden_from_auditor: str = ""
    checked_first: bool = False
    authors: tuple[str, ...] = ()

    @property
    def policy(self) -> Policy | None:
        return self.rows if isinstance(self.rows, Policy) else None


COLUMNS = re.compile(r"\(([^)]*)\)")  # column lists in rights, as in UPDATE (name, is_open)
TABLES: dict[str, Table] = {}
# Functions that run with the rights of the owner, for each role that may execute them.
WEB_FUNCTIONS: list[str] = []
WORKER_FUNCTIONS: list[str] = []


def register(tables: Mapping[str, Table]) -> None:
    """Registers tables by their names.

    Raises ImproperlyConfigured if a table is already registered, or has no text about its rows or
    personal data.
    """
    for name, table in tables.items():
        if name in TABLES:
            raise ImproperlyConfigured(f"Two apps register the table {name}.")
        if not table.rows or not table.personal_data:
            raise ImproperlyConfigured(f"Describe rows and personal_data of the table {name}.")
        TABLES[name] = table


def register_functions(*signatures: str, web: bool = False, worker: bool = False) -> None:
    """Registers functions of the owner, such as `erase(uuid)`, that the web role or the worker may
    execute.
    """
    if web:
        WEB_FUNCTIONS.extend(signatures)
    if worker:
        WORKER_FUNCTIONS.extend(signatures)


def policies() -> dict[str, Policy]:
    """Returns the policy of each table that has one."""
    return {name: table.policy for name, table in TABLES.items() if table.policy}


def misspelled() -> Iterator[str]:
    """Yields a message for each column in rights or in `hidden_from_...` that no model of the table
    has, because a misspelled hidden column would open the whole table. A correct column may still
    be missing in the database if migrations were reversed.
    """
    columns: dict[str, set[str]] = {}
    for model in apps.get_models(include_auto_created=True):
        of_table = columns.setdefault(model._meta.db_table, set())
        of_table.update(str(field.column) for field in model._meta.concrete_fields)
    for name, table in TABLES.items():
        for hidden_from in ("hidden_from_worker", "hidden_from_auditor"):
            column = getattr(table, hidden_from)
            if column and column not in columns.get(name, set()):
                yield f"The table {name} has no column {column}, which {hidden_from} names."
        for role in ("web", "worker", "auditor"):
            for listed in COLUMNS.findall(getattr(table, role)):
                names = {*listed.split(", ")}
                # the table may have no model
                for column in sorted(names - columns.get(name, names)):
                    yield f"The table {name} has no column {column}, on which {role} has rights."
