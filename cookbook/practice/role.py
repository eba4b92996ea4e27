"""Switches a connection to the role of the cookbook and to the practice bank, and sets timeouts."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import ProgrammingError, connection
from django.db import transaction as db_transaction

from cookbook.practice.readiness import NO_RIGHT, NOT_GRANTED, SCHEMA, NoPracticeBank
from ledger.db import extensions
from ledger.db.history import facts
from ledger.db.retry import sqlstate
from ledger.db.rights.row_security import without_reader

SECONDS = 3.0  # time limit for one statement of a recipe
LOCK_SECONDS = 3.0  # time limit for waiting for one lock


@contextmanager
def as_cookbook_role(*, writes: bool) -> Iterator[None]:
    """Runs the `with` block in the practice bank with the role of the cookbook, and rolls back at
    the end.

    The role has no rights to the real tables, and the block runs without the reader's token.
    Extensions come last in the search path.

    Raises: NoPracticeBank if this process may not use the role.
    """
    with facts.without_facts(), without_reader(), db_transaction.atomic():
        try:
            switch_role([SCHEMA, extensions.SCHEMA], local=True, read_only=not writes)
            yield
        finally:
            db_transaction.set_rollback(True)


def switch_role(path: list[str], *, local: bool, read_only: bool) -> None:
    """Switches this connection to the role of the cookbook. `path` contains the schemas of the
    search path. `local` limits the switch to the current transaction.

    A recipe could switch back only with an SQL command such as RESET ROLE. A test checks that the
    files of the recipes do not contain such a command.
    """
    values = {
        "search_path": ", ".join(path),
        "statement_timeout": f"{int(SECONDS * 1000)}ms",
        "lock_timeout": f"{int(LOCK_SECONDS * 1000)}ms",
        "jit": "off",
        "timezone": "UTC",
        "role": settings.LEDGER_COOKBOOK_ROLE,
        **({"transaction_read_only": "on"} if read_only else {}),
    }
    try:
        with connection.cursor() as cursor:
            for name, value in values.items():
                cursor.execute("SELECT set_config(%s, %s, %s)", [name, value, local])
    except ProgrammingError as error:
        if sqlstate(error) != NO_RIGHT:
            raise
        raise NoPracticeBank(NOT_GRANTED.format(values["role"])) from error
