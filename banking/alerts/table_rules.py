"""Registers the descriptions of the rules that the database enforces in the tables of alerts. Also
describes the triggers that write alerts.
"""

from ledger.db.table_rules import TableRule, register

register(
    "alert_choices",
    TableRule(
        "`alert_choice_kind_valid`, `alert_choice_mail_valid`, `alert_choice_complete`",
        "an unknown kind or email setting; an alert about money that has no account or no amount;"
        " an alert of another kind that has an account or an amount",
    ),
)
register(
    "alert_times",
    TableRule("`alert_times_quiet`", "quiet hours without a beginning or an end, or of no length"),
)
register(
    "transactions",
    TableRule(
        "trigger `told_people`",
        "nothing. The trigger writes [alerts](alerts.md) in the same commit",
    ),
)
register(
    "standing_orders",
    TableRule(
        "trigger `told_refusal`",
        "nothing. The trigger writes [alerts](alerts.md) in the same commit",
    ),
)
register(
    "standing_order_days",
    TableRule(
        "trigger `told_day`",
        "nothing. The trigger writes [alerts](alerts.md) in the same commit",
    ),
)
