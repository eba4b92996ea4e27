"""Announces to webhooks that the bank was restored.

Note [Numbers after a restore]: a restored bank assigns event numbers again that receivers may have
seen before, for bookings that no longer exist. So each account that has a stream gets one more
event, before any booking. Its number is the first one that is assigned again. Webhooks get it in
the order of each account, whichever kinds their owners chose; a webhook that is off gets it when it
is on again. Each restore has a later time, also a restore to a moment before an earlier restore. So
a receiver knows by the event's time whether it has seen this restore.
"""

from django.db import connection
from django.db import transaction as db_transaction

from ledger.db.retry import with_retry
from transactions.models import EventKind

# In the order of Note [Lock of a stream].
_ANNOUNCE = """
    WITH streams AS MATERIALIZED (
        SELECT account_id FROM event_streams ORDER BY account_id FOR NO KEY UPDATE
    ), counted AS (
        UPDATE event_streams SET last_number = last_number + 1 FROM streams
        WHERE event_streams.account_id = streams.account_id
        RETURNING event_streams.account_id, last_number
    )
    INSERT INTO events (account_id, number, kind, at)
    SELECT account_id, last_number, %s, clock_timestamp() FROM counted
"""


@with_retry
def announce_restore() -> int:
    """Writes the event of a restore for each account whose events are numbered. Returns how
    many.
    """
    with db_transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_ANNOUNCE, [EventKind.RESTORED])
        return int(cursor.rowcount)
