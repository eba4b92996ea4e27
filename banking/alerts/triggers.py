"""The triggers that write alerts: see Note [Alerts].

They run with the rights of the owner, so the web role may write none. A payment costs a lookup in
the index of choices by account. An alert tells only the holder of the account, whoever has chosen
it.
"""

import pgtrigger

from ledger.db.triggers import FirmTrigger


def id_sql(kind: str, owner: str, about: str, day: str = "NULL::date") -> str:
    """The id of an alert in SQL, as `id_of_alert` makes it."""
    return f"md5(concat('alert ', {kind}, ' ', {owner}, ' ', {about}, ' ', {day}))::uuid"


_NOBODY_CHOSE = "NOT EXISTS (SELECT FROM alert_choices WHERE account_id IS NOT NULL)"
# A low balance is told when it is crossed, not again below.
_IS_TOLD = """CASE choice.kind
        WHEN 'money_in' THEN {change} > choice.amount
        WHEN 'money_out' THEN -({change}) > choice.amount
        ELSE {balance} < choice.amount AND {balance} - ({change}) >= choice.amount END"""
_IS_HOLDERS = (
    "JOIN accounts ON accounts.id = choice.account_id AND accounts.user_id = choice.owner_id"
)


def _tell(row: str, balance: str) -> str:
    """The beginning of the INSERT of what a row of `transactions` tells, up to its FROM."""
    return f"""
    INSERT INTO alerts
        (id, owner_id, account_id, kind, about, amount, balance, created_at, mail)
    SELECT {id_sql("choice.kind", "choice.owner_id", f"{row}.id")}, choice.owner_id,
           choice.account_id, choice.kind, {row}.id,
           CASE choice.kind WHEN 'balance_below' THEN choice.amount ELSE {row}.amount END,
           {balance}, clock_timestamp(), choice.mail
    """


# One row is by far the most frequent case. Its values are constants to the query, so it is a lookup
# in the index however many choices there are; joined with `added`, Postgres would read them all.
_CHANGE_OF_ONE = (
    "CASE choice.account_id WHEN one.to_account_id THEN one.amount ELSE -one.amount END"
)
_BALANCE_OF_ONE = (
    "CASE choice.account_id WHEN one.to_account_id THEN one.to_balance ELSE one.from_balance END"
)
_CHOSEN_OF_ONE = f"""
    choice.account_id = ANY (ARRAY[one.from_account_id, one.to_account_id])
    AND {_IS_TOLD.format(change=_CHANGE_OF_ONE, balance=_BALANCE_OF_ONE)}
"""
ONE_ROW = f"""
    IF one.status = 'completed'
       AND EXISTS (SELECT FROM alert_choices AS choice WHERE {_CHOSEN_OF_ONE}) THEN
        {_tell("one", _BALANCE_OF_ONE)}
        FROM alert_choices AS choice {_IS_HOLDERS}
        WHERE {_CHOSEN_OF_ONE}
        ON CONFLICT (id) DO NOTHING;
    END IF;
"""
MANY_ROWS = f"""
    {_tell("added", "side.balance")}
    FROM added
    CROSS JOIN LATERAL (
        VALUES (added.from_account_id, -added.amount, added.from_balance),
               (added.to_account_id, added.amount, added.to_balance)
    ) AS side (account_id, change, balance)
    JOIN alert_choices AS choice ON choice.account_id = side.account_id {_IS_HOLDERS}
    WHERE added.status = 'completed'
      AND {_IS_TOLD.format(change="side.change", balance="side.balance")}
    ON CONFLICT (id) DO NOTHING
"""

PAYMENTS_ARE_ALERTED = FirmTrigger(
    name="told_people",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
    definer=True,
    declare=[("one", "record")],
    func=f"""
        IF {_NOBODY_CHOSE} THEN
            RETURN NULL;
        END IF;
        SELECT id, from_account_id, to_account_id, amount, status, from_balance, to_balance,
               EXISTS (SELECT FROM added OFFSET 1) AS has_more
        INTO one FROM added LIMIT 1;
        IF one.has_more THEN
            EXECUTE $many${MANY_ROWS}$many$;
        ELSIF one.id IS NOT NULL THEN
            {ONE_ROW}
        END IF;
        RETURN NULL;
    """,
)


def _order_failed(day: str, why: str, which: str) -> str:
    """PL/pgSQL that tells the owner of an order that a day of it was not paid."""
    return f"""
        INSERT INTO alerts
            (id, owner_id, account_id, kind, about, day, amount, detail, created_at, mail)
        SELECT {id_sql("choice.kind", "choice.owner_id", "it.id", day)}, choice.owner_id,
               it.from_account_id, choice.kind, it.id, {day}, it.amount, {why},
               clock_timestamp(), choice.mail
        FROM standing_orders AS it
        JOIN alert_choices AS choice
        ON choice.owner_id = it.owner_id AND choice.kind = 'order_failed'
        WHERE it.id = {which}
        ON CONFLICT (id) DO NOTHING;
        RETURN NULL;
    """


# The first refusal of a day is told; what is refused again, or for good, is the same event.
REFUSALS_ARE_ALERTED = FirmTrigger(
    name="told_refusal",
    when=pgtrigger.After,
    operation=pgtrigger.UpdateOf("refused_at"),  # type: ignore[no-untyped-call]
    condition=pgtrigger.Condition("OLD.refused_at IS NULL AND NEW.refused_at IS NOT NULL"),
    definer=True,
    func=_order_failed("NEW.next_on", "NEW.refused_why", "NEW.id"),
)
DAYS_ARE_ALERTED = FirmTrigger(
    name="told_day",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    condition=pgtrigger.Condition("NEW.outcome = 'refused'"),
    definer=True,
    func=_order_failed("NEW.due_on", "NEW.reason", "NEW.order_id"),
)
