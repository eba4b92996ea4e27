"""Who may read and write each table: what the module `tables` of each app registers.

A table that nobody registered is closed to every role but the owner, and `manage.py check` names
it (ledger/checks/tables.py).
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
    """Rights to a table, as GRANT spells them, and which of its rows a reader has.

    `web`, `worker` and `auditor` are the roles of docs/rights.md; "" is no right. The worker and
    the auditor read every column but `hidden_from_worker` and `hidden_from_auditor`.
    `rows` is the policy of row-level security, or why the table needs none: then each reader has
    every row. With `checked_first`, a trigger checks the policy of an INSERT before the other
    triggers, which read accounts with the rights of the owner. `authors` are fields of people that
    name who wrote a row, not whose it is.
    `personal_data` says what the table has of people, and when that goes; "none" if it has nothing.
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


COLUMNS = re.compile(r"\(([^)]*)\)")  # in rights, as in UPDATE (name, is_open)
TABLES: dict[str, Table] = {}
# Functions that run with the rights of the owner, and the roles that may execute them.
WEB_FUNCTIONS: list[str] = []
WORKER_FUNCTIONS: list[str] = []


def register(tables: Mapping[str, Table]) -> None:
    """Adds tables by their names. Raises ImproperlyConfigured for one that an app has registered,
    and for one without a statement on rows or personal data.
    """
    for name, table in tables.items():
        if name in TABLES:
            raise ImproperlyConfigured(f"Two apps register the table {name}.")
        if not table.rows or not table.personal_data:
            raise ImproperlyConfigured(f"Say of the table {name} what its rows and data are.")
        TABLES[name] = table


def register_functions(*signatures: str, web: bool = False, worker: bool = False) -> None:
    """Lets the web role or the worker execute functions of the owner, such as `erase(uuid)`."""
    if web:
        WEB_FUNCTIONS.extend(signatures)
    if worker:
        WORKER_FUNCTIONS.extend(signatures)


def policies() -> dict[str, Policy]:
    """The policy of each table that has one."""
    return {name: table.policy for name, table in TABLES.items() if table.policy}


def misspelled() -> Iterator[str]:
    """A sentence for each column of rights, or to hide, that no model of the table has: hiding
    nothing, it would open the whole table. One that the models have may still be missing in the
    database, where migrations were taken back.
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
                for column in sorted(names - columns.get(name, names)):  # it may have no model
                    yield f"The table {name} has no column {column}, of which {role} has rights."
