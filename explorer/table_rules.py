"""Registers the descriptions of the rules that the database enforces in the history of queries."""

from ledger.db.table_rules import TableRule, register

register(
    "explorer_runs",
    TableRule("triggers `run_stays`, `runs_stay`", "changing or deleting rows"),
    TableRule(
        "triggers `run_by_its_author`, `run_is_of_now`",
        "a row that a page inserts in the name of a person who is not in the signed facts."
        " `run_is_of_now` sets the time",
    ),
)
