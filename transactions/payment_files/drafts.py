"""Turns stored lines into drafts, a part at a time, and writes their results."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Q

from accounts.models import Account, User
from transactions.models import PaymentFile, PaymentLine, Transaction
from transactions.models.payment_file import PaymentLineQuerySet
from transactions.payment_files.storage import PART, parts_of
from transactions.safeguards.recipients import CANNOT_RECEIVE, RECIPIENT_REFUSED
from transactions.services import Draft, LedgerError

FACTS = ("number", "pk", "to_account", "amount", "description", "reference")
PostingResults = Sequence[Transaction | LedgerError]
Progress = Callable[[int], object]  # called with the number of lines that were just done


def silent(_lines: int) -> None:
    """Ignores progress."""


def drafts_of(
    file: PaymentFile,
    lines: PaymentLineQuerySet,
    *,
    by: User | None = None,
    once: bool = False,
) -> Iterator[list[Draft]]:
    """Yields the lines as drafts, in order, PART at a time; with `once` only the first part.

    Each part is a query that starts after the last line of the part before, so results written
    meanwhile neither hide nor repeat a line.
    """
    after = 0
    rows = lines.in_order().values_list(*FACTS)
    while part := list(rows.filter(number__gt=after)[:PART]):
        yield [_draft(file, by, *facts) for _, *facts in part]
        if once:
            return
        after = part[-1][0]


def lock_accounts(file: PaymentFile) -> None:
    """Locks the sender and every recipient in order of id, before several parts are posted.

    Locking part by part would keep the order only within each part; see Note [Lock ordering].
    """
    paid = PaymentLine.objects.of(file).readable().values("to_account")
    everybody = Account.objects.filter(Q(pk=file.from_account_id) | Q(pk__in=paid))
    ids = everybody.order_by("pk").values_list("pk", flat=True)
    for stretch in parts_of(ids.iterator(chunk_size=PART), PART):
        list(Account.objects.locked(stretch).values_list("pk"))


def in_words(file: PaymentFile, refusal: LedgerError) -> str:
    """The refusal of a line. A customer learns nothing of the recipient's account from it."""
    is_private = isinstance(refusal, RECIPIENT_REFUSED) and not file.is_from_bank
    return CANNOT_RECEIVE if is_private else str(refusal)


def write_results(file: PaymentFile, drafts: Sequence[Draft], results: PostingResults) -> None:
    """Writes the results of posted lines, in the transaction that posted them."""
    pairs = list(zip(drafts, results, strict=True))
    booked = [result.pk for _, result in pairs if isinstance(result, Transaction)]
    refused = [
        (draft.id, in_words(file, why)) for draft, why in pairs if isinstance(why, LedgerError)
    ]
    PaymentLine.objects.filter(pk__in=booked).update(booked=True, verdict="")
    write_refusals(refused)


def write_refusals(refusals: Sequence[tuple[UUID | str | None, str]]) -> None:
    """Writes why lines were not booked. Does not change lines that are booked by now."""
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
