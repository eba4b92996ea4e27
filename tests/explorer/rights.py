"""Rights of the explorer's role that a superuser takes, given back for a test."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from psycopg.sql import SQL, Identifier

from ledger.db.kept_from_queries import OF_THE_BANK
from tests.pooler import beside, server

GIVEN = """
SELECT string_agg(to_regprocedure('pg_catalog.' || name)::text, ', ')
FROM unnest(%s::text[]) AS name
"""


@contextmanager
def executing_anything() -> Iterator[None]:
    """Lets queries change settings and take locks, as on a server whose superuser has not forbidden
    it.
    """
    if not server().get("LEDGER_EMBEDDED"):
        yield
        return
    role = Identifier(settings.LEDGER_EXPLORER_ROLE)
    with beside(user="postgres") as superuser:
        (functions,) = superuser.execute(GIVEN, [list(OF_THE_BANK)]).fetchone() or ("",)
        superuser.execute(SQL(f"GRANT EXECUTE ON FUNCTION {functions} TO {{}}").format(role))
        try:
            yield
        finally:
            superuser.execute(SQL(f"REVOKE EXECUTE ON FUNCTION {functions} FROM {{}}").format(role))
