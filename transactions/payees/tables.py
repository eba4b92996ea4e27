"""The rights and row policies of database roles on payees."""

from ledger.db.rights.policies import OF_OWNER
from ledger.db.rights.registered_tables import Table, register

register(
    {
        "payees": Table(
            web="SELECT, INSERT, UPDATE (name, note, name_check, created_at), DELETE",
            worker="SELECT, DELETE, UPDATE (note)",
            rows=OF_OWNER,
            personal_data="names and notes; deleted with the person",
        ),
    }
)
