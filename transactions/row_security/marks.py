"""Creates policies and triggers, and skips those that exist with the same SQL.

Recreating one locks its table, and an upgrade changes only a few. So the comment of each policy or
trigger is a digest of the SQL that created it. The comment is dropped with it, and is in a backup.
"""

import hashlib
from collections.abc import Iterable, Mapping

from django.db import ProgrammingError
from django.db.backends.utils import CursorWrapper

# Only active ones: Postgres ignores the policies of a table without row-level security.
TAKE_EFFECT = """
SELECT format('POLICY %I ON %s', polname, polrelid::regclass),
       obj_description(pg_policy.oid, 'pg_policy')
FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid WHERE relrowsecurity
UNION ALL
SELECT format('TRIGGER %I ON %s', tgname, tgrelid::regclass), obj_description(oid, 'pg_trigger')
FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'
"""


def digest_of(statements: Iterable[str]) -> str:
    """Returns a digest of SQL."""
    return hashlib.sha256("".join(statements).encode()).hexdigest()


def make_changed(cursor: CursorWrapper, wanted: Mapping[str, list[str]]) -> list[str]:
    """Runs the SQL of policies and triggers that are missing or were created by other SQL. Returns
    their names. `wanted` maps names, such as "POLICY reads ON accounts", to the SQL that creates
    them.
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
