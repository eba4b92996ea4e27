"""Checks a file without booking it. The check shows for each line whether it would be booked or
refused now. The check locks no accounts: see Note [Short locks].
"""

import json
from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import IO
from uuid import UUID

from django.db import transaction as db_transaction

from accounts.models import ApprovalPayment, ApprovalRequest, User
from banking.payment_files.drafts import (
    PostingResults,
    Progress,
    drafts_of,
    in_words,
    silent,
    write_refusals,
)
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.models.payment_file import PaymentLineQuerySet
from banking.payment_files.storage import locked_file, parts_of, settle
from ledger.db.retry import run_with_retry
from transactions.services import Draft, LedgerError, preview_parts

IN_MEMORY = 1024 * 1024  # maximum bytes of refusals in memory; all others are in a temporary file


def check(file: PaymentFile, progress: Progress = silent, *, by: User | None = None) -> PaymentFile:
    """Checks which lines can be booked now, stores the results, and returns the file. `by` is the
    person who would pay. The default is the person who uploaded the file.

    Refused lines are checked again. But if approval was requested for lines of the file, only the
    requested lines are checked. Booked lines and lines that could not be read do not change.
    Nothing changes if the file is being paid.

    Raises: FileRemoved if the file was removed in the meantime.
    """
    with SpooledTemporaryFile(max_size=IN_MEMORY, mode="w+", encoding="utf-8") as refusals:

        def parts() -> Iterator[list[Draft]]:
            refusals.seek(0)
            refusals.truncate()
            yield from drafts_of(file, _checked_lines(file), by=by)

        def record(drafts: Sequence[Draft], results: PostingResults) -> None:
            for draft, why in zip(drafts, results, strict=True):
                if isinstance(why, LedgerError):
                    refusals.write(json.dumps([str(draft.id), in_words(file, why)]) + "\n")
            progress(len(drafts))

        preview_parts(parts, record)
        return run_with_retry(lambda: _store_results(file, refusals))


def _checked_lines(file: PaymentFile) -> PaymentLineQuerySet:
    """Returns the unpaid lines that the check may find payable. If there is an open request for
    approval, returns only the lines of the request: see Note [Payments of a request].
    """
    unpaid: PaymentLineQuerySet = PaymentLine.objects.of(file).readable().filter(booked=False)
    requests = ApprovalRequest.objects.open_for(file.pk)
    if not requests.exists():
        return unpaid
    return unpaid.filter(
        pk__in=ApprovalPayment.objects.filter(request__in=requests).values("payment_id")
    )


def _store_results(file: PaymentFile, refusals: IO[str]) -> PaymentFile:
    """Stores the results of the check and returns the stored file. Changes nothing if the booking
    began in the meantime.
    """
    with db_transaction.atomic(durable=True):
        locked = locked_file(file.pk)
        if locked.state == PaymentFile.State.PAYING:
            return locked
        _checked_lines(file).refused().update(verdict="")
        refusals.seek(0)
        for part in parts_of(json.loads(refusal) for refusal in refusals):
            write_refusals([(UUID(id), why) for id, why in part])
        settle(locked, PaymentFile.State.CHECKED)
        return locked
