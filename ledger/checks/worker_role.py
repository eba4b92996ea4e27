"""What the roles of `manage.py work` and of `audit_ledger` could do that they must not."""

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

# Whoever makes roles may become each of them anyway.
BECOMES_WORKER = """
    SELECT rolname::text FROM pg_roles
    WHERE rolname <> %(worker)s AND NOT rolsuper AND NOT rolcreaterole
      AND pg_has_role(oid, (SELECT oid FROM pg_roles WHERE rolname = %(worker)s), 'MEMBER')
    ORDER BY rolname
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
    if others := [name for (name,) in found.execute(BECOMES_WORKER, {"worker": role}).fetchall()]:
        yield wrong(
            "worker_role",
            f"Members of the role {role} of manage.py work may do all that it may: {some(others)}.",
            f"As who granted it, or as a superuser: REVOKE {role} FROM each of them.",
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


def auditor_role(found: Found) -> Iterator[CheckMessage]:
    """Powers that the role of `manage.py audit_ledger` has besides its rights."""
    role = settings.LEDGER_AUDITOR_ROLE
    if held := powers(found, role):
        yield wrong(
            "auditor_role",
            f"The role {role} of manage.py audit_ledger {' and '.join(held)}.",
            "Take that from it: its rights are those of docs/table-rights.md.",
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
        "Run manage.py create_roles as an administrator; the embedded server ends it at its next"
        f" start. Or, as who granted it or as a superuser: {statements}."
    )
