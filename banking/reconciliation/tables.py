"""The database rights on the tables of reconciliations."""

from ledger.db.rights.policies import PERSON, READS_BANK, Policy, may
from ledger.db.rights.registered_tables import Table, register

RECONCILES = may("reconcile")
IN_OWN_NAME = f"{RECONCILES} AND created_by_id = {PERSON}"
ERASED = "names are erased with the person"
# Staff can upload, match and sign only in their own name.
register(
    {
        "reconciliations": Table(
            web="SELECT, INSERT, DELETE,"
            " UPDATE (signed_by_id, signed_at, countersigned_by_id, countersigned_at)",
            worker="SELECT, UPDATE (name)",
            rows=Policy(
                reads=READS_BANK,
                writes=IN_OWN_NAME,
                changes=RECONCILES,
                becomes=f"{RECONCILES} AND (signed_by_id IS NULL OR countersigned_by_id = {PERSON}"
                f" OR countersigned_by_id IS NULL AND signed_by_id = {PERSON})",
            ),
            personal_data=f"the name of a file; {ERASED}",
        ),
        "reconciliation_lines": Table(
            web="SELECT, INSERT, UPDATE (leftover), DELETE",
            worker="SELECT, UPDATE (description, other, reference, outside_id, leftover)",
            rows=Policy(reads=READS_BANK, writes=RECONCILES),
            personal_data=f"texts of payments; {ERASED}",
        ),
        "reconciliation_matches": Table(
            web="SELECT, INSERT, DELETE",
            worker="SELECT",
            rows=Policy(reads=READS_BANK, writes=IN_OWN_NAME, changes=RECONCILES),
            personal_data="none: ids",
        ),
    }
)
