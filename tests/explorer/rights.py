"""Rights of the explorer's role that a superuser takes, given back for a test."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from tests.pooler import beside, server

SET_CONFIG = "EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean)"


@contextmanager
def setting_anything() -> Iterator[None]:
    """Lets queries change settings, as on a server whose superuser has not forbidden it."""
    if not server().get("LEDGER_EMBEDDED"):
        yield
        return
    role = settings.LEDGER_EXPLORER_ROLE
    with beside(user="postgres") as superuser:
        superuser.execute(f"GRANT {SET_CONFIG} TO {role}".encode())
        try:
            yield
        finally:
            superuser.execute(f"REVOKE {SET_CONFIG} FROM {role}".encode())
