"""Registers the descriptions of the rules that the database enforces in the tables of standing
orders.
"""

from ledger.db.table_rules import TableRule, register

register(
    "standing_orders",
    TableRule(
        "`standing_order_amount_positive`, `standing_order_sides_differ`,"
        " `standing_order_every_valid`, `standing_order_status_valid`,"
        " `standing_order_has_one_end`, `standing_order_times_valid`, `standing_order_is_due`",
        "an order with the amount zero; an order from an account to itself; an unknown kind or"
        " status; two ends, or an end that the kind does not allow; an active order whose end has"
        " passed",
    ),
)
register(
    "standing_order_days",
    TableRule(
        "`standing_order_day_outcome_valid`, `standing_order_day_paid_by_a_transaction`",
        "an unknown outcome; a paid day without its transaction, or another day with one",
    ),
)
