"""Checks that each account numbers its events once each, and none above its stream."""

from collections.abc import Iterator
from datetime import datetime

from django.db import connection

from transactions.audit.audit import register_check
from transactions.audit.findings import Finding, named

# Old events are deleted once they are delivered, so that numbers may be missing by right.
NEVER = 10**18  # no account has so many events; at 2**63 - 1 nothing can be booked on it
NUMBERS = f"""
WITH numbered AS (
    SELECT account_id, number FROM events WHERE coalesce(at >= %(since)s, true)
    UNION ALL
    SELECT other_account_id, other_number FROM events
    WHERE other_account_id IS NOT NULL AND coalesce(at >= %(since)s, true)
    UNION ALL
    SELECT account_id, last_number FROM event_streams WHERE last_number > {NEVER}
)
SELECT account_id, number, count(*) AS events, coalesce(last_number, 0), count(*) OVER ()
FROM numbered LEFT JOIN event_streams USING (account_id)
GROUP BY account_id, number, last_number
HAVING count(*) > 1 OR number > coalesce(last_number, 0) OR number > {NEVER}
ORDER BY number <= coalesce(last_number, 0), account_id, number DESC LIMIT 1"""  # noqa: S608


@register_check
def events(since: datetime | None = None) -> Iterator[Finding]:
    """No two events of an account have the same number, and its stream has counted each of them,
    and not far more.
    """
    with connection.cursor() as cursor:
        cursor.execute(NUMBERS, {"since": since})
        for account, number, found, last, broken in cursor.fetchall():
            name = named(account)
            if number > last:
                expected, is_now = f"at most {last}", str(number)
                sentence = (
                    f"{name.at_start} has an event with the number {number:,}, but its row in"
                    f" event_streams counts to {last:,}, so that nothing can be booked on it. The"
                    f" owner of the tables sets last_number to {number:,}, or higher."
                )
            elif number > NEVER:
                expected, is_now = f"at most {NEVER}", str(number)
                sentence = (
                    f"{name.at_start} counts to {number:,} in event_streams, but no account has so"
                    f" many events: at {2**63 - 1:,} nothing can be booked on it. The owner of the"
                    " tables sets last_number to the highest number that its webhooks got."
                )
            else:
                expected, is_now = "one event", str(found)
                sentence = (
                    f"{name.at_start} has {found:,} events with the number {number:,}, so that its"
                    " webhooks may have got only one of them. They are deleted as old events"
                    " (LEDGER_KEEP_EVENTS_DAYS); until then, read the statement."
                )
            yield Finding("event", str(account), None, expected, is_now, broken, sentence=sentence)
