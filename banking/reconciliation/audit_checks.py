"""The audit check of reconciliations. A reconciliation must not change after two people have signed
it.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db import connection

from banking.reconciliation.triggers import frozen_digest
from ledger.text.lines import counted
from transactions.audit.audit import register_check
from transactions.audit.findings import Finding, row_text

NAMED = 5  # maximum number of reconciliations that are listed in the finding
CHANGED = f"""
SELECT coalesce(known.row_id, it.id::text), coalesce(known.about, it.account_id)
FROM (SELECT * FROM reconciliations WHERE countersigned_by_id IS NOT NULL) AS it
FULL JOIN (SELECT * FROM row_register WHERE table_name = 'reconciliations') AS known
    ON known.row_id = it.id::text
WHERE it.id IS NULL OR known.row_id IS NULL
   OR known.digest IS DISTINCT FROM {frozen_digest("it")}
ORDER BY 1"""  # noqa: S608 - constants


@register_check
def reconciliations(_since: datetime | None = None) -> Iterator[Finding]:
    """Yields at most one finding, about all reconciliations that changed after two people had
    signed them. A reconciliation has changed in three cases: its data, lines or matches differ, its
    row is missing, or it was signed while the triggers were disabled. Checks all reconciliations,
    because `since` is ignored.
    """
    with connection.cursor() as cursor:
        cursor.execute(CHANGED)
        changed = cursor.fetchall()
    if changed:
        accounts = [str(account) for _, account in changed[:NAMED] if account]
        listed = ", ".join(row_text(*row) for row in changed[:NAMED])
        yield Finding(
            check="reconciliation", account=next(iter(accounts), None), transaction=None,
            broken=len(changed), expected="as two people signed it",
            found=", ".join(id for id, _ in changed[:NAMED]),
            sentence=f"{counted(len(changed), 'reconciliation')} changed after two people signed:"
            f" {listed}. Restore the rows of reconciliations, reconciliation_lines and"
            " reconciliation_matches from a backup, with the triggers of the tables disabled.",
        )  # fmt: skip
