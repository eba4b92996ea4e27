"""Changes or deletes rows of tables whose triggers refuse every change. Other sessions wait only
briefly.

Note [Lifted triggers]: some tables have triggers that refuse every change of a row. Two database
functions of the table owner disable and enable these triggers, but only for the tables in `lifted`.
Only the owner and the worker may call the functions. While the triggers are disabled, no other
session can write to the table. So the rows are searched first, without a lock. Only the changes run
inside `with_short_waits`, see Note [Short waits].
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import connection, connections
from django.db.models import QuerySet

from accounts.erased import ACCOUNT_NAME, DOMAIN, NAME
from ledger.db.locking.short_waits import with_short_waits
from transactions.privacy.personal_data import REGISTERED

PART = 2000  # rows per part; other sessions wait until a part is done

# Triggers that always stay enabled, because the worker may only erase. They register rows, record
# changes, keep tokens revoked, and protect the content and the decision of a request. Features
# register other such triggers.
NEVER_LIFTED = (
    "row_is_registered", "row_is_revised", "api_token_end_is_final", "request_asks_the_same",
    "request_changes_by_decision",
)  # fmt: skip
# The same names are in transactions/tables.py, which lets the worker execute the functions.
LIFT, RESTORE = "lift_triggers(text)", "restore_triggers(text)"
ERASE = "erase_person(uuid, text, text)"
FORGET = "forget_attempts(timestamptz, integer)"
FUNCTION = """
CREATE OR REPLACE FUNCTION {signature} RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    each name;
BEGIN
    IF $1 <> ALL (ARRAY[{tables}]) THEN
        RAISE EXCEPTION 'The triggers of % are never lifted.', $1
        USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR each IN
        SELECT tgname FROM pg_trigger WHERE tgrelid = $1::regclass AND NOT tgisinternal
        -- None of INSERT, so that nothing goes in unseen where a worker leaves them lifted.
        AND tgtype & 4 = 0
        AND tgname NOT LIKE ALL (ARRAY[{kept}])
    LOOP
        EXECUTE format('ALTER TABLE %I {verb} TRIGGER %I', $1, each);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;
"""


# The worker must not write to these columns and tables. Otherwise the worker could sign in as
# another person, or lock a person out.
WAYS_IN = (
    "account_emailaddress", "mfa_authenticator", "socialaccount_socialaccount", "users_groups",
    "users_user_permissions",
)  # fmt: skip
DELETE_WAYS_IN = "\n".join(
    f"        DELETE FROM {table} WHERE user_id = $1;"  # noqa: S608 - constants
    for table in WAYS_IN
)
ERASE_PERSON = f"""
CREATE OR REPLACE FUNCTION {ERASE} RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE users SET email = replace($1::text, '-', '') || '@{DOMAIN}', name = coalesce($2, name),
        password = coalesce($3, password), password_is_long = password_is_long AND $3 IS NULL,
        last_login = NULL, is_staff = is_staff AND $2 IS NULL,
        is_superuser = is_superuser AND $2 IS NULL, household_id =
            CASE WHEN $2 IS NULL THEN household_id END
    WHERE id = $1
        AND (session_user = current_user  -- the owner
             OR deleted_at IS NOT NULL
                AND NOT EXISTS (SELECT FROM accounts WHERE user_id = $1 AND status <> 'closed'))
        AND ($2 IS NULL OR $2 = '{NAME}')
        AND ($3 IS NULL OR $3 LIKE '!%');
    IF NOT found THEN
        RETURN false;
    END IF;
    IF $2 IS NOT NULL THEN
        UPDATE accounts SET name = '{ACCOUNT_NAME}' WHERE user_id = $1;
        DELETE FROM account_emailconfirmation WHERE email_address_id IN
            (SELECT id FROM account_emailaddress WHERE user_id = $1);
        DELETE FROM socialaccount_socialtoken WHERE account_id IN
            (SELECT id FROM socialaccount_socialaccount WHERE user_id = $1);
{DELETE_WAYS_IN}
    END IF;
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION {ERASE} FROM PUBLIC;
"""  # noqa: S608 - constants
# Note [Codes in mails]: the table also contains digests of mailed codes, and the worker has the key
# of the digests. A worker that could write a digest could sign in with a code of its choice. A
# worker that could read a digest could try all codes. So the worker may only delete expired rows.
FORGET_ATTEMPTS = f"""
CREATE OR REPLACE FUNCTION {FORGET} RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    deleted integer;
BEGIN
    DELETE FROM attempt_counts WHERE key IN (
        SELECT key FROM attempt_counts WHERE window_ends < least($1, clock_timestamp())
        LIMIT $2 FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END $$;
REVOKE ALL ON FUNCTION {FORGET} FROM PUBLIC;
"""  # noqa: S608 - constants
LEFT_LIFTED = """
SELECT DISTINCT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relname = ANY (%s) AND relnamespace = 'public'::regnamespace AND tgenabled = 'D'
"""


def lifted() -> tuple[str, ...]:
    """Returns the tables whose triggers may be disabled. Only an erasure changes rows of these
    tables. Rows are deleted only by an erasure or after their retention period.
    """
    return tuple(chain.from_iterable(data.never_change for data in REGISTERED))


def install_functions(*, using: str, **_signal: Any) -> None:
    """Installs the current version of the database functions after a migration. Enables triggers
    that an interrupted worker has left disabled.
    """
    tables = ", ".join(f"'{table}'" for table in lifted())
    never = chain(NEVER_LIFTED, *(data.never_lifted for data in REGISTERED))
    kept = ", ".join(f"'%{name}%'" for name in never)
    with connections[using].cursor() as cursor:
        for signature, verb in ((LIFT, "DISABLE"), (RESTORE, "ENABLE")):
            # Executed without parameters, so that % is a literal percent sign.
            sql = FUNCTION.format(signature=signature, verb=verb, tables=tables, kept=kept)
            cursor.execute(sql)
        cursor.execute(ERASE_PERSON)
        cursor.execute(FORGET_ATTEMPTS)
        cursor.execute(LEFT_LIFTED, [list(lifted())])
        for (table,) in cursor.fetchall():
            cursor.execute("SELECT restore_triggers(%s)", [table])


def drop_functions(*, using: str, plan: Sequence[tuple[Any, bool]], **_signal: Any) -> None:
    """Drops the database functions before a migration is reversed. The functions work only with the
    newest tables.
    """
    if any(backwards for _migration, backwards in plan):
        with connections[using].cursor() as cursor:
            for signature in (LIFT, RESTORE, ERASE, FORGET):
                cursor.execute(f"DROP FUNCTION IF EXISTS {signature}")


def erase_person(pk: UUID, *, name: str | None = None, password: str | None = None) -> bool:
    """Replaces the email address in the row of a person who left the bank, and returns True. With
    `name`, also replaces the person's name and the names of the accounts, and deletes the person's
    addresses, second factors, groups and other rights.

    Returns False and changes nothing if the worker calls this function for a person whose sign-in
    or account is still open.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT erase_person(%s, %s, %s)", [pk, name, password])
        is_erased: bool = cursor.fetchone()[0]
    return is_erased


def forget_attempts(before: datetime) -> int:
    """Deletes counts of attempts whose time window ended before this time. Returns the number of
    deleted rows.

    Deletes each part of the rows in a separate transaction. Skips rows that another session has
    locked. The next run deletes these rows.
    """
    deleted = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT forget_attempts(%s, %s)", [before, PART])
            part: int = cursor.fetchone()[0]
        deleted += part
        if part < PART:
            return deleted


@contextmanager
def triggers_lifted(table: str) -> Iterator[None]:
    """Disables the triggers of a table during the block, except the triggers in NEVER_LIFTED. The
    table must be in `lifted`. See Note [Lifted triggers].
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # deferred checks would block ALTER TABLE
        cursor.execute("SELECT lift_triggers(%s)", [table])
        yield
        cursor.execute("SELECT restore_triggers(%s)", [table])


def delete_in_parts(old: QuerySet[Any], note: Callable[[], None]) -> int:
    """Deletes rows of a table whose triggers refuse every change. Returns the number of deleted
    rows.

    Each part of the rows is deleted in a separate transaction, so that other sessions wait only for
    one part. `note` records the reason in the transaction of the first part.
    """
    deleted = 0

    def delete_part() -> None:
        with triggers_lifted(old.model._meta.db_table):
            if not deleted:
                note()
            old.model._default_manager.filter(pk__in=part).delete()

    while part := list(old.values_list("pk", flat=True)[:PART]):
        with_short_waits(delete_part)
        deleted += len(part)
    return deleted


def change_in_parts(
    table: str, ids: Sequence[Any], change: Callable[[Sequence[Any]], object]
) -> None:
    """Calls `change` for each part of the ids, with the triggers of the table disabled. Each call
    has a separate database transaction, so that other sessions wait only for one part.
    """

    def change_part(part: Sequence[Any]) -> None:
        with triggers_lifted(table):
            change(part)

    for start in range(0, len(ids), PART):
        with_short_waits(partial(change_part, ids[start : start + PART]))
