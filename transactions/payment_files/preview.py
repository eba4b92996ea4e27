"""The check of a file: every line is posted in one transaction that is rolled back.

So each result is that of real posting, with the balance that the lines before it leave.
"""

import json
from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import IO
from uuid import UUID

from django.db import transaction as db_transaction

from ledger.db.retry import run_with_retry
from transactions.models import PaymentFile, PaymentLine
from transactions.payment_files.drafts import (
    Progress,
    Verdicts,
    drafts_of,
    lock_accounts,
    silent,
    write_refusals,
)
from transactions.payment_files.storage import locked_file, parts_of, settle
from transactions.services import Draft, LedgerError, preview_parts

IN_MEMORY = 1024 * 1024  # bytes of refusals; more go to a temporary file


def check(file: PaymentFile, progress: Progress = silent) -> PaymentFile:
    """Finds out which lines can be booked now, and stores that. Books nothing.

    Checks refused lines again; leaves booked and unreadable lines alone, and a file that is being
    paid. Raises FileRemoved.
    """
    with SpooledTemporaryFile(max_size=IN_MEMORY, mode="w+", encoding="utf-8") as notes:

        def parts() -> Iterator[list[Draft]]:
            notes.seek(0)
            notes.truncate()
            lock_accounts(file)
            unpaid = PaymentLine.objects.of(file).readable().filter(booked=False)
            yield from drafts_of(file, unpaid)

        def record(drafts: Sequence[Draft], verdicts: Verdicts) -> None:
            for draft, why in zip(drafts, verdicts, strict=True):
                if isinstance(why, LedgerError):
                    notes.write(json.dumps([str(draft.id), str(why)]) + "\n")
            progress(len(drafts))

        preview_parts(parts, record)
        return run_with_retry(lambda: _written_down(file, notes))


def _written_down(file: PaymentFile, notes: IO[str]) -> PaymentFile:
    """Stores the results, unless the booking has begun meanwhile."""
    with db_transaction.atomic(durable=True):
        locked = locked_file(file.pk)
        if locked.state == PaymentFile.State.PAYING:
            return locked
        before = PaymentLine.objects.of(file).readable().filter(booked=False).refused()
        before.update(verdict="")
        notes.seek(0)
        for part in parts_of(json.loads(note) for note in notes):
            write_refusals([(UUID(id), why) for id, why in part])
        settle(locked, PaymentFile.State.CHECKED)
        return locked
