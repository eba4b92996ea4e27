"""The triggers that write alerts: see Note [Alerts].

They run with the rights of the owner, so the web role may write none. Where nobody has chosen an
alert of the accounts, a payment costs a lookup in a small index. An alert tells only the holder of
the account, whoever has chosen it.
"""

import pgtrigger

from ledger.db.triggers import FirmTrigger

FEW = 100  # rows


def id_sql(kind: str, owner: str, about: str, day: str = "NULL::date") -> str:
    """The id of an alert in SQL, as `id_of_alert` makes it."""
    return f"md5(concat('alert ', {kind}, ' ', {owner}, ' ', {about}, ' ', {day}))::uuid"


_NOBODY_CHOSE = "NOT EXISTS (SELECT FROM alert_choices WHERE account_id IS NOT NULL)"
_CHOSEN = "FROM added JOIN alert_choices AS choice ON choice.account_id ="
# As for events: of one payment by the index, of many rows by counting.
_CHOSEN_BY_FEW = f"""EXISTS (SELECT {_CHOSEN} added.from_account_id)
               OR EXISTS (SELECT {_CHOSEN} added.to_account_id)"""
_CHOSEN_BY_MANY = f"""(SELECT count(*) > 0 {_CHOSEN} added.from_account_id)
               OR (SELECT count(*) > 0 {_CHOSEN} added.to_account_id)"""

# `change` is the amount with its sign. A low balance is told when it is crossed, not again below.
_TELL = f"""
    INSERT INTO alerts
        (id, owner_id, account_id, kind, about, amount, balance, created_at, mail)
    SELECT {id_sql("choice.kind", "choice.owner_id", "added.id")}, choice.owner_id,
           side.account_id, choice.kind, added.id,
           CASE choice.kind WHEN 'balance_below' THEN choice.amount ELSE added.amount END,
           side.balance, clock_timestamp(), choice.mail
    FROM added
    CROSS JOIN LATERAL (
        VALUES (added.from_account_id, -added.amount, added.from_balance),
               (added.to_account_id, added.amount, added.to_balance)
    ) AS side (account_id, change, balance)
    JOIN alert_choices AS choice ON choice.account_id = side.account_id
    JOIN accounts ON accounts.id = choice.account_id AND accounts.user_id = choice.owner_id
    WHERE added.status = 'completed' AND CASE choice.kind
        WHEN 'money_in' THEN side.change > choice.amount
        WHEN 'money_out' THEN -side.change > choice.amount
        ELSE side.balance < choice.amount AND side.balance - side.change >= choice.amount END
    ON CONFLICT (id) DO NOTHING
"""

PAYMENTS_ARE_ALERTED = FirmTrigger(
    name="told_people",
    level=pgtrigger.Statement,
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
    definer=True,
    declare=[("is_many", "boolean"), ("is_chosen", "boolean")],
    func=f"""
        IF {_NOBODY_CHOSE} THEN
            RETURN NULL;
        END IF;
        is_many := (SELECT count(*) FROM (SELECT FROM added LIMIT {FEW} + 1) AS few) > {FEW};
        IF is_many THEN
            EXECUTE $many$SELECT {_CHOSEN_BY_MANY}$many$ INTO is_chosen;
        ELSE
            is_chosen := {_CHOSEN_BY_FEW};
        END IF;
        IF is_chosen AND is_many THEN
            EXECUTE $many${_TELL}$many$;
        ELSIF is_chosen THEN
            {_TELL};
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
