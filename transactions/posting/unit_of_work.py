"""Runs one piece of work in one database transaction."""

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


def run(
    work: Callable[[], Result],
    items: Iterable[PreparedDraft | LedgerError] = (),
    *,
    first: Callable[[], Result | None] = lambda: None,
) -> Result:
    """Runs `work` in one database transaction, again after a lost race; translates refusals.

    If the connection is lost during COMMIT, the rows may be posted: the second run then looks up
    the id of every draft, as if the caller had given it. Refusals are translated outside the
    transaction, which has failed by then.

    `first` commits by itself, or returns None; then `work` runs.
    """

    def attempt() -> Result:
        done = first()
        if done is not None:
            return done
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


def row_of(result: Transaction | LedgerError) -> Transaction:
    """Returns the row of a result; raises the result if it is a refusal."""
    if isinstance(result, LedgerError):
        raise result
    return result
