"""Inside the practice bank: as the role of the cookbook, with its timeouts."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import ProgrammingError, connection
from django.db import transaction as db_transaction

from cookbook.practice.bank import NO_RIGHT, NOT_GRANTED, SCHEMA, NoPracticeBank
from ledger.db.retry import sqlstate

SECONDS = 3.0  # the longest one statement of a recipe may take


@contextmanager
def practising(*, writes: bool) -> Iterator[None]:
    """Every statement inside works on the practice bank, and is rolled back at the end.

    The role has no right to the real books. `public` comes last in the path for the sake of
    functions of extensions, which are there. NoPracticeBank where this process may not put the
    role on.
    """
    with db_transaction.atomic():
        try:
            put_on([SCHEMA, "public"], local=True, read_only=not writes)
            yield
        finally:
            db_transaction.set_rollback(True)


def put_on(path: list[str], *, local: bool, read_only: bool) -> None:
    """Makes this connection, or with `local` its transaction, one of the cookbook.

    A role that is put on can be taken off again, by RESET ROLE: what keeps it on is that all SQL
    of recipes is written in their files, and never says so.
    """
    values = {
        "search_path": ", ".join(path),
        "statement_timeout": f"{int(SECONDS * 1000)}ms",
        "lock_timeout": f"{int(SECONDS * 1000)}ms",
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
