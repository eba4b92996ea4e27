"""The database rights on monthly statements. Only a job issues statements."""

from ledger.db.rights.policies import OF_ACCOUNT
from ledger.db.rights.registered_tables import READ, Table, register

register(
    {
        "monthly_statements": Table(
            web=READ,
            worker="SELECT, INSERT, UPDATE (holder, account_name, names)",
            rows=OF_ACCOUNT,
            personal_data="names; erased with the person. Amounts stay: books",
        ),
    }
)
