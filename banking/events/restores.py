"""Announces to webhooks that the bank was restored.

Note [Numbers after a restore]: a restored bank gives numbers of events again that receivers may
have seen before, for bookings that are gone. So each account that has a stream gets one more event,
whose number is the first that is given again, before any booking does. Webhooks are told it in the
order of each account, whichever kinds they have; one that is off is told when it is on again.
Restores follow each other in time, also back to a moment before an earlier restore. So a receiver
tells by the event's time whether it has seen this restore.
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
    """Writes the event of a restore for each account whose events are numbered, and returns how
    many there are.
    """
    with db_transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_ANNOUNCE, [EventKind.RESTORED])
        return int(cursor.rowcount)
