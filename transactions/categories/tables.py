"""The rights and row policies of database roles on budgets, rules and own categories."""

from ledger.db.rights.policies import OF_OWNER
from ledger.db.rights.registered_tables import EVERYTHING, Table, register

register(
    {
        "budgets": Table(
            web=EVERYTHING,
            worker="SELECT, DELETE",
            rows=OF_OWNER,
            personal_data="amounts of a month; deleted with the person",
        ),
        "category_rules": Table(
            web=EVERYTHING,
            worker=EVERYTHING,
            rows=OF_OWNER,
            personal_data="searches for payments; deleted with the person",
        ),
        "own_categories": Table(
            web=EVERYTHING,
            worker=EVERYTHING,
            rows=OF_OWNER,
            personal_data="categories of payments; deleted with the person",
        ),
    }
)
