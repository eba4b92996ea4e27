"""Registers the descriptions of the rules that the database enforces in the tables of webhooks.
Also describes the triggers that write events.
"""

from ledger.db.table_rules import TableRule, register

register(
    "webhooks",
    TableRule(
        "`webhook_status_valid`; trigger `streams_follow_webhooks`",
        "an unknown status. The trigger records which accounts have webhooks",
    ),
)
register(
    "webhook_deliveries",
    TableRule(
        "`event_delivered_under_one_id`",
        "one event of an account sent to a webhook under two ids",
    ),
)
register(
    "transactions",
    TableRule(
        "triggers `told_rows`, `told_releases`",
        "nothing. The triggers write [events](events.md) in the same commit",
    ),
)
register(
    "accounts",
    TableRule(
        "trigger `told_opening`",
        "nothing. The trigger writes [events](events.md) in the same commit",
    ),
)
register(
    "account_status_changes",
    TableRule(
        "trigger `told_status`",
        "nothing. The trigger writes [events](events.md) in the same commit",
    ),
)
