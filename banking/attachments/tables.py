"""The database rights on the table of attachments."""

from ledger.db.rights.policies import OF_OWNER
from ledger.db.rights.registered_tables import Table, register

register(
    {
        "attachments": Table(
            web="SELECT, INSERT, DELETE",
            worker="SELECT, DELETE, UPDATE (name)",
            hidden_from_worker="content",
            hidden_from_auditor="content",
            rows=OF_OWNER,
            personal_data="receipts; deleted with the person",
        ),
    }
)
