"""Describes the rules that the database enforces in the table of payees. docs/schema.md lists these
descriptions.
"""

from ledger.db.table_rules import TableRule, register

register(
    "payees",
    TableRule(
        "`payee_has_a_name`, `payee_name_check_valid`",
        "a payee without a name; an unknown result of the name check",
    ),
)
