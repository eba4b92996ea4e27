"""What the role of `manage.py work` could do that it must not."""

from collections.abc import Iterator
from typing import Any

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage

from ledger.checks.messages import some, weak, wrong
from ledger.db.rights.held import beyond_registered, memberships, powers
from ledger.db.rights.registered_tables import TABLES, WORKER_FUNCTIONS

Found = psycopg.Connection[Any]
OWNER = """
    SELECT pg_get_userbyid(relowner)::text FROM pg_class
    WHERE oid = to_regclass('public.transactions')
"""


def worker_role(found: Found) -> Iterator[CheckMessage]:
    """Powers that it has besides its rights, or the rights that no app registers. Nothing of a role
    that is missing: then the worker signs in as the owner, which `work` itself warns of.
    """
    role = found.info.user if settings.LEDGER_ROLE == "worker" else settings.LEDGER_WORKER_ROLE
    if found.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
        return
    revoke = _revocation(found, role)
    if held := powers(found, role):  # these give it rights to every table
        yield wrong(
            "worker_role",
            f"The role {role} of manage.py work {' and '.join(held)}, and so could do whoever takes"
            " over a worker.",
            revoke
            or "Take that from it, or let the worker sign in as a role with the rights of"
            " docs/rights.md: a superuser's manage.py create_roles makes it.",
        )
        return
    if revoke:
        yield weak(
            "worker_role",
            f"The role {role} of manage.py work is a member of the owner of the tables. That gives"
            " it no right now, but would on Postgres 15, and nothing needs it.",
            revoke,
        )
    more = list(
        beyond_registered(
            found, role,
            {name: table.worker for name, table in TABLES.items()},
            hidden={name: table.hidden_from_worker for name, table in TABLES.items()},
            functions=WORKER_FUNCTIONS,
        )
    )  # fmt: skip
    if more:
        yield wrong(
            "worker_role",
            f"The role {role} of manage.py work has rights that no app registers: {some(more)}.",
            "Run manage.py migrate as the owner of the tables, which grants the rights of"
            " docs/table-rights.md alone. What is named after that was granted to everybody, or by"
            " another role: REVOKE it.",
        )


def _revocation(found: Found, role: str) -> str:
    """What ends a membership of this role in the owner; "" if it is no member."""
    row = found.execute(OWNER).fetchone()
    with found.cursor() as cursor:
        held = memberships(cursor, owner=row[0], worker=role) if row else []
    if not held:
        return ""
    statements = "; ".join(statement for _grantor, statement in held)
    return (
        "Run manage.py create_roles as an administrator. Or, as who granted it or as a superuser:"
        f" {statements}."
    )
