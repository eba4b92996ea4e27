"""Checks the database roles of `manage.py work` and `audit_ledger` for rights that they must not
have.
"""

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

# Roles with CREATEROLE are not included, because they can become any role anyway.
BECOMES_WORKER = """
    SELECT rolname::text FROM pg_roles
    WHERE rolname <> %(worker)s AND NOT rolsuper AND NOT rolcreaterole
      AND pg_has_role(oid, (SELECT oid FROM pg_roles WHERE rolname = %(worker)s), 'MEMBER')
    ORDER BY rolname
"""


def worker_role(found: Found) -> Iterator[CheckMessage]:
    """Yields messages about the worker's role: rights that it must not have or that no app has
    registered, its membership in the owner role, and roles that can become this role. Yields
    nothing if the role does not exist. The worker then signs in as the owner, and `work` prints a
    warning.
    """
    role = found.info.user if settings.LEDGER_ROLE == "worker" else settings.LEDGER_WORKER_ROLE
    if found.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
        return
    revoke = _revocation(found, role)
    if held := powers(found, role):  # such a role has rights to every table
        yield wrong(
            "worker_role",
            f"The role {role} of manage.py work {' and '.join(held)}. An attacker who takes"
            " over a worker would have the same power.",
            revoke
            or "Revoke that, or let the worker sign in as a role with the rights of"
            " docs/rights.md: manage.py create_roles creates it, run by a superuser.",
        )
        return
    if revoke:
        yield weak(
            "worker_role",
            f"The role {role} of manage.py work is a member of the owner of the tables. That gives"
            " it no rights now, but it would on Postgres 15, and nothing needs it.",
            revoke,
        )
    if others := [name for (name,) in found.execute(BECOMES_WORKER, {"worker": role}).fetchall()]:
        yield wrong(
            "worker_role",
            f"Members of the role {role} of manage.py work may do all that it may: {some(others)}.",
            f"As the grantor or as a superuser: REVOKE {role} FROM each of them.",
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
            "Run manage.py migrate as the owner of the tables, which grants only the"
            " rights of docs/table-rights.md. If a right remains, it was granted to PUBLIC"
            " or by another role: REVOKE it.",
        )


def auditor_role(found: Found) -> Iterator[CheckMessage]:
    """Yields a message if the role of `manage.py audit_ledger` has rights that it must not have."""
    role = settings.LEDGER_AUDITOR_ROLE
    if held := powers(found, role):
        yield wrong(
            "auditor_role",
            f"The role {role} of manage.py audit_ledger {' and '.join(held)}.",
            "Revoke that: docs/table-rights.md lists the rights of the role.",
        )


def _revocation(found: Found, role: str) -> str:
    """Returns a text that explains how to end the role's membership in the owner role. Returns ""
    if there is no membership.
    """
    row = found.execute(OWNER).fetchone()
    with found.cursor() as cursor:
        held = memberships(cursor, owner=row[0], worker=role) if row else []
    if not held:
        return ""
    statements = "; ".join(statement for _grantor, statement in held)
    return (
        "Run manage.py create_roles as an administrator; the embedded server ends it at its next"
        f" start. Or run, as the grantor or as a superuser: {statements}."
    )
