"""Describes the rules that the database enforces in the tables of budgets and category rules.
docs/schema.md lists these descriptions.
"""

from ledger.db.table_rules import TableRule, register

register(
    "budgets",
    TableRule(
        "`budget_positive`, `budget_has_a_category`",
        "a budget of zero, or without a category",
    ),
)
register(
    "category_rules",
    TableRule("`category_rule_complete`", "a rule without a name, a search or a category"),
)
