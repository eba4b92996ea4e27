"""The tables and views that attacks on the explorer must not change."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.attacks.explorer.roles import leading_to
from tests.explorer.books import Books, committed
from tests.explorer.rights import executing_anything
from tests.pooler import beside, server


@pytest.fixture(scope="module")
def books(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Books]:
    with committed(django_db_blocker) as found:
        yield found


@pytest.fixture(autouse=True)
def _nothing_changes(books: Books) -> Iterator[None]:
    """Checks that each attack leaves the records and the views unchanged."""
    before = _state()
    yield
    assert _state() == before


def _state() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT jsonb_agg(a ORDER BY id) FROM accounts a)::text,"
            " (SELECT count(*) FROM transactions), (SELECT count(*) FROM users),"
            " (SELECT array_agg(relname || coalesce(reloptions::text, '') ORDER BY relname)::text"
            "  FROM pg_class WHERE relnamespace = 'explorer'::regnamespace),"
            # Only the roles of this test: other tests create roles at the same time.
            " (SELECT count(*) FROM pg_auth_members WHERE oid_of.role IN (roleid, member)),"
            " (SELECT rolconfig::text FROM pg_roles WHERE oid = oid_of.role)"
            " FROM (SELECT %s::regrole::oid AS role) AS oid_of",
            [settings.LEDGER_EXPLORER_ROLE],
        )
        return list(cursor.fetchall())


@pytest.fixture
def another_role(settings: Any) -> Iterator[str]:
    """A role like the explorer's role, for one test. No pooler knows this role, so the test
    connects to the server itself.
    """
    if not server().get("LEDGER_EMBEDDED"):
        pytest.skip("only a superuser makes roles")
    role = settings.LEDGER_EXPLORER_ROLE = f"explorer_{uuid4().hex}"
    with beside(user="postgres") as superuser:
        superuser.execute(f"CREATE ROLE {role} LOGIN NOINHERIT".encode())
        superuser.execute(f"GRANT USAGE ON SCHEMA explorer TO {role}".encode())
        superuser.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA explorer TO {role}".encode())
        with leading_to(server()):
            yield role
        superuser.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


@pytest.fixture
def may_execute() -> Iterator[None]:
    with executing_anything():
        yield
