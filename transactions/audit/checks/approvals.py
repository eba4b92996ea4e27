"""Checks four eyes from the rows: what staff did alone, and what an approval was used for.

Note [Staff rows in the audit]: the sums of a day cannot be compared with the rows exactly, because
the owner's commands count to none. But no command, demo or import names a clerk, so a row of staff
was made by a page, and what one of them does alone in a day is at most the threshold. Rows of staff
above it without an approval were written with disabled triggers, or by the owner's own SQL.
Rows within five minutes of midnight add up to no day, because the trigger may have counted them to
the day beside theirs; one that is above the threshold by itself is found.

Each row is compared with the threshold of its time, by the history of `approval_thresholds`: nobody
can change that, so a threshold that the owner raises, moves or deletes covers no earlier row. Where
one changed within five minutes, the higher of both counts. Rows from before the history are left
out.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from accounts.models import ApprovalRequest
from accounts.models.approval_triggers import OVER
from accounts.models.limit_triggers import Share, raised_by, same_limits
from transactions.audit.findings import Finding, amount_text, named
from transactions.models.row_triggers import CLOCKS_DIFFER_BY
from transactions.models.staff_triggers import ONE_OF_MANY, SAME_CONTENT

_MARGIN = "%(margin)s::interval"
_ROUNDED = "0.000000001"  # the stored sums are rounded, so a full day may be this far above 1
_THRESHOLDS = """
    SELECT about AS code, (after->>'amount')::numeric AS amount, changed_at AS since,
           coalesce(lead(changed_at) OVER (PARTITION BY about ORDER BY changed_at), 'infinity')
               AS until
    FROM changes WHERE table_name = 'approval_thresholds'
"""


def _held(moment: str) -> str:
    """SQL: whether a threshold held at least at some time within the margin of a moment."""
    return f"amount IS NOT NULL AND since <= {moment} + {_MARGIN} AND {moment} - {_MARGIN} < until"


def _since(moment: str) -> str:
    """SQL: whether a moment is on a day to check, and there were thresholds all the time."""
    return f"""{moment} >= coalesce(
          date_trunc('day', %(since)s::timestamptz, 'UTC'), '-infinity')
      AND EXISTS (
          SELECT FROM thresholds WHERE amount IS NOT NULL
          AND since <= {moment} - {_MARGIN} AND {moment} + {_MARGIN} < until)"""


def _share_at(moment: str) -> Share:
    """SQL: an amount as a part of the threshold that its currency had at a moment."""

    def share(amount: str, currency: str) -> str:
        return f"""coalesce({amount} / nullif((
            SELECT max(amount) FROM thresholds AS threshold
            WHERE {_held(moment)} AND (code = {currency} OR code = '*' AND NOT EXISTS (
                SELECT FROM thresholds AS own WHERE own.code = {currency}
                AND own.amount IS NOT NULL AND own.since <= {moment} - {_MARGIN}
                AND {moment} + {_MARGIN} < own.until))), 0), {OVER})"""  # noqa: S608

    return share


# Now, or at some time by the history, which nobody can change.
_WAS_STAFF = """(users.is_staff OR users.id IN (
        SELECT about::uuid FROM changes
        WHERE table_name = 'users' AND 'true' IN (before->>'is_staff', after->>'is_staff')))"""

# Rows of staff that moved money, or raised limits, without an approval.
_ALONE = f"""
    SELECT staff.id, staff.created_by_id AS clerk, staff.created_at, 'money' AS what,
           staff.from_account_id AS account,
           CASE WHEN NOT plain THEN staff.to_account_id END AS other, staff.amount,
           staff.currency,
           {_share_at("staff.created_at")("staff.amount", "staff.currency")} AS share
    FROM transactions AS staff
    JOIN users ON users.id = staff.created_by_id AND {_WAS_STAFF}
    LEFT JOIN accounts AS payer ON payer.id = staff.from_account_id
    CROSS JOIN LATERAL (SELECT staff.type = 'transfer' AND staff.status = 'completed'
        AND staff.captures_id IS NULL AND staff.reverses_id IS NULL AS plain) AS kind
    WHERE {_since("staff.created_at")}
      AND NOT (plain AND staff.created_by_id IS NOT DISTINCT FROM payer.user_id)
      AND NOT EXISTS (
          SELECT FROM approval_requests AS request
          WHERE request.transaction_id = staff.id AND request.status = 'done' AND {SAME_CONTENT})
      AND NOT EXISTS (
          SELECT FROM approval_payments AS payment
          JOIN approval_requests AS request ON {ONE_OF_MANY}
          WHERE payment.payment_id = staff.id AND plain AND request.used_amount > 0
            AND staff.created_at BETWEEN request.decided_at - {_MARGIN}
                                     AND request.used_at + {_MARGIN})
    UNION ALL
    SELECT change.id, change.changed_by_id, change.created_at, 'limits', change.account_id, NULL,
           NULL, held.currency, {raised_by("change", _share_at("change.created_at"))}
    FROM limit_changes AS change
    JOIN users ON users.id = change.changed_by_id AND {_WAS_STAFF}
    JOIN accounts AS held ON held.id = change.account_id
    WHERE {_since("change.created_at")} AND NOT EXISTS (
        SELECT FROM approval_requests WHERE status = 'done' AND {same_limits("change")})
"""  # noqa: S608

# The first row by which the sum of a day, a clerk's or an account's, passes the threshold.
_ABOVE = f"""
    WITH thresholds AS MATERIALIZED ({_THRESHOLDS}), alone AS ({_ALONE}), counted AS (
        SELECT alone.*, whose, of_clerk, sum(share) OVER (
                   PARTITION BY what, whose, (created_at AT TIME ZONE 'UTC')::date
                   ORDER BY created_at, id) AS total
        FROM alone CROSS JOIN LATERAL (
            VALUES (clerk, true), (account, false), (other, false)) AS sums (whose, of_clerk)
        WHERE whose IS NOT NULL AND share > 0
          AND ((created_at AT TIME ZONE 'UTC')::time::interval
               BETWEEN {_MARGIN} AND interval '24 hours' - {_MARGIN} OR share > 1 + {_ROUNDED})
    ), above AS (SELECT * FROM counted WHERE total > 1 + {_ROUNDED})
    SELECT id, what, CASE WHEN of_clerk THEN coalesce(account, other) ELSE whose END, amount,
           currency, of_clerk, (SELECT name FROM users WHERE users.id = clerk),
           to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), round(total * 100),
           (SELECT count(DISTINCT id) FROM above)
    FROM above ORDER BY created_at, id, of_clerk DESC LIMIT 1
"""  # noqa: S608

# A used approval whose row is missing, or has other contents; of many, less was paid than used.
_UNUSED = f"""
    SELECT request.id, request.kind, request.transaction_id,
           coalesce(request.from_account_id, request.to_account_id), request.amount,
           request.currency, count(*) OVER ()
    FROM approval_requests AS request
    WHERE request.used_amount > 0
      AND request.used_at >= coalesce(%(since)s::timestamptz, '-infinity')
      AND NOT CASE
        WHEN request.kind = 'limits' THEN EXISTS (
            SELECT FROM limit_changes AS change WHERE change.id = request.transaction_id
              AND {same_limits("change")})
        WHEN EXISTS (SELECT FROM approval_payments WHERE request_id = request.id)
        THEN request.used_amount <= (
            SELECT coalesce(sum(staff.amount), 0)
            FROM approval_payments AS payment
            JOIN transactions AS staff ON {ONE_OF_MANY}
            WHERE payment.request_id = request.id
              AND staff.created_at >= request.decided_at - {_MARGIN})
        ELSE EXISTS (
            SELECT FROM transactions AS staff
            WHERE staff.id = request.transaction_id AND {SAME_CONTENT})
      END
    ORDER BY request.used_at, request.id LIMIT 1
"""  # noqa: S608


class _Above(NamedTuple):
    id: UUID
    what: str
    account: UUID
    amount: Decimal | None
    currency: str
    of_clerk: bool
    clerk: str
    day: str
    percent: Decimal
    broken: int


class _Unused(NamedTuple):
    id: UUID
    kind: str
    row: UUID
    account: UUID
    amount: Decimal
    currency: str
    broken: int


def approvals(since: datetime | None = None) -> Iterator[Finding]:
    """What staff did above the threshold of a day was approved, and each approval was used for its
    row. See Note [Staff rows in the audit].
    """
    parameters: dict[str, Any] = {"since": since, "margin": CLOCKS_DIFFER_BY}
    with connection.cursor() as cursor:
        cursor.execute(_ABOVE, parameters)
        yield from [_above(_Above(*row)) for row in cursor.fetchall()]
        cursor.execute(_UNUSED, parameters)
        yield from [_unused(_Unused(*row)) for row in cursor.fetchall()]


def _above(row: _Above) -> Finding:
    account = named(row.account)
    action = (
        f"Transaction {row.id} of {amount_text(row.amount, row.currency)} by {row.clerk}"
        if row.what == "money"
        else f"The change of limits {row.id} by {row.clerk}"
    )
    whose = "this person alone" if row.of_clerk else "staff alone"
    sentence = (
        f"{action} on {account} has no approval, but with it {whose} did {row.percent:,} % of the "
        f"threshold of {row.day} (UTC){'' if row.of_clerk else ' there'}."
    )
    return Finding(
        "threshold",
        str(row.account),
        str(row.id) if row.what == "money" else None,
        "an approval",
        "none",
        row.broken,
        sentence=sentence,
    )


def _unused(row: _Unused) -> Finding:
    amount = amount_text(row.amount, row.currency)
    label = ApprovalRequest.Kind(row.kind).label.lower()
    sentence = (
        f"Approval {row.id} ({label}, {amount}) is marked as used on {named(row.account)}, but "
        f"nothing with its contents has the id {row.row}."
    )
    return Finding(
        "approval",
        str(row.account),
        str(row.row),
        "what was approved",
        "none",
        row.broken,
        sentence=sentence,
    )
