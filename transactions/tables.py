"""The rights and row policies of database roles on the tables of transactions, audit and saved
reports.
"""

from ledger.db.rights.policies import (
    ACCOUNTS,
    AUDITS,
    DECIDES,
    IS_OWN,
    LOCKS_ACCOUNTS,
    MOVES_MONEY,
    PAYS_FROM_OWN,
    PERSON,
    READS_BANK,
    Policy,
    by_staff,
    may,
    of_person,
)
from ledger.db.rights.registered_tables import EVERYTHING, READ, Table, register, register_functions

IS_OWN_SIDE = f"ARRAY[from_account_id, to_account_id] && {ACCOUNTS}"
IS_OWN_GROUP = f"group_id IN (SELECT group_id FROM users_groups WHERE user_id = {PERSON})"  # noqa: S608 - constants
DIGESTS = "digests of days, of nobody's account"
register(
    {
        "transactions": Table(
            web="SELECT, INSERT, UPDATE (status)",  # of holds, see posted_row_is_final
            worker="SELECT, INSERT, UPDATE (status)",
            rows=Policy(
                reads=f"{READS_BANK} OR {IS_OWN_SIDE}",
                # Only staff may send from another person's account, deposit from outside, or place
                # a hold. A completed row needs the correct balances, so nobody can insert a row
                # only to see the other account.
                writes=f"{PAYS_FROM_OWN} AND status = 'completed'"
                f" OR {by_staff(MOVES_MONEY, 'created_by_id', 'id')}",
                changes=f"{may('manage_holds')} OR {DECIDES}",
                locks=LOCKS_ACCOUNTS,
            ),
            personal_data="payments; kept: books are never edited",
            instead="To move money, call transfer or another function of transactions.services"
            " (docs/posting.md).",
        ),
        "entries": Table(
            web=READ,
            worker=READ,
            rows="a view: it reads transactions with the rights and policies of the reader",
            personal_data="that of transactions",
        ),
        "transaction_notes": Table(
            web="SELECT, INSERT",
            worker="SELECT, UPDATE (reason, message)",
            rows=Policy(
                reads=f"{READS_BANK} OR EXISTS"
                " (SELECT FROM transactions WHERE id = transaction_id)",
                writes=by_staff(MOVES_MONEY, "written_by_id", "transaction_id"),
            ),
            personal_data="reasons and messages; names are erased with the person",
        ),
        "seals": Table(
            web=READ,
            worker="SELECT, INSERT",
            rows=DIGESTS,
            personal_data="none",
            authors=("sealed_by",),
        ),
        "sealed_days": Table(web=READ, worker="SELECT, INSERT", rows=DIGESTS, personal_data="none"),
        # The findings contain ids and numbers of accounts.
        "audit_runs": Table(
            web="SELECT, INSERT",
            worker="SELECT, INSERT, UPDATE (findings)",
            auditor="SELECT, INSERT",
            rows=Policy(
                reads=READS_BANK, writes=f"run_by_id = {PERSON} AND {may('run_audit')}"
            ),
            personal_data="names in findings; erased with the person",
        ),
        # A reader sees the reader's own reports and reports that are shared with a group of the
        # reader. Nobody can share a report with a group of which they are not a member.
        "saved_reports": Table(
            web=EVERYTHING,
            worker="SELECT, DELETE",
            rows=Policy(
                reads=f"{IS_OWN} OR {IS_OWN_GROUP} OR {AUDITS}",
                writes=f"{IS_OWN} AND (group_id IS NULL OR {IS_OWN_GROUP})",
                changes=IS_OWN,
                becomes=f"{IS_OWN} AND (group_id IS NULL OR {IS_OWN_GROUP})",
            ),
            personal_data="names and parameters; deleted with the person",
        ),
        "payment_names_asked": Table(
            web=EVERYTHING,
            worker=EVERYTHING,
            rows=of_person("user_id"),
            personal_data="how many names somebody compared; deleted after some days",
        ),
    }
)  # fmt: skip
# The functions that an erasure calls: transactions/privacy/lifting.py.
register_functions(
    "lift_triggers(text)",
    "restore_triggers(text)",
    "erase_person(uuid, text, text)",
    "forget_attempts(timestamptz, integer)",
    worker=True,
)
