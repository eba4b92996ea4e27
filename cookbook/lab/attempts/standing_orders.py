"""Attempts to break the rules of standing orders and of the results of their days."""

from cookbook.lab.attempts.attempt import FOREIGN_KEY, FOUND, UNIQUE, Attempt, ValidRow

FOUND["standing_order"] = "SELECT * FROM standing_orders LIMIT 1"
ORDER = ValidRow(
    "standing_orders",
    "an order",
    {
        "id": "gen_random_uuid()",
        "owner_id": "person.id",
        "from_account_id": "ana.id",
        "to_account_id": "mara.id",
        "amount": "900",
        "description": "'Rent'",
        "reference": "''",
        "every": "'month'",
        "first_on": "'2027-01-31'",
        "last_on": "NULL",
        "times": "12",
        "position": "0",
        "status": "'active'",
        "ended_why": "''",
        "refused_at": "NULL",
        "refused_why": "''",
        "created_at": "now()",
    },
    ("person", "ana", "mara"),
    nullable=frozenset({"last_on", "times", "refused_at"}),
)
DAY = ValidRow(
    "standing_order_days",
    "a day of an order",
    {
        "id": "gen_random_uuid()",
        "order_id": "standing_order.id",
        "due_on": "'2027-01-31'",
        "outcome": "'paid'",
        "transaction_id": "paid.id",
        "reason": "''",
        "created_at": "now()",
    },
    ("ana", "paid", "standing_order"),
    nullable=frozenset({"transaction_id"}),
    given=(ORDER.insert,),
)
ROWS = (ORDER, DAY)
TAKEN = "'019e0000-0000-7000-8000-000000000000'"
NOBODY = "gen_random_uuid()"
ATTEMPTS: list[Attempt] = [
    ORDER.attempt("standing_order_amount_positive", "Order payments of nothing", amount="0"),
    ORDER.attempt(
        "standing_order_sides_differ",
        "Order payments from an account to itself",
        to_account_id="ana.id",
    ),
    ORDER.attempt(
        "standing_order_every_valid", "Order payments of every fortnight", every="'fortnight'"
    ),
    ORDER.attempt("standing_order_status_valid", "Insert a lost order", status="'lost'"),
    ORDER.attempt(
        "standing_order_has_one_end",
        "Order payments until a day and a number of times",
        last_on="'2027-12-31'",
    ),
    ORDER.attempt(
        "standing_order_times_valid", "Order payments 0 times", times="0", status="'ended'"
    ),
    ORDER.attempt(
        "standing_order_is_due", "Keep an order active past its last payment", position="12"
    ),
    ORDER.attempt(
        "standing_orders_position_check",
        "Insert an order at a place before its first",
        position="-1",
    ),
    ORDER.but("twice").attempt(
        "standing_orders_pkey", "Insert an order with an id that is taken", UNIQUE, id=TAKEN
    ),
    ORDER.attempt(
        "standing_orders_owner_id_aa46698b_fk_users_id",
        "Insert an order of an unknown user",
        FOREIGN_KEY,
        owner_id=NOBODY,
    ),
    ORDER.attempt(
        "standing_orders_from_account_id_c109bdc2_fk_accounts_id",
        "Order payments from an unknown account",
        FOREIGN_KEY,
        from_account_id=NOBODY,
    ),
    ORDER.attempt(
        "standing_orders_to_account_id_f2962a73_fk_accounts_id",
        "Order payments to an unknown account",
        FOREIGN_KEY,
        to_account_id=NOBODY,
    ),
    *ORDER.left_out(),
    DAY.attempt(
        "standing_order_day_outcome_valid",
        "Insert a day with an unknown outcome",
        outcome="'perhaps'",
        transaction_id="NULL",
    ),
    DAY.attempt(
        "standing_order_day_paid_by_a_transaction",
        "Insert a paid day without its payment",
        transaction_id="NULL",
    ),
    DAY.but("twice").attempt(
        "standing_order_days_pkey", "Insert a day with an id that is taken", UNIQUE, id=TAKEN
    ),
    DAY.attempt(
        "standing_order_days_order_id_f216d146_fk_standing_orders_id",
        "Insert a day of an unknown order",
        FOREIGN_KEY,
        order_id=NOBODY,
    ),
    DAY.attempt(
        "standing_order_days_transaction_id_2b84111d_fk_transactions_id",
        "Insert a day that was paid by an unknown payment",
        FOREIGN_KEY,
        transaction_id=NOBODY,
    ),
    *DAY.left_out(),
]
