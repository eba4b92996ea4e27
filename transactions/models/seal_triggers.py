"""The triggers that protect sealed days from changes by every role.

Note [No row enters a sealed period]: there are three checks. Each check finds rows that the other
two checks would miss.

1. A row with a booking time less than GRACE_MINUTES ago is accepted without reading the seals,
   because every sealed period ended earlier. This comparison is the only check for an ordinary
   payment.

2. For an older row, the trigger takes the shared lock of the seals until the end of the database
   transaction, and then compares the row with the seals. Sealing takes the exclusive lock. So
   either the row is booked before sealing reads the rows, or the row is refused. The database
   transaction of the row must be READ COMMITTED, so that each statement has a new snapshot. In any
   other transaction, an old snapshot might not contain the seal, so the row is refused.

3. A database transaction may have written a row long ago and still be open. So sealing first waits
   for every transaction that was writing when sealing began (`transactions.audit.sealing`).

All times come from the clock of the database, never from the clock of a web server.
"""

import pgtrigger

from ledger.db.triggers import FirmTrigger, refuse

GRACE_MINUTES = 10
SEALING = 7_236_501  # advisory lock of the seals, always kept until the transaction ends

_IS_OLD = f"NEW.created_at < clock_timestamp() - interval '{GRACE_MINUTES} minutes'"

SEALED_PERIOD_IS_CLOSED = FirmTrigger(
    name="sealed_period_is_closed",
    when=pgtrigger.After,  # runs after all other triggers, so it reads the stored row
    operation=pgtrigger.Insert,
    condition=pgtrigger.Condition(_IS_OLD),
    func=f"""
        PERFORM pg_advisory_xact_lock_shared({SEALING});
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            {refuse("old_row_reads_committed", "A row of the past is booked at READ COMMITTED.")}
        END IF;
        IF EXISTS (SELECT FROM seals WHERE ends_at > NEW.created_at) THEN
            {refuse("sealed_period_is_closed", "That day is sealed; nothing is added to it.")}
        END IF;
        RETURN NULL;
    """,
)

SEAL_FOLLOWS = FirmTrigger(
    name="seal_follows",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("last", "seals%ROWTYPE")],
    func=f"""
        PERFORM pg_advisory_xact_lock({SEALING});
        SELECT * INTO last FROM seals ORDER BY number DESC LIMIT 1;
        IF NEW.number <> coalesce(last.number, 0) + 1
           OR NEW.starts_at IS DISTINCT FROM coalesce(last.ends_at, NEW.starts_at)
           OR NEW.previous_digest IS DISTINCT FROM last.digest
        THEN
            {refuse("seal_follows", "A seal begins where the one before it ends.")}
        END IF;
        IF NEW.ends_at > clock_timestamp() - interval '{GRACE_MINUTES} minutes' THEN
            {refuse("seal_is_of_the_past", "A period is sealed when it is over.")}
        END IF;
        RETURN NEW;
    """,
)
