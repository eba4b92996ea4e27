"""Collects the rights of each role to read and write each table. The module `tables` of each app
registers the rights to its tables.

If no app has registered a table, only the owner can use the table, and `manage.py check` reports it
(ledger/checks/tables.py).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from ledger.db.rights.policies import Policy

REGISTER = "Register it in the module `tables` of its app; docs/new-app.md has an example."
NO_RIGHT, DENIED = "42501", re.compile(r"permission denied for table (\w+)")
READ = "SELECT"
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rights to a table in the syntax of GRANT, and the rows that a reader can see.

    - `web`, `worker` and `auditor` are the rights of the roles in docs/rights.md. "" means no
      rights.
    - `hidden_from_worker` and `hidden_from_auditor` are columns that these roles cannot read.
    - `rows` is the policy of row-level security, or the reason why the table needs none. Without a
      policy, each reader sees every row.
    - If `checked_first` is true, a trigger checks the policy of an INSERT before the other triggers
      run, because the other triggers read accounts with the rights of the owner.
    - `authors` are columns with the person who wrote a row. The row does not belong to this person.
    - `personal_data` describes which data about people the table contains and when it is deleted.
      "none" means that the table contains no such data.
    - `instead` names the function that code must call instead of writing rows with Django's models.
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
    instead: str = ""

    @property
    def policy(self) -> Policy | None:
        return self.rows if isinstance(self.rows, Policy) else None


COLUMNS = re.compile(r"\(([^)]*)\)")  # the list of columns in a right, as in UPDATE (name, is_open)
TABLES: dict[str, Table] = {}
# Functions that run with the rights of the owner, and that these roles may execute.
WEB_FUNCTIONS: list[str] = []
WORKER_FUNCTIONS: list[str] = []


def register(tables: Mapping[str, Table]) -> None:
    """Registers tables by their names.

    Raises ImproperlyConfigured if a table is already registered, or if `rows` or `personal_data` is
    empty.
    """
    for name, table in tables.items():
        if name in TABLES:
            raise ImproperlyConfigured(f"Two apps register the table {name}.")
        if not table.rows or not table.personal_data:
            raise ImproperlyConfigured(f"Describe rows and personal_data of the table {name}.")
        TABLES[name] = table


def register_functions(*signatures: str, web: bool = False, worker: bool = False) -> None:
    """Registers functions of the owner, such as `erase(uuid)`. The web role or the worker may then
    execute them.
    """
    if web:
        WEB_FUNCTIONS.extend(signatures)
    if worker:
        WORKER_FUNCTIONS.extend(signatures)


def hint_for_denied_table(error: Exception) -> str | None:
    """If an error of psycopg means that a statement used a table that no app has registered,
    returns what a developer must do. Returns None for other errors.
    """
    if getattr(error, "sqlstate", None) != NO_RIGHT or not (found := DENIED.search(str(error))):
        return None
    return None if found[1] in TABLES else f"No app registers the table {found[1]}. {REGISTER}"


def hint_for_refused_row(error: Exception) -> str | None:
    """Returns the attribute `instead` of a registered table, if an error of psycopg contains the
    name of this table. Otherwise returns None.
    """
    table = TABLES.get(getattr(getattr(error, "diag", None), "table_name", None) or "")
    return table.instead or None if table else None


def policies() -> dict[str, Policy]:
    """Returns the policies of all tables that have one. The keys are table names, in the order of
    the alphabet, so that the digest of the policies does not depend on the order of registration.
    """
    return {name: table.policy for name, table in sorted(TABLES.items()) if table.policy}


def misspelled() -> Iterator[str]:
    """Yields a message for each registered column that does not exist in the models of its table.
    Checks the columns in rights, in `hidden_from_worker` and in `hidden_from_auditor`. If the name
    of a hidden column were wrong, the role could read the whole table.

    A correct column may still be missing in the database if migrations were undone.
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
                # a table without a model has no known columns
                for column in sorted(names - columns.get(name, names)):
                    yield f"The table {name} has no column {column}, on which {role} has rights."
