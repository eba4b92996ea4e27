"""The triggers that change balances when rows are inserted, and held amounts when holds end.

Note [Balances follow rows]: only a trigger writes balances, never Python code. When rows are
inserted, the trigger changes the balances of their accounts. The trigger accepts a row only if all
of these conditions are true:

- the row is later than the last entry of its accounts, and is not in the future (the trigger allows
  for clocks that differ a little)
- the amount has at most the decimals of its currency
- each stored balance is the previous balance plus the amount
- the sending account is active, and the receiving account is not closed.

So nobody can change a balance without a payment, book a payment that does not change the balance,
or break the chain of balances.

The trigger functions run with the rights of the table owner. The web role may neither write
balances nor execute these functions on a table that it created.

`transactions.posting.engine` locks the accounts first and computes the balances of the rows. A row
that was inserted without the lock is refused if the balance of the account has changed in the
meantime.
"""

import pgtrigger

from accounts.models.approval_triggers import APPLIES
from ledger.db.triggers import FirmTrigger, refuse
from transactions.models.staff_triggers import STAFF_ROWS

TOO_MANY_DECIMALS = refuse(
    "amount_fits_currency", "The amount has more decimals than its currency."
)
BREAKS_THE_CHAIN = refuse(
    "rows_continue_the_books",
    "Each row comes after the last entry of its accounts and not in the future, and each stored"
    " balance is the one before it plus its amount.",
)
MAY_NOT_MOVE = refuse(
    "account_may_move",
    "A frozen account cannot send money, and a closed one can neither send nor receive.",
)

# Most calls insert one row, and this simple UPDATE needs only a third of the time. One statement
# updates both accounts, because each UPDATE plans the CHECK constraints of accounts again.
ONE_ROW = """
    IF one.status = 'completed' THEN paid := one.amount; ELSE reserved := one.amount; END IF;
    UPDATE accounts
    SET balance = balance + CASE id WHEN one.to_account_id THEN paid ELSE -paid END,
        held = held + CASE id WHEN one.from_account_id THEN reserved ELSE 0 END,
        last_entry_at = one.created_at
    WHERE id = ANY (ARRAY[one.from_account_id, one.to_account_id])
      AND (last_entry_at < one.created_at OR last_entry_at IS NULL)
      AND one.created_at < latest
      AND one.amount = round(one.amount, minor_units)
      AND CASE id
          WHEN one.to_account_id THEN status <> 'closed'
              AND (one.to_balance IS NULL OR one.to_balance = balance + paid)
          ELSE status = 'active'
              AND (one.from_balance IS NULL OR one.from_balance = balance - paid)
          END;
    GET DIAGNOSTICS moved = ROW_COUNT;
    missed := num_nonnulls(one.from_account_id, one.to_account_id) - moved;
"""

FEW = 100  # in rows

# The stored balance of a row minus the running sum of the amounts is the balance before the batch.
# This value must be the same for all rows of an account. So one window function checks a batch of
# any size.
MANY_ROWS = """
    WITH sides AS (
        SELECT from_account_id AS account_id, true AS sends, created_at, from_balance AS balance,
               CASE status WHEN 'completed' THEN -amount ELSE 0 END AS change,
               CASE status WHEN 'pending' THEN amount ELSE 0 END AS held,
               scale(trim_scale(amount)) AS decimals
        FROM added WHERE from_account_id IS NOT NULL
        UNION ALL
        SELECT to_account_id, false, created_at, to_balance,
               CASE status WHEN 'completed' THEN amount ELSE 0 END, 0,
               scale(trim_scale(amount))
        FROM added WHERE to_account_id IS NOT NULL
    ), lines AS (
        SELECT account_id, sends, created_at, change, held, decimals,
               balance - sum(change) OVER account AS opening,
               lag(created_at) OVER account AS created_before
        FROM sides
        WINDOW account AS (PARTITION BY account_id ORDER BY created_at ROWS UNBOUNDED PRECEDING)
    ), moves AS (
        SELECT account_id, bool_or(sends) AS sends, sum(change) AS change, sum(held) AS held,
               min(created_at) AS first, max(created_at) AS last,
               min(opening) AS least, max(opening) AS most, max(decimals) AS decimals,
               bool_or(created_at = created_before) AS tie
        FROM lines GROUP BY account_id
    ), moving AS (
        UPDATE accounts
        SET balance = accounts.balance + moves.change, held = accounts.held + moves.held,
            last_entry_at = moves.last
        FROM moves
        WHERE accounts.id = moves.account_id
          AND (accounts.status = 'active' OR accounts.status = 'frozen' AND NOT moves.sends)
          AND (accounts.last_entry_at < moves.first OR accounts.last_entry_at IS NULL)
          AND moves.last < clock_timestamp() + interval '5 minutes'
          AND moves.tie IS NOT TRUE
          AND moves.decimals <= accounts.minor_units
          AND (moves.least IS NULL
               OR moves.least = accounts.balance AND moves.most = accounts.balance)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM moves) - (SELECT count(*) FROM moving)
"""

# The trigger ends a captured hold before it changes the balance, so that the capture can spend the
# held money. For many rows, the query runs with EXECUTE, which plans the query for the actual
# number of rows. For few rows, the cached plan is faster than planning.
BALANCES_FOLLOW_ROWS = FirmTrigger(
    name="balances_follow_rows",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
    definer=True,
    declare=[
        ("one", "record"),
        ("paid", "numeric := 0"),
        ("reserved", "numeric := 0"),
        ("missed", "bigint := 0"),
        ("moved", "bigint"),
        ("latest", "timestamptz := clock_timestamp() + interval '5 minutes'"),
        ("approved", "uuid[]"),
    ],
    func=f"""
        SELECT from_account_id, to_account_id, amount, status, created_at, from_balance,
               to_balance, captures_id,
               type = 'transfer' AND status = 'completed' AND captures_id IS NULL
               AND reverses_id IS NULL AND created_by_id = (
                   SELECT user_id FROM accounts WHERE accounts.id = from_account_id
               ) AS by_holder,
               (SELECT count(*) FROM (SELECT FROM added LIMIT {FEW} + 1) AS few) AS rows
        INTO one FROM added LIMIT 1;
        IF one.rows IS NULL THEN
            RETURN NULL;
        END IF;
        IF (one.by_holder IS NOT TRUE OR one.rows > 1) AND {APPLIES} THEN
            {STAFF_ROWS}
        END IF;
        IF one.captures_id IS NOT NULL OR (
            one.rows > 1 AND EXISTS (SELECT FROM added WHERE captures_id IS NOT NULL)
        ) THEN
            UPDATE transactions SET status = 'captured'
            WHERE id IN (SELECT captures_id FROM added WHERE captures_id IS NOT NULL);
        END IF;
        IF one.rows > {FEW} THEN
            EXECUTE $many${MANY_ROWS}$many$ INTO missed;
        ELSIF one.rows > 1 THEN
            {MANY_ROWS} INTO missed;
        ELSE
            {ONE_ROW}
        END IF;
        IF missed <> 0 THEN
            IF EXISTS (
                SELECT FROM added JOIN accounts
                ON accounts.id IN (from_account_id, to_account_id)
                AND amount <> round(amount, minor_units)
            ) THEN
                {TOO_MANY_DECIMALS}
            END IF;
            IF EXISTS (
                SELECT FROM added JOIN accounts
                ON accounts.id = from_account_id AND accounts.status <> 'active'
                OR accounts.id = to_account_id AND accounts.status = 'closed'
            ) THEN
                {MAY_NOT_MOVE}
            END IF;
            {BREAKS_THE_CHAIN}
        END IF;
        RETURN NULL;
    """,
)

HELD_FOLLOWS_ROWS = FirmTrigger(
    name="held_follows_rows",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Update,
    referencing=pgtrigger.Referencing(old="before"),  # type: ignore[no-untyped-call]
    definer=True,
    func="""
        UPDATE accounts SET held = accounts.held - ended.amount
        FROM (SELECT from_account_id, sum(amount) AS amount
              FROM before WHERE status = 'pending' GROUP BY from_account_id) AS ended
        WHERE accounts.id = ended.from_account_id;
        RETURN NULL;
    """,
)
