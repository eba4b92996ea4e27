"""Checks that a reason is recorded for every account status and every released hold, and that each
hold with such a reason is released.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, Window
from django.utils import timezone

from transactions.audit.findings import STATUS_WORDS, Finding, amount_text, named
from transactions.models import StaffReason, Transaction
from transactions.models.row_triggers import CLOCKS_DIFFER_BY

# The first wrong step in a chain of status changes, by account and time. Each chain begins with
# `active`, and ends with the current status of the account.
STATUSES = """
SELECT account_id, change_id, before, leads_from, is_last, count(*) OVER () FROM (
    SELECT account_id, id AS change_id, created_at, from_status AS leads_from, false AS is_last,
           lag(to_status, 1, 'active') OVER changes AS before
    FROM account_status_changes
    WINDOW changes AS (PARTITION BY account_id ORDER BY created_at, id)
    UNION ALL
    SELECT id, NULL, NULL, status, true, coalesce((
        SELECT to_status FROM account_status_changes WHERE account_id = accounts.id
        ORDER BY created_at DESC, id DESC LIMIT 1), 'active')
    FROM accounts
) AS links
WHERE before <> leads_from ORDER BY account_id, created_at NULLS LAST LIMIT 1"""


def statuses(_since: datetime | None = None) -> Iterator[Finding]:
    """Yields the first account whose recorded status changes are not a complete series from
    `active` to the account's current status.
    """
    with connection.cursor() as cursor:
        cursor.execute(STATUSES)
        for account, change, before, found, is_last, broken in cursor.fetchall():
            name = named(account)
            if is_last:
                sentence = (
                    f"{name.at_start} is {found}, but its history ends with {before} and does not "
                    "contain this change."
                )
            else:
                sentence = (
                    f"A status change of {name} starts from {found}, but before this change, the "
                    f"account was {before} (change {change})."
                )
            yield Finding("status", str(account), None, before, found, broken, sentence=sentence)


def releases(since: datetime | None = None) -> Iterator[Finding]:
    """Yields the first hold that was released before it expired and has no recorded reason."""
    reasons = StaffReason.objects.filter(transaction=OuterRef("pk"), action="release")
    ahead = timezone.now() + CLOCKS_DIFFER_BY
    released = Transaction.objects.only("amount", "currency", "from_account_id").filter(
        Q(expires_at=None) | Q(expires_at__gt=ahead), status="voided"
    )
    if since is not None:
        released = released.filter(created_at__gte=since)
    unexplained = released.filter(~Exists(reasons)).annotate(broken=Window(Count("*")))
    for row in unexplained.order_by("pk")[:1]:
        amount = amount_text(row.amount, row.currency)
        yield Finding(
            "release",
            str(row.from_account_id) if row.from_account_id else None,
            str(row.pk),
            "a reason",
            "none",
            row.broken,
            sentence=(
                f"Hold {row.pk} of {amount} on {named(row.from_account_id)} was released before "
                "it expired, and no reason was recorded."
            ),
        )


def unreleased(since: datetime | None = None) -> Iterator[Finding]:
    """Yields the first transaction that has a reason for its release, but is not voided. Without
    this check, the owner of the tables could make a released hold pending again, and capture it.
    With `since`, checks only reasons that were written from that time on.
    """
    reasons = StaffReason.objects.filter(action="release").exclude(transaction__status="voided")
    if since is not None:
        reasons = reasons.filter(created_at__gte=since)
    rows = reasons.select_related("transaction").annotate(broken=Window(Count("*")))
    for reason in rows.order_by("transaction")[:1]:
        row = reason.transaction
        amount = amount_text(row.amount, row.currency)
        account = row.from_account_id or row.to_account_id
        yield Finding(
            "unreleased",
            str(account) if account else None,
            str(row.pk),
            "voided",
            row.status,
            reason.broken,
            sentence=(
                f"Transaction {row.pk} of {amount} on {named(account)} has a reason for its"
                f" release, but its status is {STATUS_WORDS.get(row.status, row.status)}."
            ),
        )
