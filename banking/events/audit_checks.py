"""The audit check of event numbers. Each number of an account must exist only once, and must not be
above the account's last number.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db import connection

from transactions.audit.audit import register_check
from transactions.audit.findings import Finding, named

# Numbers may be missing, because old events are deleted after their delivery.
# No account has so many events. If an account's number reached 2**63 - 1, nothing could be booked
# on it.
IMPOSSIBLE_NUMBER = 10**18
NUMBERS = f"""
WITH numbered AS (
    SELECT account_id, number FROM events WHERE coalesce(at >= %(since)s, true)
    UNION ALL
    SELECT other_account_id, other_number FROM events
    WHERE other_account_id IS NOT NULL AND coalesce(at >= %(since)s, true)
    UNION ALL
    SELECT account_id, last_number FROM event_streams WHERE last_number > {IMPOSSIBLE_NUMBER}
)
SELECT account_id, number, count(*) AS events, coalesce(last_number, 0), count(*) OVER ()
FROM numbered LEFT JOIN event_streams USING (account_id)
GROUP BY account_id, number, last_number
HAVING count(*) > 1 OR number > coalesce(last_number, 0) OR number > {IMPOSSIBLE_NUMBER}
ORDER BY number <= coalesce(last_number, 0), account_id, number DESC LIMIT 1"""  # noqa: S608


@register_check
def events(since: datetime | None = None) -> Iterator[Finding]:
    """Yields at most one finding. A finding exists in three cases: two events of an account have
    the same number, a number is above the account's last number, or a number is above
    IMPOSSIBLE_NUMBER. If `since` is set, checks only events after this time.
    """
    with connection.cursor() as cursor:
        cursor.execute(NUMBERS, {"since": since})
        for account, number, found, last, broken in cursor.fetchall():
            name = named(account)
            if number > last:
                expected, is_now = f"at most {last}", str(number)
                sentence = (
                    f"{name.at_start} has an event with the number {number:,}, but its row in"
                    f" event_streams counts to {last:,}, so nothing can be booked on the account."
                    f" As the owner of the tables, set last_number to {number:,} or higher."
                )
            elif number > IMPOSSIBLE_NUMBER:
                expected, is_now = f"at most {IMPOSSIBLE_NUMBER}", str(number)
                sentence = (
                    f"{name.at_start} counts to {number:,} in event_streams, but no account has so"
                    f" many events. At {2**63 - 1:,}, nothing can be booked on the account. As the"
                    " owner of the tables, set last_number to the highest number that its webhooks"
                    " received."
                )
            else:
                expected, is_now = "one event", str(found)
                sentence = (
                    f"{name.at_start} has {found:,} events with the number {number:,}, so its"
                    " webhooks may have received only one of these events. Ledger deletes the"
                    " events after LEDGER_KEEP_EVENTS_DAYS. Until then, read the statement."
                )
            yield Finding("event", str(account), None, expected, is_now, broken, sentence=sentence)
