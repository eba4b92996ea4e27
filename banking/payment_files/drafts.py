"""Converts stored lines into drafts of payments, and stores the results of these payments."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from uuid import UUID

from django.db import connection

from accounts.models import User
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.models.payment_file import PaymentLineQuerySet
from transactions.models import Transaction
from transactions.safeguards.recipients import CANNOT_RECEIVE, RECIPIENT_REFUSED
from transactions.services import MAX_TOGETHER, Draft, LedgerError

PART = MAX_TOGETHER  # number of lines per query, and per booking step
FACTS = ("number", "pk", "to_account", "amount", "description", "reference")
PostingResults = Sequence[Transaction | LedgerError]
Progress = Callable[[int], object]  # called with the number of lines in each finished part


def silent(_lines: int) -> None:
    """Does nothing. This is the default for `progress`."""


def drafts_of(
    file: PaymentFile,
    lines: PaymentLineQuerySet,
    *,
    by: User | None = None,
) -> Iterator[list[Draft]]:
    """Yields lists of at most PART drafts, in the order of the lines.

    The query of each list starts after the last line of the previous list. So no line is skipped or
    repeated, even if the results of a list are stored before the next list is read.
    """
    after = 0
    rows = lines.in_order().values_list(*FACTS)
    while part := list(rows.filter(number__gt=after)[:PART]):
        yield [_draft(file, by, *facts) for _, *facts in part]
        after = part[-1][0]


def in_words(file: PaymentFile, refusal: LedgerError) -> str:
    """Returns the reason why a line was refused, as text. In a file that the customer uploaded, the
    text reveals nothing about the recipient's account.
    """
    is_private = isinstance(refusal, RECIPIENT_REFUSED) and not file.is_from_bank
    return CANNOT_RECEIVE if is_private else str(refusal)


def write_results(file: PaymentFile, drafts: Sequence[Draft], results: PostingResults) -> None:
    """Stores the results of posted lines. Must be called in the database transaction that posted
    the lines.
    """
    pairs = list(zip(drafts, results, strict=True))
    booked = [result.pk for _, result in pairs if isinstance(result, Transaction)]
    refused = [
        (draft.id, in_words(file, why)) for draft, why in pairs if isinstance(why, LedgerError)
    ]
    PaymentLine.objects.filter(pk__in=booked).update(booked=True, verdict="")
    write_refusals(refused)


def write_refusals(refusals: Sequence[tuple[UUID | str | None, str]]) -> None:
    """Stores the reasons why lines were not booked. Does not change lines that were booked in the
    meantime.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE payment_lines SET verdict = refusal.why
            FROM unnest(%s::uuid[], %s::text[]) AS refusal (id, why)
            WHERE payment_lines.id = refusal.id AND NOT booked
            """,
            [[id for id, _ in refusals], [why[:1000] for _, why in refusals]],
        )


def _draft(
    file: PaymentFile,
    by: User | None,
    id: UUID,
    to: UUID,
    amount: Decimal,
    description: str,
    reference: str,
) -> Draft:
    return Draft(
        id=id,
        from_account=file.from_account_id,
        to_account=to,
        amount=amount,
        description=description,
        reference=reference,
        created_by=by.pk if by else file.created_by_id,
    )
