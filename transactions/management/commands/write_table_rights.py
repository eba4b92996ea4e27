"""Writes docs/table-rights.md. For each table, the page contains the rights of the database roles,
and the personal data.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ledger.db.rights.policies import NOBODY, Policy
from ledger.db.rights.registered_tables import (
    TABLES,
    WEB_FUNCTIONS,
    WORKER_FUNCTIONS,
    Table,
)

FILE: Path = settings.BASE_DIR / "docs" / "table-rights.md"
HEAD = """\
# Every table: rights, rows and personal data

`manage.py write_table_rights` writes this file from the modules `tables` of all apps, and a test
compares the two. [rights.md](rights.md) explains the roles and row-level security.

## Rights

What each role may do with a table, in the words of GRANT; the owner of the tables has all rights.
The last column is the personal data: "with the person" means `LEDGER_KEEP_PEOPLE_DAYS` after they
have left.

| table | web role | worker | auditor | personal data |
|---|---|---|---|---|
"""
FUNCTIONS = """
Functions that run with the rights of the owner, and who may execute them:

| function | web role | worker |
|---|---|---|
"""
ROWS = """
## Rows

Which rows a reader has with `LEDGER_ROW_SECURITY=True`: the policy of each table, in SQL. The
functions are those of the schema `row_security`: `person()` is the id of the reader, `accounts()`
the ids of their accounts, `may()` whether they are staff with one of these permissions, and the
others whether the token of the request has that scope.

| table | read | insert | change and delete |
|---|---|---|---|
"""
OPEN = """
Tables without a policy, and why:

| table | why |
|---|---|
"""
# Matches a subquery that calls a function. A policy evaluates such a subquery once per SQL
# statement.
ONCE_PER_STATEMENT = re.compile(r"\(SELECT row_security\.(\w+\([^()]*\))\)(?:::uuid\[\])?")


def page() -> str:
    """Returns the whole page in Markdown."""
    tables = sorted(TABLES.items())
    return "".join(
        [
            HEAD,
            *(row(f"`{name}`", *rights_of(table)) for name, table in tables),
            FUNCTIONS,
            *(
                row(f"`{name}`", _yes(name in WEB_FUNCTIONS), _yes(name in WORKER_FUNCTIONS))
                for name in sorted({*WEB_FUNCTIONS, *WORKER_FUNCTIONS})
            ),
            ROWS,
            *(row(f"`{name}`", *rows_of(each.policy)) for name, each in tables if each.policy),
            OPEN,
            *(row(f"`{name}`", str(each.rows)) for name, each in tables if not each.policy),
        ]
    )


def row(*cells: str) -> str:
    """Returns a row of a table in Markdown."""
    return f"|{'|'.join(f' {cell} ' for cell in cells)}|\n"


def rights_of(table: Table) -> Iterator[str]:
    """Yields the rights of the web role, the worker and the auditor on a table, and the personal
    data in the table.
    """
    yield _in_words(table.web)
    yield _in_words(table.worker, table.hidden_from_worker)
    yield _in_words(table.auditor, table.hidden_from_auditor)
    yield table.personal_data


def rows_of(policy: Policy) -> Iterator[str]:
    """Yields three SQL conditions: for the rows that may be read, for the rows that may be
    inserted, and for the rows that may be changed or deleted.
    """
    yield _code(policy.reads)
    yield _code(policy.writes)
    changes = [_code(policy.changes) if policy.changes else "as insert"]
    if policy.becomes:
        changes.append(f"afterwards {_code(policy.becomes)}")
    if policy.locks != NOBODY:
        changes.append(f"may lock: {_code(policy.locks)}")
    yield "; ".join(changes)


def _yes(may: bool) -> str:
    return "yes" if may else ""


def _in_words(rights: str, hidden: str = "") -> str:
    but = f", but not to read `{hidden}`" if hidden else ""
    return f"{rights or 'nothing'}{but}"


def _code(condition: str) -> str:
    if condition == NOBODY:
        return "nobody"
    plain = ONCE_PER_STATEMENT.sub(r"\1", " ".join(condition.split())).replace("|", "\\|")
    return f"`{plain}`"


class Command(BaseCommand):
    """The command `manage.py write_table_rights`."""

    help = "Writes docs/table-rights.md from what apps register; a test compares the two."

    def handle(self, *args: Any, **options: Any) -> None:
        """Writes docs/table-rights.md."""
        FILE.write_text(page())
        self.stdout.write(f"Written: {FILE}.")
