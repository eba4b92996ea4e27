"""Checks the lines of a parsed file and stores them. Each line gets an id, which is also the id of
its transaction.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import IO, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.db import transaction as db_transaction
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts import current_access
from accounts.forms import NO_SUCH_NUMBER
from accounts.models import Account, ApprovalRequest, User
from accounts.numbers import clean_account_number
from accounts.refusal_counts import counts_refusals
from accounts.sent_bytes import LINE, count_stored
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.models.payment_file import MISNAMED, REPEATED
from banking.payment_files.parser import FileRow, measure, rows_of
from ledger.db.commits.confirmation import wait_until_confirmed
from ledger.db.ids import uuid7
from ledger.db.retry import run_with_retry
from ledger.db.rights.row_security import RowScope, reading, rows_are_secured, write_rows
from ledger.text.amounts import decimals_refusal, read_amount
from ledger.text.lines import shortened, tidy_line, unseen_character
from transactions.exceptions import LedgerError
from transactions.models import NameCheck
from transactions.safeguards.names import LONGEST_NAME
from transactions.safeguards.quota import NUMBERS_ASKED, Questions
from transactions.safeguards.recipients import NOT_PAYABLE, is_payable, known_among

MAX_UNPAID_LINES = 500_000  # in all files of one person together
PART = 2000  # number of lines that are kept in memory, posted and written together
COLUMNS = (
    "id file_id number typed_to typed_amount description reference to_account_id amount "
    "booked verdict typed_name name_check"
).split()
T = TypeVar("T")


class FilesFull(LedgerError):
    """The person would have too many unpaid lines."""


class FileRemoved(LedgerError):
    """The file was removed in the meantime."""


@counts_refusals
def store(
    source: IO[bytes],
    *,
    name: str,
    from_account: Account,
    created_by: User | None = None,
    id: uuid.UUID | None = None,
    run: str | None = None,
) -> PaymentFile:
    """Stores the lines of a file and returns the stored file. Checks only accounts, names and
    amounts. Books nothing.

    If the same lines with the same paying account are already stored under this `id` or this `run`
    (the label of `post_file --run`), returns the stored file.

    Raises: UnreadableFile if the file cannot be read; FilesFull above the limit of unpaid lines.
    """
    digest, count = measure(source)
    file = PaymentFile(
        id=id or uuid7(),
        from_account=from_account,
        name=tidy_line(name)[:200] or "payments.csv",
        digest=digest,
        run=run,
        line_count=count,
        created_by=created_by,
    )
    known = _known(file)
    if known is not None:
        return known
    if PaymentFile.objects.filter(pk=file.pk).exists():  # the form was sent before with other lines
        file.pk = uuid7()
    try:
        with reading(RowScope.DIRECTORY):  # also finds new recipients
            run_with_retry(partial(_insert, file, source))
    except IntegrityError:
        known = _known(file)  # a parallel request may have stored the file
        if known is None:
            raise
        return known
    if created_by is not None:
        count_stored(created_by, LINE * count)
    return file


def discard(file: PaymentFile, *, on_discard: Callable[[], object] | None = None) -> bool:
    """Deletes a file and returns True. Returns False if the payment of the file has begun, or if a
    request for approval is open. `on_discard` is called in the database transaction that deletes
    the file.

    Raises: FileRemoved if the file was removed in the meantime.
    """

    def unless_in_use() -> bool:
        with db_transaction.atomic(durable=True):
            locked = locked_file(file.pk)  # a new request also locks the file: `REQUEST_FOR_FILE`
            waits_for_approval = ApprovalRequest.objects.open_for(file.pk).exists()
            if (
                waits_for_approval
                or locked.booked_count
                or locked.state == PaymentFile.State.PAYING
            ):
                return False
            if on_discard is not None:
                on_discard()
            locked.delete()
        return True

    return run_with_retry(unless_in_use)


def locked_file(pk: uuid.UUID) -> PaymentFile:
    """Returns the file with its row locked until the end of the database transaction.

    Raises: FileRemoved if the file no longer exists; AccessEnded if the signed-in person has lost
    access.
    """
    files = PaymentFile.objects.with_account().select_for_update(of=("self",), no_key=True)
    file: PaymentFile | None = files.filter(pk=pk).first()
    if file is None:
        raise FileRemoved("Somebody has removed this file. Nothing was paid.")
    current_access.refuse_if_ended()
    return file


def parts_of(things: Iterable[T], size: int | None = None) -> Iterator[list[T]]:
    """Yields lists of at most `size` things, in order. The default size is PART."""
    iterator = iter(things)
    while part := list(islice(iterator, size or PART)):
        yield part


def settle(file: PaymentFile, state: PaymentFile.State) -> None:
    """Counts the lines of a file again and stores the numbers and `state` in the file. Must be
    called in the database transaction that changed the lines.

    A booked or refused line does not count as repeated, and does not count as misnamed. If the
    payment has begun and no payable line is left, stores the state "done" instead of `state`.
    """
    zero, booked, refused = Decimal(0), Q(booked=True), ~Q(verdict="")
    waiting = ~booked & ~refused
    counted = PaymentLine.objects.of(file).aggregate(
        total=Coalesce(Sum("amount"), zero),
        booked_count=Count("pk", filter=booked),
        booked_total=Coalesce(Sum("amount", filter=booked), zero),
        refused_count=Count("pk", filter=refused),
        refused_total=Coalesce(Sum("amount", filter=refused), zero),
        repeated_count=Count("pk", filter=waiting & REPEATED),
        misnamed_count=Count("pk", filter=waiting & MISNAMED),
    )
    for name, value in counted.items():
        setattr(file, name, value)
    begun = state == PaymentFile.State.PAYING or file.booked_count
    is_done = begun and not file.waiting_count
    file.state = PaymentFile.State.DONE if is_done else state
    file.finished_at = (file.finished_at or timezone.now()) if is_done else None
    file.save(update_fields=[*counted, "state", "finished_at"])


def _insert(file: PaymentFile, source: IO[bytes]) -> None:
    with db_transaction.atomic(durable=True):
        _refuse_above_limit(file)
        file.save(force_insert=True)
        questions = Questions(None if file.is_from_bank else file.created_by_id)
        for part in parts_of(rows_of(source)):
            _copy(file, part, questions)
        questions.save_counts()
        _mark_repeats(file)
        settle(file, PaymentFile.State.STORED)
        # The parallel uploads of a person share one limit. The second upload waits here for the
        # lock, and then counts the lines of the first upload too.
        if file.created_by_id is not None:
            User.objects.lock_active(file.created_by_id)
        _refuse_above_limit(file)


def _refuse_above_limit(file: PaymentFile) -> None:
    """Raises FilesFull if the person who uploaded the file would have too many unpaid lines."""
    if file.created_by_id is None:
        return
    files = PaymentFile.objects.filter(created_by=file.created_by_id).exclude(pk=file.pk)
    unpaid = files.aggregate(lines=Sum(F("line_count") - F("booked_count")))["lines"] or 0
    if unpaid + file.line_count > MAX_UNPAID_LINES:
        raise FilesFull(
            f"Your files have {unpaid:,} unpaid lines, and this file has {file.line_count:,}. "
            f"Limit: {MAX_UNPAID_LINES:,}. Pay or remove a file first."
        )


def _known(file: PaymentFile) -> PaymentFile | None:
    """Returns the stored file that has the same lines and the same paying account, and also the
    same id or the same run. Returns None if there is no such file.
    """
    again = Q(pk=file.pk)
    if file.run is not None:
        again |= Q(run=file.run)
    same = PaymentFile.objects.filter(from_account=file.from_account, digest=file.digest)
    found: PaymentFile | None = same.filter(again).select_related("from_account").first()
    if found is not None:
        wait_until_confirmed()
    return found


def _copy(file: PaymentFile, rows: Sequence[FileRow], questions: Questions) -> None:
    """Writes the lines into the database with COPY. Uses INSERT if the table has row-level security
    policies, because COPY does not support them. Finds the accounts of all lines in one query.
    """
    numbers = [_number(row) for row in rows]
    wanted = [number for number in numbers if isinstance(number, str)]
    found = Account.objects.filter(number__in=wanted).select_related("user")
    accounts = {account.number: account for account in found}
    known = known_among(file.from_account.user_id, [account.pk for account in found])
    values = []
    for row, number in zip(rows, numbers, strict=True):
        account, fault = _account(file, number, accounts, known, questions)
        values.append(_values(file, row, account, fault, questions))
    if rows_are_secured():
        with connection.cursor() as cursor:
            write_rows(cursor, "payment_lines", COLUMNS, values)
        return
    columns = ", ".join(COLUMNS)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f"COPY payment_lines ({columns}) FROM STDIN") as copy,
    ):
        for line in values:
            copy.write_row(line)


def _mark_repeats(file: PaymentFile) -> None:
    """Finds the lines that repeat an earlier line of the file. Stores in each of them the number of
    the first such line.

    Joins the lines by their ids, because Postgres has no statistics for rows that were just copied.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payment_lines SET repeats = twin.first
            FROM (
                SELECT id, number, min(number) OVER (
                    PARTITION BY to_account_id, amount, description, reference
                ) AS first
                FROM payment_lines
                WHERE file_id = %s AND to_account_id IS NOT NULL AND amount IS NOT NULL
            ) AS twin
            WHERE payment_lines.id = twin.id AND twin.first < twin.number
            """,
            [file.pk],
        )


def _number(row: FileRow) -> str | ValueError:
    """Returns the digits of the account number, or a ValueError whose message is the reason for the
    refusal.
    """
    if not row.to:
        return ValueError("The account number is missing.")
    try:
        return clean_account_number(row.to)
    except ValueError as error:
        return error


def _account(
    file: PaymentFile,
    number: str | ValueError,
    accounts: dict[str, Account],
    known: set[uuid.UUID],
    questions: Questions,
) -> tuple[Account | None, str]:
    """Returns the account with this number and "". If the line is refused, returns None and the
    reason.

    A customer learns only one fact about another person's account: whether it can be paid. The
    number of these accounts per day is limited (`questions`).
    """
    if isinstance(number, ValueError):
        return None, str(number)
    account = accounts.get(number)
    if file.is_from_bank:
        return account, "" if account else NO_SUCH_NUMBER
    if account is not None and account.pk in known:
        return account, ""
    is_good = is_payable(file.from_account, account)
    if not questions.may_check(is_payable=is_good):
        return None, NUMBERS_ASKED
    return (account, "") if is_good else (None, NOT_PAYABLE)


def _values(
    file: PaymentFile,
    row: FileRow,
    to_account: Account | None,
    fault: str,
    questions: Questions,
) -> tuple[object, ...]:
    faults: list[str] = []
    if row.extra:
        faults.append("There are more cells than columns. Put text that has commas in quotes.")
    if fault:
        faults.append(fault)
    amount: Decimal | None = None
    try:
        amount = _amount(row.amount, file.currency)
    except ValidationError as error:
        faults += error.messages
    if len(row.name) > LONGEST_NAME:
        faults.append(
            f"The name is longer than {LONGEST_NAME} characters. Shorten it or leave it out."
        )
    if row.extra or len(row.name) > LONGEST_NAME:
        to_account = None  # the cells may be in the wrong columns, so the line is never paid
    check = questions.name(row.name, to_account.user.name) if to_account else NameCheck.NONE
    return (
        uuid7(), file.pk, row.number,
        row.to[:100], tidy_line(row.amount)[:100], row.description, row.reference,
        to_account and to_account.pk, amount, False, " ".join(faults)[:1000],
        row.name[:200], check.value,
    )  # fmt: skip


def _amount(typed: str, currency: str) -> Decimal:
    if not typed:
        raise ValidationError("The amount is missing.")
    place, unseen = unseen_character(typed)
    if unseen:
        where = f"after \u201c{shortened(typed[:place])}\u201d" if place else "at its beginning"
        raise ValidationError(
            f"In the column amount, {where}, there is an invisible character: {unseen}. "
            "Type the amount again."
        )
    amount = read_amount(typed)
    if refusal := decimals_refusal(amount, currency):
        raise ValidationError(refusal)
    return amount
