"""The database rights on payment files and their lines."""

from ledger.db.rights.policies import PAYS_FROM_OWN, READS_BANK, Policy, may
from ledger.db.rights.registered_tables import Table, register

PAYS_FILES = may("use_cash_desk")
register(
    {
        "payment_files": Table(
            web="SELECT, INSERT, DELETE, UPDATE (state, line_count, total, booked_count,"
            " booked_total, refused_count, refused_total, repeated_count, misnamed_count,"
            " finished_at)",
            worker="SELECT, UPDATE (name)",
            rows=Policy(
                reads=f"{READS_BANK} OR {PAYS_FROM_OWN}", writes=f"{PAYS_FROM_OWN} OR {PAYS_FILES}"
            ),
            personal_data="its name; erased with the person",
        ),
        "payment_lines": Table(
            web="SELECT, INSERT, UPDATE (booked, verdict, repeats), DELETE",
            worker="SELECT,"
            " UPDATE (typed_to, typed_amount, typed_name, description, reference, verdict)",
            rows=Policy(
                reads="EXISTS (SELECT FROM payment_files WHERE id = file_id)",
                writes="EXISTS (SELECT FROM payment_files WHERE id = file_id"
                f" AND ({PAYS_FROM_OWN} OR {PAYS_FILES}))",
            ),
            personal_data="names and texts; erased with the person",
        ),
    }
)
