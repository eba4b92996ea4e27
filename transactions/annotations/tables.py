"""The rights and row policies of database roles on annotations."""

from ledger.db.rights.policies import OF_OWNER
from ledger.db.rights.registered_tables import Table, register

register(
    {
        "annotations": Table(
            web="SELECT, INSERT",
            worker="SELECT, DELETE, UPDATE (text)",
            rows=OF_OWNER,
            personal_data="notes and tags; deleted with the person",
        ),
    }
)
