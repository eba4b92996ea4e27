"""Inside the practice bank: as the role of the cookbook, with its timeouts."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.db import transaction as db_transaction

from ledger.cookbook.practice import SCHEMA

SECONDS = 3.0  # the longest one statement of a recipe may take


@contextmanager
def practising(*, writes: bool) -> Iterator[None]:
    """Every statement inside works on the practice bank, and is rolled back at the end.

    The role has no right to the real books. `public` comes last in the path for the sake of
    functions of extensions, which are there.
    """
    with db_transaction.atomic():
        try:
            put_on([SCHEMA, "public"], local=True, read_only=not writes)
            yield
        finally:
            db_transaction.set_rollback(True)


def put_on(path: list[str], *, local: bool, read_only: bool) -> None:
    """Makes this connection, or with `local` its transaction, one of the cookbook.

    What it may not do any more goes last: the role may not give itself other rights.
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
    with connection.cursor() as cursor:
        for name, value in values.items():
            cursor.execute("SELECT set_config(%s, %s, %s)", [name, value, local])
