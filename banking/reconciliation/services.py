"""Uploads statements of settlement accounts, matches their lines with payments at this bank, and
signs the reconciliations.

The triggers of Note [Reconciliations] enforce the rules. This module converts the errors of these
triggers to messages. No function in this module can change a payment.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from itertools import islice
from typing import IO, Any

from django.db import IntegrityError, connection
from django.db import transaction as db_transaction

from accounts import current_access
from accounts.models import Account, User
from accounts.refusals import name_of_rule
from banking.outside.formats.cells import ORDERS
from banking.outside.formats.csv_columns import guess_of_file, order_of_file
from banking.outside.formats.lines import StatementFacts, UnreadableStatement
from banking.outside.formats.qif import qif_order
from banking.outside.formats.reading import (
    Measured,
    digest_of,
    format_of,
    lines_of,
    measure,
)
from banking.outside.formats.sheet import sheet_of
from banking.outside.models import OutsideImport
from banking.reconciliation.models import (
    REASON_LIMIT,
    Reconciliation,
    ReconciliationLine,
    ReconciliationMatch,
    booked_on,
)
from banking.reconciliation.sure import is_any_sure, match_all
from banking.reconciliation.triggers import LOCK
from banking.reconciliation.version import version_of
from ledger.db.ids import uuid7, uuid7_with
from ledger.db.retry import with_retry
from ledger.text.lines import tidy_line, tidy_reason
from transactions.exceptions import InvalidDetails

PART = 2000  # number of lines that are kept in memory and written together
CHANGED = "Somebody has changed this reconciliation in the meantime. Check it again."
MESSAGES = {
    **dict.fromkeys(
        (
            "signed_reconciliation_stays",
            "line_of_signed_stays",
            "reconciliation_texts_stay",
            "lines_of_signed_complete",
            "no_match_of_signed",
            "match_of_signed_stays",
        ),
        "This reconciliation is signed. Withdraw the signature before you change it.",
    ),
    "reconciliation_is_frozen": "This reconciliation is signed by two people and frozen.",
    "reconciliation_is_settled": (
        "Some lines are open. Match each open line, or enter a reason why the line is left over."
    ),
    "reconciliation_signed_once": "Somebody has signed this already.",
    "reconciliation_by_its_signers": "You can sign only in your own name.",
    "reconciliation_by_two": "You signed this first. Another person must sign it too.",
    "match_of_the_books": (
        "This payment is not booked on this settlement account in the direction of the line."
    ),
    "match_within_line": (
        "This is more than the open amount of the line. Somebody else may have matched the line."
    ),
    "match_within_payment": (
        "This is more than the open amount of the payment. Somebody else may have matched "
        "the payment."
    ),
}


FIRST = {"dmy": "day", "mdy": "month", "ymd": "year"}


class DoubtfulDays(UnreadableStatement):
    """Raised if the dates of the file are valid in several orders. The user must then choose an
    order.
    """


NO_REASON = "This line is open. To mark it as left over, enter a reason."
ANOTHER_REASON = "Somebody has entered another reason in the meantime. Check the line again."


@contextmanager
def _changing() -> Iterator[None]:
    """Runs the block in one database transaction.

    Raises: InvalidDetails, with a message for the user, if a trigger or constraint refuses a
    change.
    """
    try:
        with db_transaction.atomic(durable=True):
            yield
    except IntegrityError as error:
        message = MESSAGES.get(name_of_rule(error))
        if message is None:
            raise
        raise InvalidDetails(message) from error


def upload(
    source: IO[bytes],
    *,
    by: User,
    name: str,
    currency: str,
    account: Account | None = None,
    id: uuid.UUID | None = None,
    order: str = "",
) -> Reconciliation:
    """Stores the lines of a file and returns the reconciliation. Does not match lines. A second
    call with the same `id`, file, account and currency returns the stored reconciliation.

    `account` is None if the lines will be compared with the bank's deposits and withdrawals.
    `order` is the order of the dates ("dmy", "mdy" or "ymd"), or "" if it is not known.

    Raises: UnreadableStatement if the file cannot be read; DoubtfulDays if `order` is empty and the
    dates are valid in several orders.
    """
    digest = digest_of(source)
    format = format_of(source)
    is_csv = format == OutsideImport.Format.CSV
    mapping = guess_of_file(source, sheet_of(source), currency) if is_csv else {}
    found = _measured(source, format, mapping, currency, order)
    assert found.first_on is not None and found.last_on is not None  # noqa: S101, PT018
    made = Reconciliation(
        pk=uuid7_with(id or uuid7(), account and account.pk, currency, digest),
        account=account, name=tidy_line(name)[:200] or "statement",
        format=format, digest=digest, currency=currency, first_on=found.first_on,
        last_on=found.last_on, opening=found.facts.opening, closing=found.facts.closing,
        line_count=found.count, unbooked_count=found.facts.unbooked, created_by=by,
    )  # fmt: skip
    return _store(made, source, mapping)


def _measured(
    source: IO[bytes], format: str, mapping: dict[str, Any], currency: str, order: str
) -> Measured:
    """Reads a file and returns its period and totals. Also finds the order of its dates (day, month
    or year first). Stores this order in `mapping`.

    Raises: UnreadableStatement or DoubtfulDays, in the same cases as `upload`.
    """
    if format == OutsideImport.Format.CSV:
        possible = order_of_file(source, sheet_of(source), mapping).possible
    elif format == OutsideImport.Format.QIF:
        found = qif_order(source)
        possible = ("dmy", "mdy") if found.is_open else (found.order,)
        order = "" if order == "ymd" else order
    else:
        return measure(source, format, mapping, currency)

    def ways_of(orders: Sequence[str]) -> dict[str, Measured]:
        ways = {}
        for each in orders:
            with suppress(UnreadableStatement):
                ways[each] = measure(source, format, mapping | {"order": each}, currency)
        return ways

    ways = (ways_of([order]) if order else {}) or ways_of(possible)
    if not ways:
        return measure(source, format, mapping, currency)  # raises the error with its reason
    if len(ways) > 1:
        raise DoubtfulDays(_doubt(ways))
    mapping["order"], measured = ways.popitem()
    return measured


def _doubt(ways: Mapping[str, Measured]) -> str:
    first, *others = (
        f"with the {FIRST[order]} first{{}} from {_span(ways[order])}"
        for order in ORDERS
        if order in ways
    )
    options = ", ".join([first.format(", they are"), *(other.format("") for other in others)])
    count = "two" if len(ways) == 2 else "three"
    return f"The dates of the file can be read in {count} ways: {options}. Choose one."


def _span(measured: Measured) -> str:
    return f"{measured.first_on:%-d %B %Y} to {measured.last_on:%-d %B %Y}"


@with_retry
def _store(
    made: Reconciliation, source: IO[bytes], mapping: dict[str, Any] | None
) -> Reconciliation:
    """Stores a reconciliation and its lines, and returns it. If a reconciliation with this id
    already exists, stores nothing and returns the existing reconciliation. The id depends on the
    file, so both have the same file.
    """
    with _changing():
        existing = Reconciliation.objects.filter(pk=made.pk)
        if found := existing.first():
            return found
        try:
            with db_transaction.atomic():
                made.save(force_insert=True)  # a form that is sent twice waits here
        except IntegrityError:
            if found := existing.first():
                return found
            raise
        facts = StatementFacts(account_currency=made.currency)
        with closing(lines_of(source, made.format, mapping, facts)) as lines:
            while part := list(islice(lines, PART)):
                ReconciliationLine.objects.bulk_create(
                    ReconciliationLine(
                        pk=ReconciliationLine.id_of(made, line.number), reconciliation=made,
                        number=line.number, booked_on=line.booked_on, amount=line.amount,
                        description=line.description, other=line.other, reference=line.reference,
                        outside_id=line.outside_id,
                    )
                    for line in part
                )  # fmt: skip
    return made


@with_retry
def match_sure(*, reconciliation: Reconciliation, by: User) -> int:
    """Matches all lines for which the rules in `sure` find a certain match. Returns the number of
    matched lines.
    """
    with _changing():
        if not is_any_sure(reconciliation):  # this check may take seconds, but it locks nothing
            return 0
    with _changing():
        return match_all(_locked(reconciliation), by.pk)


@with_retry
def match(*, line: ReconciliationLine, transaction: uuid.UUID, by: User) -> Decimal:
    """Matches a line with a payment and returns the matched amount. This is the unmatched amount of
    the line or of the payment, whichever is smaller.

    Raises: InvalidDetails if the line or the payment is already fully matched, or if the payment
    does not fit.
    """
    with _changing():
        reconciliation = _locked(line.reconciliation)
        current = ReconciliationLine.objects.with_matched().get(pk=line.pk)
        paid = (
            booked_on(reconciliation.account_id, reconciliation.currency)
            .filter(pk=transaction)
            .first()
        )
        if paid is None:
            raise InvalidDetails(MESSAGES["match_of_the_books"])
        amount = min(current.rest, paid.unmatched)
        if amount <= 0:
            of = "line" if current.rest <= 0 else "payment"
            raise InvalidDetails(f"All of this {of} is already matched.")
        ReconciliationMatch.objects.create(
            line=current,
            transaction=paid,
            account_id=reconciliation.account_id,
            amount=amount,
            created_by=by,
        )
    return Decimal(amount)


@with_retry
def unmatch(*, line: ReconciliationLine, match: uuid.UUID) -> None:
    """Deletes one match of a line.

    Raises: InvalidDetails if the line has no such match.
    """
    with _changing():
        _lock_all()
        deleted, _by_table = ReconciliationMatch.objects.filter(line=line, pk=match).delete()
        if not deleted:
            raise InvalidDetails("This match is already removed.")


@with_retry
def leave_over(*, line: ReconciliationLine, reason: str, seen: str | None = None) -> str:
    """Stores the reason why the unmatched amount of a line is not in this bank's books. Returns the
    stored reason. An empty reason opens the line again.

    `seen` is the reason that the page showed. If `seen` is None, the reasons are not compared.

    Raises: InvalidDetails in three cases: the reason is too long, another person entered a
    different reason in the meantime, or the reason is empty although the line is already open.
    """
    if len(reason) > REASON_LIMIT:
        raise InvalidDetails(f"Limit: {REASON_LIMIT} characters.")
    text = tidy_reason(reason)
    with _changing():
        _lock_all()
        rows = ReconciliationLine.objects.filter(pk=line.pk)
        if not text and not seen and rows.filter(leftover="").exists():
            raise InvalidDetails(NO_REASON)
        if seen is not None:
            rows = rows.filter(leftover__in=[tidy_line(seen[:REASON_LIMIT]), text])
        if not rows.update(leftover=text):
            raise InvalidDetails(ANOTHER_REASON)
    return text


@with_retry
def sign(*, reconciliation: Reconciliation, by: User, seen: str) -> Reconciliation:
    """Signs a reconciliation as the first or the second person, and returns it. After the second
    signature, the reconciliation can never change. `seen` is the version that the page showed, from
    `version_of`.

    Raises: InvalidDetails if the reconciliation has changed after the page was shown, if lines are
    still open, or if the same person has already signed.
    """
    with _changing():
        locked = _locked(reconciliation)
        if locked.signed_by_id == by.pk and not locked.is_frozen:
            raise InvalidDetails(MESSAGES["reconciliation_by_two"])
        _refuse_changed(locked, seen)
        if locked.signed_by_id is None:
            locked.signed_by = by
            locked.save(update_fields=["signed_by"])
        else:
            locked.countersigned_by = by
            locked.save(update_fields=["countersigned_by"])
    return locked


@with_retry
def take_back(*, reconciliation: Reconciliation, seen: str) -> None:
    """Deletes the first signature, so that matches can change again. `seen` is the version that the
    page showed.

    Raises: InvalidDetails if nobody has signed, or if the reconciliation has changed.
    """
    with _changing():
        locked = _locked(reconciliation)
        if not locked.is_signed:
            raise InvalidDetails("Nobody has signed this, or the signature is already withdrawn.")
        _refuse_changed(locked, seen)
        locked.signed_by = None
        locked.save(update_fields=["signed_by"])


@with_retry
def discard(
    *, reconciliation: Reconciliation, seen: str, on_discard: Callable[[], object] | None = None
) -> None:
    """Deletes an unsigned reconciliation with its lines and matches. `seen` is the version that the
    page showed. `on_discard` is called in the same database transaction, before the rows are
    deleted.

    Raises: InvalidDetails if the reconciliation is signed or has changed.
    """
    with _changing():
        locked = _locked(reconciliation)
        if not locked.is_signed:  # the triggers refuse signed reconciliations with a better message
            _refuse_changed(locked, seen)
        if on_discard is not None:
            on_discard()
        ReconciliationMatch.objects.filter(line__reconciliation=locked).delete()
        ReconciliationLine.objects.of(locked).delete()
        locked.delete()


def _refuse_changed(locked: Reconciliation, seen: str) -> None:
    """Raises InvalidDetails if the reconciliation has changed since the page was shown."""
    if not locked.is_frozen and version_of(locked) != seen:
        raise InvalidDetails(CHANGED)


def _lock_all() -> None:
    """Waits until no other transaction changes a reconciliation. Until this database transaction
    ends, other transactions cannot change reconciliations.

    Raises: AccessEnded if the signed-in person has lost access.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    current_access.refuse_if_ended()


def _locked(reconciliation: Reconciliation) -> Reconciliation:
    """Takes the lock of `_lock_all`. Then locks the row of the reconciliation, and returns its
    current values.

    Raises: InvalidDetails if the row no longer exists.
    """
    _lock_all()
    found = (
        Reconciliation.objects.select_for_update(no_key=True).filter(pk=reconciliation.pk).first()
    )
    if found is None:
        raise InvalidDetails(CHANGED)
    return found
