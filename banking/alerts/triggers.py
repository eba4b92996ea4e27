"""The triggers that write alerts. See Note [Alerts].

The web role has no right to insert alerts, so the triggers run with the rights of the tables'
owner. Each payment needs one lookup in the index of choices by account. Only the holder of the
account gets an alert, even if another person has a choice for this account.
"""

import pgtrigger

from ledger.db.triggers import FirmTrigger


def id_sql(kind: str, owner: str, about: str, day: str = "NULL::date") -> str:
    """Returns a SQL expression for the id of an alert. Its value equals the result of
    `id_of_alert`.
    """
    return f"md5(concat('alert ', {kind}, ' ', {owner}, ' ', {about}, ' ', {day}))::uuid"


_NOBODY_CHOSE = "NOT EXISTS (SELECT FROM alert_choices WHERE account_id IS NOT NULL)"
# Only the payment that takes the balance below the chosen amount causes an alert. Later payments
# cause no alert while the balance stays below this amount.
_IS_ALERTED = """CASE choice.kind
        WHEN 'money_in' THEN {change} > choice.amount
        WHEN 'money_out' THEN -({change}) > choice.amount
        ELSE {balance} < choice.amount AND {balance} - ({change}) >= choice.amount END"""
_IS_HOLDERS = (
    "JOIN accounts ON accounts.id = choice.account_id AND accounts.user_id = choice.owner_id"
)


def _insert_alert(row: str, balance: str) -> str:
    """Returns the first part of an INSERT statement that writes alerts for a row of `transactions`.
    The caller must append the FROM clause.
    """
    return f"""
    INSERT INTO alerts
        (id, owner_id, account_id, kind, about, amount, balance, created_at, mail)
    SELECT {id_sql("choice.kind", "choice.owner_id", f"{row}.id")}, choice.owner_id,
           choice.account_id, choice.kind, {row}.id,
           CASE choice.kind WHEN 'balance_below' THEN choice.amount ELSE {row}.amount END,
           {balance}, clock_timestamp(), choice.mail
    """


# Payments are usually inserted one at a time. With constants from this row, Postgres uses the index
# of the choices. In a join with `added`, Postgres would read all choices.
_CHANGE_OF_ONE = (
    "CASE choice.account_id WHEN one.to_account_id THEN one.amount ELSE -one.amount END"
)
_BALANCE_OF_ONE = (
    "CASE choice.account_id WHEN one.to_account_id THEN one.to_balance ELSE one.from_balance END"
)
_CHOSEN_OF_ONE = f"""
    choice.account_id = ANY (ARRAY[one.from_account_id, one.to_account_id])
    AND {_IS_ALERTED.format(change=_CHANGE_OF_ONE, balance=_BALANCE_OF_ONE)}
"""
ONE_ROW = f"""
    IF one.status = 'completed'
       AND EXISTS (SELECT FROM alert_choices AS choice WHERE {_CHOSEN_OF_ONE}) THEN
        {_insert_alert("one", _BALANCE_OF_ONE)}
        FROM alert_choices AS choice {_IS_HOLDERS}
        WHERE {_CHOSEN_OF_ONE}
        ON CONFLICT (id) DO NOTHING;
    END IF;
"""
MANY_ROWS = f"""
    {_insert_alert("added", "side.balance")}
    FROM added
    CROSS JOIN LATERAL (
        VALUES (added.from_account_id, -added.amount, added.from_balance),
               (added.to_account_id, added.amount, added.to_balance)
    ) AS side (account_id, change, balance)
    JOIN alert_choices AS choice ON choice.account_id = side.account_id {_IS_HOLDERS}
    WHERE added.status = 'completed'
      AND {_IS_ALERTED.format(change="side.change", balance="side.balance")}
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
    """Returns PL/pgSQL that writes an alert about a refused payment for the owner of the standing
    order. The arguments are SQL expressions for the day, the reason and the order's id.
    """
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


# Only the first refusal of a day causes an alert, because all refusals of a day have the same alert
# id.
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
