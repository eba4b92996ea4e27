"""Sends an event to webhooks when the bank was restored from a backup.

Note [Numbers after a restore]: a restored bank assigns some event numbers a second time. Receivers
may know these numbers from bookings that no longer exist. Therefore each account that has a stream
gets a restore event before the next booking. The number of the restore event is the first number
that is assigned again.

Each account has its restore event. The event is sent in the order of the account's events, even if
the owner did not choose this kind of event. A webhook that is turned off gets the event after it is
turned on. The event of each restore has a later time than the event of the previous restore, even
if an older backup is restored. So a receiver can see by the event's time whether it already knows
this restore.
"""

from django.db import connection
from django.db import transaction as db_transaction

from ledger.db.retry import with_retry
from transactions.models import EventKind

# This locks the streams in the order of Note [Lock of a stream].
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
    """Writes a restore event for each account that has an event stream. Returns the number of these
    accounts.
    """
    with db_transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_ANNOUNCE, [EventKind.RESTORED])
        return int(cursor.rowcount)
