"""Posts a plain payment with one SQL statement, which locks, checks, inserts and commits.

Note [One statement]: the statement locks the accounts in order of id, makes the same checks as
`transactions.posting.checks`, and inserts the row. A trigger then changes the balances. Outside an
atomic block the statement commits by itself. Psycopg prepares the statement once per connection.

If a check fails, the statement inserts nothing, and its result does not contain the reason. Then
`engine.post_one` finds the reason and the message for the user. docs/performance.md compares the
speed of `single_statement` and `engine`.
"""

from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections
from django.db import transaction as db_transaction
from django.utils import timezone
from psycopg.pq import TransactionStatus

from ledger.db.retry import Failure, NotConfirmed, failure_of, sqlstate
from ledger.db.rights.row_security import rows_are_secured
from ledger.text.currencies import LARGEST_AMOUNT
from ledger.text.dates import end_of_day, start_of_day
from transactions.models import Transaction
from transactions.posting import blocked_accounts, insert, lost_statements
from transactions.posting.day_limits import DayLimit
from transactions.posting.drafts import PreparedDraft
from transactions.posting.lost_statements import LostStatement

ONE_STATEMENT, STEP_BY_STEP = "one statement", "step by step"
# SQLSTATE invalid_sql_statement_name: a pooler or DEALLOCATE has dropped the prepared statement,
# and psycopg has not noticed. A new connection prepares the statement again.
FORGOTTEN = "26000"
# The number of payments that this process posted with one statement, and step by step.
paths: Counter[str] = Counter()

COLUMNS = [name for name in insert.COLUMNS if name not in ("captures_id", "reverses_id")]
PAID = """paid AS MATERIALIZED (
            SELECT paid_to_others(
                %(person)s::uuid, %(currency)s, %(since)s::timestamptz, true
            ) AS total
        ), """
RESULT = ("currency", "booked_at", "booked_value_date", "from_balance", "to_balance")


def post(
    item: PreparedDraft,
    lost: list[LostStatement] | None = None,
    within: DayLimit | None = None,
    payer: UUID | None = None,
) -> Transaction | None:
    """Posts the draft with one SQL statement. Returns the posted row, or None if nothing was
    posted.

    Posts nothing if the statement cannot post this draft, if the payment would exceed `within`, or
    if the sending account does not belong to `payer`. Raises the database error if the payment may
    be retried, or if it is unknown whether the payment was posted. If the database's answer was
    lost, adds the SQL statement to `lost`, and stores it for later calls with the same id.
    """
    sent = None
    database: Any = connections[DEFAULT_DB_ALIAS]  # each use of django.db.connection costs 1 us
    try:
        with _commits(database), database.prepared_cursor() as cursor:
            server = database.connection.pgconn
            if not _is_between_transactions(database, server):
                return None
            sent = lost_statements.sent_now(server.backend_pid)
            cursor.execute(
                _sql(
                    item.from_id is not None,
                    item.to_id is not None,
                    item.is_hold,
                    is_limited=within is not None,
                    names_payer=payer is not None,
                    hides_balances=rows_are_secured(),
                ),
                {**_values(item, sent), **_limit_values(within), "payer": payer},
            )
            row = cursor.fetchone()
    except (DatabaseError, InterfaceError) as error:
        failure = failure_of(error)
        # NotConfirmed means that the SQL statement has ended. Its database session may already run
        # statements of another request, so the session must not be terminated.
        is_lost = failure is Failure.UNKNOWN and not isinstance(error, NotConfirmed)
        if is_lost and sent is not None:
            lost_statements.remember(item.id, sent)
            if lost is not None:
                lost.append(sent)
        if failure is not Failure.FINAL:
            raise
        if sqlstate(error) == FORGOTTEN and not database.in_atomic_block:
            database.close()
        return None  # a database rule refused the row; `engine` then finds the message
    if row is None:
        return None
    for name, value in zip(RESULT, row, strict=True):
        setattr(item, name, value)
    paths[ONE_STATEMENT] += 1
    return insert.as_transaction(item)


def suits(item: PreparedDraft) -> bool:
    """Returns whether `post` can post this draft now. Only `engine` can post corrections, imported
    drafts, holds that have already expired, and drafts of accounts that had a lock timeout a short
    time ago.
    """
    return (
        not item.is_correction
        and item.created_at is None
        and (item.expires_at is None or item.expires_at > timezone.now())
        and not blocked_accounts.has_one_of(item.account_ids)
        and _can_post(connections[DEFAULT_DB_ALIAS])
    )


def _can_post(database: Any) -> bool:
    """Returns whether the connection is in a state in which `post` can run: inside an atomic block
    of Django, or in autocommit mode.
    """
    return bool(database.in_atomic_block or database.get_autocommit())


def _is_between_transactions(database: Any, server: Any) -> bool:
    """Returns False if the server has an open transaction that Django did not open. The statement
    would become a part of that transaction. Otherwise returns True.
    """
    return bool(database.in_atomic_block or server.transaction_status == TransactionStatus.IDLE)


def _commits(database: Any) -> AbstractContextManager[Any]:
    """Returns a context manager for a statement that must commit. Entering it raises an error if a
    database transaction is already open. The transaction of a test case is allowed.
    """
    return db_transaction.atomic(durable=True) if database.in_atomic_block else nullcontext()


@lru_cache(maxsize=4)
def _bounds(day: date, _zone: str) -> tuple[datetime, datetime]:
    """Returns the first moment of a day and of the next day, in the current time zone."""
    return start_of_day(day), end_of_day(day)


def _values(item: PreparedDraft, sent: LostStatement) -> dict[str, Any]:
    today = timezone.localdate()
    begins, ends = _bounds(today, timezone.get_current_timezone_name())
    return {
        "id": item.id,
        "sender": item.from_id,
        "recipient": item.to_id,
        "amount": item.amount,
        "type": item.type,
        "status": item.status,
        "description": item.description,
        "reference": item.reference,
        "metadata": item.metadata_text,
        "value_date": item.value_date or today,
        "not_before": begins,
        "before": min(ends, sent.valid_until),
        "expires_at": item.expires_at,
        "created_by": item.created_by_id,
    }


def _limit_values(within: DayLimit | None) -> dict[str, Any]:
    if within is None:
        return {}
    return {
        "person": within.person,
        "currency": within.currency,
        "since": within.since,
        "most": within.most,
    }


@cache
def _sql(
    has_sender: bool,
    has_recipient: bool,
    is_hold: bool,
    *,
    is_limited: bool = False,
    names_payer: bool = False,
    hides_balances: bool = False,
) -> str:
    """Returns the SQL statement for a kind of payment. The statement makes the checks of
    `transactions.posting.checks`, but not its checks of corrections and daily limits, which need
    more queries.

    With `hides_balances`, the statement returns the balances of the locked accounts, because the
    web role cannot read the balances in the table `transactions`.
    """
    sides = [name for name, is_there in (("sender", has_sender), ("recipient", has_recipient))
             if is_there]  # fmt: skip
    of_side = [f"{side}.id = %({side})s::uuid" for side in sides]
    conditions = [*of_side]
    conditions += [f"%(amount)s::numeric = round(%(amount)s::numeric, {sides[0]}.minor_units)"]
    if has_sender:
        conditions += [
            "sender.status = 'active'",
            "sender.available >= %(amount)s::numeric",
            "(sender.transfer_limit IS NULL OR sender.transfer_limit >= %(amount)s::numeric)",
            "sender.daily_limit IS NULL",
        ]
    if names_payer:
        conditions += ["sender.user_id = %(payer)s::uuid"]
    if has_recipient:
        conditions += [
            "recipient.status <> 'closed'",
            f"recipient.balance + recipient.overdraft_limit <= {LARGEST_AMOUNT} - %(amount)s",
        ]
    if has_sender and has_recipient:
        conditions += ["sender.currency = recipient.currency"]
    if is_hold:
        conditions += ["coalesce(%(expires_at)s::timestamptz > clock_timestamp(), true)"]
    if is_limited:
        conditions += [
            "sender.currency = %(currency)s",
            "(SELECT total FROM paid) + %(amount)s::numeric <= %(most)s::numeric",
        ]
    # Around midnight, the booking time may be on another day than this process assumes. Then the
    # statement inserts nothing. It also inserts nothing after the deadline, see Note [Lost
    # statements].
    conditions += ["booking.moment >= %(not_before)s AND booking.moment < %(before)s"]
    after = [f"{side}.last_entry_at + interval '1 microsecond'" for side in sides]
    values = {
        "id": "%(id)s::uuid",
        "from_account_id": "%(sender)s::uuid" if has_sender else "NULL",
        "to_account_id": "%(recipient)s::uuid" if has_recipient else "NULL",
        "amount": "%(amount)s::numeric",
        "currency": f"{sides[0]}.currency",
        "type": "%(type)s",
        "status": "%(status)s",
        "description": "%(description)s",
        "reference": "%(reference)s",
        "metadata": "%(metadata)s::jsonb",
        "created_at": "booking.moment",
        "value_date": "%(value_date)s::date",
        "from_balance": "sender.balance - %(amount)s::numeric",
        "to_balance": "recipient.balance + %(amount)s::numeric",
        "expires_at": "%(expires_at)s::timestamptz",
        "created_by_id": "%(created_by)s::uuid",
    }
    if is_hold or not has_sender:
        values["from_balance"] = "NULL"
    if is_hold or not has_recipient:
        values["to_balance"] = "NULL"
    ids = ", ".join(f"%({side})s::uuid" for side in sides)
    # The sum is computed before the first account is read and locked, see Note [Sums before locks].
    paid = PAID if is_limited else ""
    is_paid_known = "(SELECT total FROM paid) IS NOT NULL AND " if is_limited else ""
    locked = f"""{paid}locked AS MATERIALIZED (
            SELECT id, currency, minor_units, status, balance, overdraft_limit, available,
                   transfer_limit, daily_limit, last_entry_at{", user_id" if names_payer else ""}
            FROM accounts WHERE {is_paid_known}id = ANY (ARRAY[{ids}]) ORDER BY id FOR NO KEY UPDATE
        )"""  # noqa: S608 - put together from constants
    both = " CROSS JOIN ".join(f"locked AS {side}" for side in sides)
    added = f"""INSERT INTO {insert.table(is_secured=hides_balances)} ({", ".join(COLUMNS)})
        SELECT {", ".join(values[name] for name in COLUMNS)}
        FROM {both}
        CROSS JOIN LATERAL (
            SELECT greatest(clock_timestamp(), {", ".join(after)}) AS moment
        ) AS booking
        WHERE {" AND ".join(conditions)}
        ON CONFLICT (id) DO NOTHING
        RETURNING currency, created_at, value_date"""  # noqa: S608 - put together from constants
    if not hides_balances:
        return f"WITH {locked} {added}, from_balance, to_balance"
    return f"""
        WITH {locked}, added AS ({added})
        SELECT added.currency, added.created_at, added.value_date,
               {values["from_balance"]}, {values["to_balance"]}
        FROM added CROSS JOIN {both}
        WHERE {" AND ".join(of_side)}
    """  # noqa: S608 - put together from constants
