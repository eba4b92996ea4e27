"""One piece of work, one database transaction of its own."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db import DataError, IntegrityError
from django.db import transaction as db_transaction

from ledger.db.retry import run_with_retry
from transactions.exceptions import LedgerError
from transactions.models import Transaction
from transactions.posting.drafts import PreparedDraft
from transactions.posting.refusals import refusal_of

Result = TypeVar("Result")


def run(work: Callable[[], Result], items: Iterable[PreparedDraft | LedgerError] = ()) -> Result:
    """Runs `work` in one transaction; what failed without a trace is tried again, refusals are
    translated.

    Where a connection went during COMMIT, the ids of the items may be in the books: the second
    run looks each of them up, as if its sender had given it. The translation stands outside the
    transaction: inside, it has failed already.
    """

    def attempt() -> Result:
        with db_transaction.atomic(durable=True):
            return work()

    def look_up_ids() -> None:
        for item in items:
            if isinstance(item, PreparedDraft):
                item.id_given = True

    try:
        return run_with_retry(attempt, find_out_first=look_up_ids)
    except (IntegrityError, DataError) as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def row_of(verdict: Transaction | LedgerError) -> Transaction:
    """The row of a verdict; the refusal is raised where there is none."""
    if isinstance(verdict, LedgerError):
        raise verdict
    return verdict
