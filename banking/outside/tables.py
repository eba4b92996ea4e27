"""The database rights on the tables of outside accounts."""

from ledger.db.rights.policies import AUDITS, OF_OWNER, PERSON, Policy, part_of
from ledger.db.rights.registered_tables import EVERYTHING, Table, register

IS_OWN = (
    "EXISTS (SELECT FROM outside_accounts AS it"
    f" WHERE it.id = account_id AND it.owner_id = {PERSON})"
)
OF_OUTSIDE_ACCOUNT = Policy(reads=f"{IS_OWN} OR {AUDITS}", writes=IS_OWN)
DELETED = "deleted with the person"
register(
    {
        "outside_accounts": Table(
            web=EVERYTHING,
            worker=EVERYTHING,
            rows=OF_OWNER,
            personal_data=f"accounts at other banks; {DELETED}",
        ),
        "outside_imports": Table(
            web=EVERYTHING,
            worker=EVERYTHING,
            rows=OF_OUTSIDE_ACCOUNT,
            personal_data=f"names of files; {DELETED}",
        ),
        "outside_entries": Table(
            web="SELECT, INSERT, UPDATE (is_double, is_entered), DELETE",
            worker=EVERYTHING,
            rows=OF_OUTSIDE_ACCOUNT,
            personal_data=f"payments at other banks; {DELETED}",
        ),
        "outside_file_parts": Table(
            web="SELECT, INSERT, DELETE",
            worker=EVERYTHING,
            rows=part_of("outside_imports", "source_id"),
            personal_data="uploaded files; deleted when they are imported or given up",
        ),
    }
)
