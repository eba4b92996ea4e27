"""The booking: all or nothing in one transaction, or what can be booked in steps.

Note [Killed between two statements]: what became of a line is written in the transaction that
moved its money, by `post_parts`. A kill leaves both or neither, so the lines themselves say
where to go on, and a step that is sent again takes up the next lines, never the same ones.
"""

import uuid
from collections.abc import Iterator, Sequence

from accounts.models import User
from transactions.corrections import explain
from transactions.exceptions import LedgerError
from transactions.models import Note, PaymentFile, PaymentLine, Transaction
from transactions.payment_files.drafting import (
    Progress,
    Verdicts,
    drafts_of,
    lock_accounts,
    silent,
    write_verdicts,
)
from transactions.payment_files.storing import settle
from transactions.services import Draft, post_parts


class NotAll(LedgerError):
    """A line is refused, so nothing of the file was booked."""


class NotChecked(LedgerError):
    """The file was never checked, so nobody has seen what it would do."""


def book_step(file: PaymentFile, *, by: User | None = None, reason: str = "") -> PaymentFile:
    """Books the next 2,000 lines that the check found good, in one transaction.

    A line that is refused now says why and is left behind. The file is done when no line is
    waiting; then a step changes nothing. NotChecked before the first check.

    `by` is who pays, whoever uploaded the file. A colleague who pays for a customer says why:
    `reason` is kept beside each row, in the transaction that books it.
    """
    held = _Held(file.pk)

    def parts() -> Iterator[list[Draft]]:
        held.lock()
        yield from drafts_of(held.file, PaymentLine.objects.of(file).waiting(), by=by, once=True)
        held.write_down()

    def record(drafts: Sequence[Draft], verdicts: Verdicts) -> None:
        write_verdicts(drafts, verdicts)
        _keep_reason(verdicts, by, reason)

    post_parts(parts, record)
    return held.file


def book_rest(
    file: PaymentFile, progress: Progress = silent, *, by: User | None = None, reason: str = ""
) -> PaymentFile:
    """Steps until the file is done."""
    while file.state != PaymentFile.State.DONE:
        before = file.decided_count
        file = book_step(file, by=by, reason=reason)
        progress(file.decided_count - before)
    return file


def book_whole(
    file: PaymentFile, progress: Progress = silent, *, by: User | None = None, reason: str = ""
) -> PaymentFile:
    """Books every line in one transaction, or none: NotAll names the first line refused.

    A file that is done comes back as it is. NotChecked before the first check. `by` and
    `reason` as for `book_step`.
    """
    held = _Held(file.pk)

    def parts() -> Iterator[list[Draft]]:
        held.lock()
        if held.file.state == PaymentFile.State.DONE:
            return
        _refuse_unless_all_can(held.file)
        lock_accounts(file)
        yield from drafts_of(held.file, PaymentLine.objects.of(file).waiting(), by=by)
        held.write_down()

    def record(drafts: Sequence[Draft], verdicts: Verdicts) -> None:
        _refuse_unless_all_were(drafts, verdicts)
        write_verdicts(drafts, verdicts)
        _keep_reason(verdicts, by, reason)
        progress(len(drafts))

    post_parts(parts, record)
    return held.file


def _keep_reason(verdicts: Verdicts, by: User | None, reason: str) -> None:
    if by is not None and reason:
        booked = [verdict for verdict in verdicts if isinstance(verdict, Transaction)]
        explain(booked, action=Note.Action.FILE, reason=reason, written_by=by)


def _refuse_unless_all_can(file: PaymentFile) -> None:
    refused = PaymentLine.objects.of(file).refused().in_order().first()
    if refused is not None:
        raise NotAll(f"Nothing was booked. Line {refused.number}: {refused.verdict}")


def _refuse_unless_all_were(drafts: Sequence[Draft], verdicts: Verdicts) -> None:
    for draft, verdict in zip(drafts, verdicts, strict=True):
        if isinstance(verdict, LedgerError):
            line = PaymentLine.objects.filter(pk=str(draft.id)).get()
            raise NotAll(f"Nothing was booked. Line {line.number}: {verdict}")


class _Held:
    """A file, locked within the transaction that books some of it: one step at a time."""

    file: PaymentFile

    def __init__(self, pk: uuid.UUID) -> None:
        self.pk = pk

    def lock(self) -> None:
        """Before its accounts: whoever has the file has no accounts yet, so nobody deadlocks."""
        files = PaymentFile.objects.with_account().select_for_update(of=("self",), no_key=True)
        self.file = files.get(pk=self.pk)
        if self.file.state == PaymentFile.State.STORED:
            raise NotChecked("This file was not checked yet; check it first.")

    def write_down(self) -> None:
        """Where the booking stands after the last line of this transaction."""
        if self.file.state != PaymentFile.State.DONE:
            settle(self.file, PaymentFile.State.PAYING)
