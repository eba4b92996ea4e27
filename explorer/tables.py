"""Table rights and row policies of the explorer's saved queries and history."""

from ledger.db.rights.policies import AUDITS, IS_OWN, PERSON, READS_BANK, Policy, may
from ledger.db.rights.registered_tables import EVERYTHING, Table, register

# Note [Rights that show numbers]
READS_RUNS = f"{may('view_queryrun')} AND {may('view_contact_details')}"
ERASED = "deleted with the person; of others, what names them"
register(
    {
        "explorer_queries": Table(
            web=EVERYTHING,
            worker="SELECT, DELETE, UPDATE (title, sql, parameters)",
            rows=Policy(reads=f"{IS_OWN} OR is_shared AND {READS_BANK} OR {AUDITS}", writes=IS_OWN),
            personal_data=f"queries that people saved; {ERASED}",
        ),
        "explorer_runs": Table(
            web="SELECT, INSERT",
            worker="SELECT, DELETE, UPDATE (sql, parameters, message)",
            rows=Policy(
                reads=f"person_id = {PERSON} OR {READS_RUNS} OR {AUDITS}",
                writes=f"person_id = {PERSON}",
            ),
            personal_data="who ran which query; deleted after the retention period",
        ),
    }
)
