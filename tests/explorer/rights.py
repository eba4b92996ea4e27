"""Rights of the explorer's role that a superuser takes, given back for a test."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from psycopg.sql import SQL, Identifier

from ledger.db.rights.kept_from_queries import COUNTERS, FOR_BANK_ROLES, IN_GROUP
from tests.pooler import beside, server

GIVEN = f"SELECT string_agg(oid::regprocedure::text, ', ') FROM pg_proc WHERE {IN_GROUP}"


@contextmanager
def executing_anything() -> Iterator[None]:
    """Lets queries change settings, take locks and read counters, as on a server whose superuser
    has not forbidden it.
    """
    if not server().get("LEDGER_EMBEDDED"):
        yield
        return
    role = Identifier(settings.LEDGER_EXPLORER_ROLE)
    with beside(user="postgres") as superuser:
        given = f"{FOR_BANK_ROLES}|{COUNTERS}"
        (functions,) = superuser.execute(GIVEN, [given]).fetchone() or ("",)
        superuser.execute(SQL(f"GRANT EXECUTE ON FUNCTION {functions} TO {{}}").format(role))
        try:
            yield
        finally:
            superuser.execute(SQL(f"REVOKE EXECUTE ON FUNCTION {functions} FROM {{}}").format(role))
