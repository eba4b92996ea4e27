"""Triggers that refuse changes of posted rows, and invalid holds, captures and reversals. The
triggers apply to every role.

Each refusal is a check violation with the name of a constraint. `transactions.posting.refusals`
finds the message for this name.
"""

from datetime import timedelta

import pgtrigger

from ledger.db.triggers import FirmTrigger, refuse
from transactions.models.balance_triggers import BALANCES_FOLLOW_ROWS, HELD_FOLLOWS_ROWS

# The clock of the database may differ by this time from the clock of a process that voids holds.
CLOCKS_DIFFER_BY = timedelta(minutes=5)

# The only allowed change of a row is a new status when a hold ends.
POSTED_ROW_IS_FINAL = FirmTrigger(
    name="posted_row_is_final",
    when=pgtrigger.Before,
    operation=pgtrigger.Update,
    declare=[
        ("ended", "transactions%ROWTYPE"),
        ("latest", f"timestamptz := clock_timestamp() + interval '{CLOCKS_DIFFER_BY.seconds} s'"),
    ],
    func=f"""
        ended := OLD;
        ended.status := NEW.status;
        IF OLD.status <> 'pending' OR NEW.status NOT IN ('captured', 'voided')
           OR (to_jsonb(ended) - 'search' - 'category') <> (to_jsonb(NEW) - 'search' - 'category')
        THEN
            {refuse("posted_row_is_final", "A posted row never changes; post a reversal instead.")}
        END IF;
        IF (NEW.status = 'captured')
           <> EXISTS (SELECT FROM transactions WHERE captures_id = NEW.id)
        THEN
            {refuse("captured_hold_has_capture", "A hold is captured by a row that captures it.")}
        END IF;
        IF NEW.status = 'voided'
           AND coalesce(NEW.expires_at > latest, true)
           AND NOT EXISTS (SELECT FROM transaction_notes
                           WHERE transaction_id = NEW.id AND action = 'release')
        THEN
            {refuse("released_hold_has_reason", "Before it expires, a hold ends with a reason.")}
        END IF;
        RETURN NEW;
    """,
)

POSTED_ROW_STAYS = FirmTrigger(
    name="posted_row_stays",
    when=pgtrigger.Before,
    operation=pgtrigger.Delete,
    func=refuse("posted_row_stays", "A posted row is never deleted; post a reversal instead."),
)

POSTED_ROWS_STAY = FirmTrigger(
    name="posted_rows_stay",
    level=pgtrigger.Statement,
    when=pgtrigger.Before,
    operation=pgtrigger.Truncate,
    func=refuse("posted_rows_stay", "The books are never emptied."),
)

HOLD_BEGINS_PENDING = FirmTrigger(
    name="hold_begins_pending",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Q(new__status__in=["captured", "voided"]),
    func=refuse("hold_begins_pending", "A hold begins pending; then it is captured or voided."),
)

CAPTURE_WITHIN_HOLD = FirmTrigger(
    name="capture_within_hold",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Q(new__captures__isnull=False),
    declare=[("hold", "transactions%ROWTYPE")],
    func=f"""
        SELECT * INTO hold FROM transactions WHERE id = NEW.captures_id FOR NO KEY UPDATE;
        IF hold.status IS DISTINCT FROM 'pending' THEN
            {refuse("capture_of_pending_hold", "Only a pending hold can be captured.")}
        END IF;
        IF NEW.status <> 'completed' OR NEW.amount > hold.amount
           OR NEW.currency <> hold.currency
           OR NEW.from_account_id IS DISTINCT FROM hold.from_account_id
           OR NEW.to_account_id IS DISTINCT FROM hold.to_account_id
        THEN
            {refuse("capture_within_hold", "A capture takes at most what its hold holds.")}
        END IF;
        RETURN NEW;
    """,
)

REVERSAL_WITHIN_ORIGINAL = FirmTrigger(
    name="reversal_within_original",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Q(new__reverses__isnull=False),
    declare=[("original", "transactions%ROWTYPE"), ("reversed", "numeric")],
    func=f"""
        SELECT * INTO original FROM transactions WHERE id = NEW.reverses_id FOR NO KEY UPDATE;
        IF NEW.status <> 'completed' OR original.status IS DISTINCT FROM 'completed'
           OR original.reverses_id IS NOT NULL
           OR NEW.currency <> original.currency
           OR NEW.from_account_id IS DISTINCT FROM original.to_account_id
           OR NEW.to_account_id IS DISTINCT FROM original.from_account_id
        THEN
            {refuse("reversal_mirrors_original", "A reversal is the opposite of a posted row.")}
        END IF;
        SELECT coalesce(sum(amount), 0) INTO reversed
        FROM transactions WHERE reverses_id = NEW.reverses_id;
        IF reversed + NEW.amount > original.amount THEN
            {refuse("reversal_within_original", "Reversals never exceed their original.")}
        END IF;
        RETURN NEW;
    """,
)

ALL = [
    BALANCES_FOLLOW_ROWS,
    HELD_FOLLOWS_ROWS,
    POSTED_ROW_IS_FINAL,
    POSTED_ROW_STAYS,
    POSTED_ROWS_STAY,
    HOLD_BEGINS_PENDING,
    CAPTURE_WITHIN_HOLD,
    REVERSAL_WITHIN_ORIGINAL,
]
