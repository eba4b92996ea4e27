"""Books a payment file. Books either all lines in one database transaction, or the payable lines in
steps.

Note [Killed between two statements]: `post_together` writes the result of a line in the database
transaction of the payment. If the process is killed, either both are stored, or none of the two. So
the stored results show which lines are left, and a repeated step never books a line twice. The
reasons and the admin's history are written in the same database transaction.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple, TypedDict, Unpack

from django.db import Error

from accounts.models import User
from banking.payment_files.drafts import (
    PostingResults,
    Progress,
    drafts_of,
    in_words,
    silent,
    write_results,
)
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.storage import locked_file, settle
from ledger.db.commits.confirmation import wait_until_confirmed
from ledger.db.retry import Failure, failure_of
from transactions.exceptions import LedgerError, TooManyTogether
from transactions.models import StaffReason, Transaction
from transactions.services import MAX_TOGETHER, DayLimit, Draft, post_together
from transactions.staff_services import explain

State = PaymentFile.State
TOO_MANY_LINES = (
    f"We can book up to {MAX_TOGETHER:,} lines all or none. Nothing was booked. Divide the file, "
    "or pay only the lines that can be booked."
)


class LinesRefused(LedgerError):
    """A line is refused, so that no line of the file was booked."""


class NotChecked(LedgerError):
    """The file has not been checked yet."""


class CheckedAnew(LedgerError):
    """The lines that can be booked have changed since the person agreed."""


class BookingStopped(Exception):
    """Raised if a step failed after earlier steps were booked. `file` has the state after the
    booked steps. `__cause__` is the error of the step that failed.
    """

    def __init__(self, file: PaymentFile, error: Exception) -> None:
        self.file = file
        why = str(error) if isinstance(error, LedgerError) else "An error stopped the other lines."
        # If the connection was lost during COMMIT, we do not know whether the last step was booked.
        at_least = "At least " if failure_of(error) is Failure.UNKNOWN else ""
        verb = "is" if file.booked_count == 1 else "are"
        super().__init__(
            f"{at_least}{file.booked_count:,} of {file.line_count:,} lines {verb} booked. "
            f"{why} Continue with the other lines: no line is booked twice."
        )


class FileLimit(NamedTuple):
    """The daily limit for payments from a file. `to_come` is a function that returns the sum of the
    lines that are not booked yet and count towards the limit.
    """

    limit: DayLimit
    to_come: Callable[[], Decimal] = Decimal


class BookingRequest(TypedDict, total=False):
    """The person who books a file, and the lines to which this person agreed.

    `by`: the person who pays.

    `reason`: the reason of staff who pay for a customer. The reason is stored with each booked
    transaction.

    `agreed`: the fingerprint from `agreed_to` at the time of the agreement. When a booking begins,
    this fingerprint is compared with the current fingerprint, and CheckedAnew is raised if the two
    differ. When a booking continues, it is not compared. So "" allows a booking to continue, but
    not to begin. With None, the fingerprints are never compared.

    `within`: the daily limit, which each database transaction checks.

    `on_booked`: a function that each database transaction calls with the number of lines that it
    booked.

    `refuse_if_ended`: a function that each database transaction calls. The function raises
    AccessEnded if `by` has lost access.
    """

    by: User | None
    reason: str
    agreed: str | None
    within: FileLimit | None
    on_booked: Callable[[int], object] | None
    refuse_if_ended: Callable[[], object]


def agreed_to(file: PaymentFile) -> str:
    """Returns a fingerprint of the lines that can be booked. The fingerprint changes if these lines
    change. See `agreed` in `BookingRequest`.
    """
    lines = PaymentLine.objects.of(file).waiting().digest()
    return f"{file.waiting_count} {file.waiting_total:.4f} {lines}"


def book_step(file: PaymentFile, **request: Unpack[BookingRequest]) -> PaymentFile:
    """Books the next payable lines, at most MAX_TOGETHER, in one database transaction. Returns the
    file.

    If a line is now refused, stores the reason and skips the line. The state of the file is "done"
    when no payable line is left. Further calls change nothing.

    Raises: NotChecked if the file has not been checked; CheckedAnew if the lines that can be booked
    have changed since the person agreed.
    """
    locked = _LockedFile(file, request)

    def drafts() -> list[Draft]:
        locked.lock()
        return next(locked.parts(), [])

    post_together(drafts, locked.record)
    return locked.file


def book_rest(
    file: PaymentFile, progress: Progress = silent, **request: Unpack[BookingRequest]
) -> PaymentFile:
    """Calls `book_step` until the whole file is booked. Returns the file.

    Raises: the error of the first step, if the first step fails; BookingStopped, if a later step
    fails.
    """
    if file.state == State.DONE:
        wait_until_confirmed()  # an earlier call booked the file, see Note [Cancelled waits]
    has_begun = False
    while file.state != State.DONE:
        before = file.decided_count
        try:
            file = book_step(file, **request)
        except (Error, LedgerError) as error:
            if has_begun:
                raise BookingStopped(file, error) from error
            raise
        has_begun = True
        progress(file.decided_count - before)
    return file


def book_whole(
    file: PaymentFile, progress: Progress = silent, **request: Unpack[BookingRequest]
) -> PaymentFile:
    """Books all lines in one database transaction, or no line. Returns the file. Changes nothing if
    the file is already done.

    Raises: LinesRefused with the first refused line; NotChecked if the file has not been checked;
    TooManyTogether if more than MAX_TOGETHER lines must be booked.
    """
    locked = _LockedFile(file, request)

    def drafts() -> list[Draft]:
        locked.lock()
        if locked.file.state == State.DONE:
            return []
        _refuse_unless_all_can(locked.file)
        return [draft for part in locked.parts() for draft in part]

    def record(drafts: Sequence[Draft], results: PostingResults) -> None:
        _refuse_unless_all_were(locked.file, drafts, results)
        locked.record(drafts, results)
        progress(len(drafts))

    post_together(drafts, record)
    return locked.file


def can_be_whole(file: PaymentFile) -> bool:
    """Returns whether the number of lines to book is small enough for one database transaction. The
    maximum is MAX_TOGETHER lines: see Note [Short locks].
    """
    return file.waiting_count <= MAX_TOGETHER


def _refuse_unless_all_can(file: PaymentFile) -> None:
    if not can_be_whole(file):
        raise TooManyTogether(TOO_MANY_LINES)
    refused = PaymentLine.objects.of(file).refused().in_order().first()
    if refused is not None:
        raise LinesRefused(f"Nothing was booked. Line {refused.number}: {refused.verdict}")


def _refuse_unless_all_were(
    file: PaymentFile, drafts: Sequence[Draft], results: PostingResults
) -> None:
    for draft, result in zip(drafts, results, strict=True):
        if isinstance(result, LedgerError):
            line = PaymentLine.objects.filter(pk=str(draft.id)).get()
            raise LinesRefused(f"Nothing was booked. Line {line.number}: {in_words(file, result)}")


class _LockedFile:
    """A payment file during a step of its booking. The step locks the row of the file in its
    database transaction. Because of this lock, two steps of a file cannot run in parallel.
    """

    file: PaymentFile

    def __init__(self, file: PaymentFile, request: BookingRequest) -> None:
        self.pk, self.request = file.pk, request
        self.within = request.get("within")
        self.booked_before = 0
        self.paid_before = Decimal(0)

    def lock(self) -> None:
        """Locks the file. Must be called before the accounts are locked: this order prevents
        deadlocks.
        """
        self.file = locked_file(self.pk)
        if self.within is not None:
            self.paid_before = self.within.limit.paid_before()
        self.booked_before = self.file.booked_count
        if self.file.state == State.STORED:
            raise NotChecked("This file is not checked yet. Check it first.")
        agreed = self.request.get("agreed")
        # The lines of a file that is being paid are not compared: the person has already agreed to
        # them.
        if agreed is not None and self.file.state == State.CHECKED:
            self._refuse_unless(agreed)

    def _refuse_unless(self, agreed: str) -> None:
        if agreed != agreed_to(self.file):
            raise CheckedAnew(
                "After you opened the page, the file was checked again, and other lines can be "
                "booked now. We did not pay anything now. Check the current amounts and press "
                "again."
            )

    def parts(self) -> Iterator[list[Draft]]:
        """Yields the lines that can be booked, as lists of drafts."""
        waiting = PaymentLine.objects.of(self.file).waiting()
        return drafts_of(self.file, waiting, by=self.request.get("by"))

    def record(self, drafts: Sequence[Draft], results: PostingResults) -> None:
        """Stores the result of each line and the progress of the file, and checks the daily limit.
        If staff pay the file, also stores their reason with each booked transaction.
        """
        write_results(self.file, drafts, results)
        by, reason = self.request.get("by"), self.request.get("reason")
        booked = [result for result in results if isinstance(result, Transaction)]
        if by is not None and reason:
            explain(booked, action=StaffReason.Action.FILE, reason=reason, written_by=by)
        if self.file.state != State.DONE:
            settle(self.file, State.PAYING)
        count = self.file.booked_count - self.booked_before
        if count and self.within is not None:
            self.within.limit.refuse_over(self.paid_before, booked, self.within.to_come())
        on_booked = self.request.get("on_booked")
        if count and on_booked is not None:
            on_booked(count)
        if "refuse_if_ended" in self.request:
            self.request["refuse_if_ended"]()
