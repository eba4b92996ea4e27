"""The trigger that accepts a statement.

Note [Statements follow]: a trigger accepts a statement only as the next of its account, beginning
where the one before it ended, with its closing balance as the opening one, and only of a period
that a seal covers. So the numbers of an account have no gap, and nothing can be booked into the
period afterwards.
"""

import pgtrigger

from ledger.db.triggers import FirmTrigger, refuse

STATEMENT_FOLLOWS = FirmTrigger(
    name="statement_follows",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("last", "monthly_statements%ROWTYPE")],
    func=f"""
        SELECT * INTO last FROM monthly_statements
        WHERE account_id = NEW.account_id ORDER BY number DESC LIMIT 1;
        IF NEW.number <> coalesce(last.number, 0) + 1
           OR NEW.starts_at IS DISTINCT FROM coalesce(last.ends_at, NEW.starts_at)
           OR NEW.opening <> coalesce(last.closing, 0)
           OR NEW.month <= last.month
        THEN
            {refuse("statement_follows", "A statement begins where the one before it ends.")}
        END IF;
        IF NOT EXISTS (
            SELECT FROM seals WHERE number = NEW.seal_id AND ends_at >= NEW.ends_at
        ) THEN
            {refuse("statement_is_sealed", "A statement is issued when its month is sealed.")}
        END IF;
        RETURN NEW;
    """,
)
