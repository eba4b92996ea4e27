"""Creates policies and triggers, and skips those that already exist with the same SQL.

Creating a policy or trigger locks its table, and an upgrade changes only a few policies and
triggers. So the comment of each policy or trigger contains a digest of its SQL. When a policy or
trigger is dropped, its comment disappears. Backups contain the comments.
"""

import hashlib
from collections.abc import Iterable, Mapping

from django.db import ProgrammingError
from django.db.backends.utils import CursorWrapper

# Selects only active policies and triggers. Postgres ignores the policies of a table without
# row-level security.
TAKE_EFFECT = """
SELECT format('POLICY %I ON %s', polname, polrelid::regclass),
       obj_description(pg_policy.oid, 'pg_policy')
FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid WHERE relrowsecurity
UNION ALL
SELECT format('TRIGGER %I ON %s', tgname, tgrelid::regclass), obj_description(oid, 'pg_trigger')
FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'
"""


def digest_of(statements: Iterable[str]) -> str:
    """Returns a digest of these SQL statements."""
    return hashlib.sha256("".join(statements).encode()).hexdigest()


def make_changed(cursor: CursorWrapper, wanted: Mapping[str, list[str]]) -> list[str]:
    """Creates the policies and triggers that are missing or have different SQL. Returns their
    names.

    `wanted` maps names, such as "POLICY reads ON accounts", to the SQL statements that create them.
    """
    cursor.execute(TAKE_EFFECT)
    found = dict(cursor.fetchall())
    digests = {name: digest_of(statements) for name, statements in wanted.items()}
    changed = [name for name, digest in digests.items() if found.get(name) != digest]
    for name in changed:
        try:
            for statement in wanted[name]:
                cursor.execute(statement)
        except ProgrammingError as error:
            error.add_note(f"{name} has this error; its app registers its SQL (docs/new-app.md).")
            raise
        cursor.execute(f"COMMENT ON {name} IS '{digests[name]}'")
    return changed
