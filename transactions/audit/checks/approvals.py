"""Checks the four-eyes rule: what staff did without approval, and how approvals were used.

Note [Staff rows in the audit]: the audit cannot compare the stored daily sums exactly with the
rows, because rows that the table owner inserts with commands are not added to the sums. But
commands, the demo and imports never set a member of staff as the author of a row. So a row with
such an author was made on a page. On a page, the sum of the rows that one member of staff makes
without approval in a day cannot exceed the threshold. If the sum exceeds the threshold, somebody
wrote the rows while triggers were disabled, or the table owner wrote the rows with SQL.

Rows within five minutes of midnight are left out of the sums here, because the trigger may have
counted them on the neighbouring day. The audit still finds such a row if its amount exceeds the
threshold.

Each row is compared with the threshold that was valid at the time of the row. This threshold is
read from the history of `approval_thresholds`, which nobody can change. So if somebody raises,
moves or deletes a threshold, earlier rows are still found. If a threshold changed within five
minutes of the row, the higher threshold is used. Rows from before the history began are left out.
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
_ROUNDED = "0.000000001"  # the stored sums are rounded, so a sum may exceed 1 by this much
_THRESHOLDS = """
    SELECT about AS code, (after->>'amount')::numeric AS amount, changed_at AS since,
           coalesce(lead(changed_at) OVER (PARTITION BY about ORDER BY changed_at), 'infinity')
               AS until
    FROM changes WHERE table_name = 'approval_thresholds'
"""


def _held(moment: str) -> str:
    """Returns an SQL condition that is true if the threshold was valid for a part of the time from
    CLOCKS_DIFFER_BY before `moment` to CLOCKS_DIFFER_BY after `moment`.
    """
    return f"amount IS NOT NULL AND since <= {moment} + {_MARGIN} AND {moment} - {_MARGIN} < until"


def _since(moment: str) -> str:
    """Returns an SQL condition with two parts. The day of the moment is in the period of the audit.
    A threshold existed for the whole time from CLOCKS_DIFFER_BY before the moment to
    CLOCKS_DIFFER_BY after it.
    """
    return f"""{moment} >= coalesce(
          date_trunc('day', %(since)s::timestamptz, 'UTC'), '-infinity')
      AND EXISTS (
          SELECT FROM thresholds WHERE amount IS NOT NULL
          AND since <= {moment} - {_MARGIN} AND {moment} + {_MARGIN} < until)"""


def _share_at(moment: str) -> Share:
    """Returns a function that returns an SQL expression. The expression divides an amount by the
    threshold of its currency that was valid at `moment`.
    """

    def share(amount: str, currency: str) -> str:
        return f"""coalesce({amount} / nullif((
            SELECT max(amount) FROM thresholds AS threshold
            WHERE {_held(moment)} AND (code = {currency} OR code = '*' AND NOT EXISTS (
                SELECT FROM thresholds AS own WHERE own.code = {currency}
                AND own.amount IS NOT NULL AND own.since <= {moment} - {_MARGIN}
                AND {moment} + {_MARGIN} < own.until))), 0), {OVER})"""  # noqa: S608

    return share


# People who are staff now, or who were staff earlier by the history, which nobody can change.
WAS_STAFF = """(users.is_staff OR users.id IN (
        SELECT about::uuid FROM changes
        WHERE table_name = 'users' AND 'true' IN (before->>'is_staff', after->>'is_staff')))"""

# Rows that staff inserted without an approval, and that moved money or raised limits.
_UNAPPROVED = f"""
    SELECT staff.id, staff.created_by_id AS clerk, staff.created_at, 'money' AS what,
           staff.from_account_id AS account,
           CASE WHEN NOT plain THEN staff.to_account_id END AS other, staff.amount,
           staff.currency,
           {_share_at("staff.created_at")("staff.amount", "staff.currency")} AS share
    FROM transactions AS staff
    JOIN users ON users.id = staff.created_by_id AND {WAS_STAFF}
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
    JOIN users ON users.id = change.changed_by_id AND {WAS_STAFF}
    JOIN accounts AS held ON held.id = change.account_id
    WHERE {_since("change.created_at")} AND NOT EXISTS (
        SELECT FROM approval_requests WHERE status = 'done' AND {same_limits("change")})
"""  # noqa: S608

# The first row with which the daily sum of a member of staff, or of an account, exceeds the
# threshold.
_ABOVE = f"""
    WITH thresholds AS MATERIALIZED ({_THRESHOLDS}), unapproved AS ({_UNAPPROVED}), counted AS (
        SELECT unapproved.*, subject, of_clerk, sum(share) OVER (
                   PARTITION BY what, subject, (created_at AT TIME ZONE 'UTC')::date
                   ORDER BY created_at, id) AS total
        FROM unapproved CROSS JOIN LATERAL (
            VALUES (clerk, true), (account, false), (other, false)) AS sums (subject, of_clerk)
        WHERE subject IS NOT NULL AND share > 0
          AND ((created_at AT TIME ZONE 'UTC')::time::interval
               BETWEEN {_MARGIN} AND interval '24 hours' - {_MARGIN} OR share > 1 + {_ROUNDED})
    ), above AS (SELECT * FROM counted WHERE total > 1 + {_ROUNDED})
    SELECT id, what, CASE WHEN of_clerk THEN coalesce(account, other) ELSE subject END, amount,
           currency, of_clerk, (SELECT name FROM users WHERE users.id = clerk),
           to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), round(total * 100),
           (SELECT count(DISTINCT id) FROM above)
    FROM above ORDER BY created_at, id, of_clerk DESC LIMIT 1
"""  # noqa: S608

# A used approval whose row is missing or has other contents. For a batch: the payments are less
# than the used amount.
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
    """Yields the first row that staff inserted without an approval although the daily threshold was
    exceeded. Also yields the first used approval for which the approved row is missing or
    different. See Note [Staff rows in the audit].
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
    actor = "this person" if row.of_clerk else "staff"
    sentence = (
        f"{action} on {account} has no approval, but with it {actor} did {row.percent:,} % of the "
        f"threshold of {row.day} (UTC){'' if row.of_clerk else ' there'} without approval."
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
