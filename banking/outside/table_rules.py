"""Registers the descriptions of the rules that the database enforces in the tables of outside
accounts.
"""

from ledger.db.table_rules import TableRule, register

register(
    "outside_accounts",
    TableRule("`outside_account_named`", "an account without a name"),
)
register(
    "outside_imports",
    TableRule(
        "`outside_import_state_valid`, `outside_import_format_valid`",
        "an unknown state or format of an import",
    ),
)
