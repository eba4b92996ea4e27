"""Runs a function in one database transaction, with retries."""

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar
from uuid import UUID

from django.db import DataError, IntegrityError
from django.db import transaction as db_transaction

from ledger.db.retry import OutcomeUnknown, run_with_retry
from ledger.db.rights.row_security import RowScope, reading
from transactions.exceptions import LedgerError
from transactions.models import Transaction
from transactions.posting import blocked_accounts
from transactions.posting.drafts import PreparedDraft
from transactions.posting.lost_statements import LostStatement, is_over
from transactions.posting.refusals import refusal_of

Result = TypeVar("Result")
MAY_BE_BOOKED = "It may be booked as {0}. To find out, send the same again with id='{0}'."


def run(
    work: Callable[[], Result],
    items: Iterable[PreparedDraft | LedgerError] = (),
    *,
    first: Callable[[list[LostStatement]], Result | None] = lambda _lost: None,
    lost: Iterable[LostStatement] = (),
    accounts: Collection[UUID] = (),
) -> Result:
    """Runs `work` in one database transaction, and returns the result of `work`. Runs `work` again
    if the transaction conflicts with another transaction. Raises a LedgerError if the database
    refuses a value or a row.

    If the connection is lost during COMMIT, the rows may be posted. The second run then looks up
    the id of every draft.

    The function `first` runs before `work` and commits by itself. `work` runs only if `first`
    returns None. `first` is called with a list, and adds to the list each SQL statement whose
    answer was lost. `lost` contains such statements of earlier calls. While one of these statements
    may still run, a refusal is not final, see Note [Lost statements].

    `accounts` contains the ids of the accounts of one payment, see Note [Blocked accounts].

    Raises OutcomeUnknown with the ids of the drafts if it is unknown whether the drafts were
    posted. If there is only one draft, a note of the exception contains the id.
    """

    all_lost = list(lost)

    def attempt() -> Result:
        if all_lost:
            return _after_lost(work, all_lost)
        done = first(all_lost)
        return _in_transaction(work) if done is None else done

    def look_up_ids() -> None:
        for item in items:
            if isinstance(item, PreparedDraft):
                item.id_given = item.was_lost = True

    try:
        with blocked_accounts.remembering(accounts), reading(RowScope.POSTING):
            return run_with_retry(attempt, find_out_first=look_up_ids)
    except OutcomeUnknown as error:
        error.ids = tuple(item.id for item in items if isinstance(item, PreparedDraft))
        if len(error.ids) == 1:
            error.add_note(MAY_BE_BOOKED.format(*error.ids))
        raise
    except (IntegrityError, DataError) as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def _in_transaction(work: Callable[[], Result]) -> Result:
    with db_transaction.atomic(durable=True):
        return work()


def _after_lost(work: Callable[[], Result], lost: list[LostStatement]) -> Result:
    """Runs `work` after the answers of SQL statements were lost. If `work` is refused and all these
    statements have ended, runs `work` again, because a statement may have posted the row in the
    meantime. If `work` is refused and a statement may still run, raises OutcomeUnknown.
    """
    try:
        result = _in_transaction(work)
        if not isinstance(result, LedgerError):
            return result
    except (IntegrityError, DataError, LedgerError):
        pass  # a refusal is not final yet
    if not all(is_over(statement) for statement in lost):
        raise OutcomeUnknown("A payment whose answer was lost may still be running.")
    return _in_transaction(work)


def row_of(result: Transaction | LedgerError) -> Transaction:
    """Returns the result if it is a row. Raises the result if it is a refusal."""
    if isinstance(result, LedgerError):
        raise result
    return result
