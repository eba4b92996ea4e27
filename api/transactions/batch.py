"""Many payments in one call. The lines are parsed, converted to drafts, and booked all together or
line by line.

The id of each line is derived from the call's Idempotency-Key and the number of the line. Therefore
an interrupted call can be repeated, and every line is booked only once. If the call books all lines
or none, its key belongs to the whole list. A second list with other lines and the same key is
refused. If the call books line by line, each line is treated as if it had a separate key.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import Error
from django.db import transaction as db_transaction
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.exceptions import AccessEnded, LedgerError
from accounts.models import Account
from accounts.numbers import clean_account_number
from api.caller import Caller
from api.fields import refuse_odd, values_of
from api.parsing import MAX_LINES
from api.problems import FieldRefused
from api.transactions.keys import HEADER, NO_KEY, line_id
from api.transactions.payments import (
    NOT_YOURS,
    by_token,
    check_token,
    in_words,
    limit_of_day,
)
from api.transactions.serializers import NewTransactionSerializer
from ledger.db.locking.named import wait_for_lock
from ledger.db.retry import with_retry
from ledger.db.rights.row_security import RowScope, reading
from transactions import services
from transactions.exceptions import IdempotencyConflict, InvalidAmount, TooManyTogether
from transactions.models import Transaction
from transactions.safeguards.quota import NUMBERS_ASKED, Questions
from transactions.safeguards.recipients import NOT_PAYABLE, is_payable, known_among
from transactions.services import MAX_TOGETHER, DayLimit, Draft

MAX_SEPARATE = MAX_LINES  # maximum number of lines that are booked separately
# Lines per chunk for tokens with limits, which need one transaction per line
CHUNK_OF_LIMITED = 100
OTHER_LIST = "This Idempotency-Key was used for another list. Use a new key for new payments."
TOO_MANY_TOGETHER = (
    f"An atomic call has at most {MAX_TOGETHER:,} lines. Send several calls, or set atomic to "
    "false to book each line separately."
)


@dataclass(slots=True)
class BatchLine:
    """A line with its number, starting at 1, and either a draft or the reason why the line is
    refused.
    """

    number: int
    draft: Draft | None = None
    refusal: LedgerError | None = None
    sender: Account | None = None


class LineRefused(LedgerError):
    """A line is refused, so no line of the call was booked.

    `number` is the number of the line.
    """

    def __init__(self, number: int, refusal: LedgerError) -> None:
        super().__init__(f"Nothing was booked. Line {number}: {refusal}")
        self.number, self.refusal = number, refusal


def lines_of(request: Request, caller: Caller, given: Any, *, is_atomic: bool) -> list[BatchLine]:
    """Returns the lines of a body, with their drafts. Books nothing.

    Raises: ValidationError for too many lines, or with the number of a line that cannot be read.
    """
    if HEADER not in request.headers:
        raise ValidationError({HEADER: [NO_KEY]})
    if not isinstance(given, list) or not given:
        raise ValidationError({"transactions": ["Send a list of one or more payments."]})
    if is_atomic and len(given) > MAX_TOGETHER:
        raise ValidationError({"transactions": [TOO_MANY_TOGETHER]})
    if len(given) > MAX_SEPARATE:
        raise ValidationError(
            {"transactions": [f"At most {MAX_SEPARATE:,} lines are allowed in one call."]}
        )
    bodies = [_body(number, one) for number, one in enumerate(given, 1)]
    resolve = _Resolver(caller, bodies)
    return [
        resolve.line(number, body, line_id(request, caller.person, number))
        for number, body in enumerate(bodies, 1)
    ]


def _body(number: int, given: Any) -> dict[str, Any]:
    try:
        return dict(values_of(NewTransactionSerializer, given))
    except ValidationError as error:
        raise ValidationError({f"transactions.{number}": error.detail}) from None


class _Resolver:
    """Finds the accounts of all lines in a few queries."""

    def __init__(self, caller: Caller, bodies: Sequence[dict[str, Any]]) -> None:
        self.caller = caller
        wanted = [pk for body in bodies if (pk := body.get("from_account"))]
        mine = Account.objects.filter(user=caller.person, pk__in=set(wanted))
        self.senders: dict[uuid.UUID, Account] = {account.pk: account for account in mine}
        digits = {number: _digits(number) for body in bodies if (number := body.get("to_number"))}
        with reading(RowScope.DIRECTORY):
            found = Account.objects.filter(number__in={each for each in digits.values() if each})
            by_digits = {account.number: account for account in found.select_related("user")}
        self.numbers = {number: by_digits.get(each or "") for number, each in digits.items()}
        ids = [account.pk for account in self.numbers.values() if account is not None]
        self.known = known_among(caller.person.pk, ids) if ids else set()
        self.refused = self._strangers(bodies)

    @with_retry
    def _strangers(self, bodies: Sequence[dict[str, Any]]) -> dict[int, str]:
        """Returns a dict from the number of a line to the reason why its account number cannot be
        paid. Such account numbers count towards the daily limit, as on the pages.
        """
        refused: dict[int, str] = {}
        with db_transaction.atomic(durable=True):
            questions = Questions(self.caller.person.pk)
            for number, body in enumerate(bodies, 1):
                sender = self.senders.get(body.get("from_account"))  # type: ignore[arg-type]
                if not body.get("to_number") or sender is None:
                    continue
                found = self.numbers[body["to_number"]]
                if found is not None and found.pk in self.known:
                    continue
                is_good = is_payable(sender, found)
                if not questions.may_check(is_payable=is_good):
                    refused[number] = NUMBERS_ASKED
                elif not is_good:
                    refused[number] = NOT_PAYABLE
            questions.save_counts()
        return refused

    def line(self, number: int, body: dict[str, Any], id: uuid.UUID) -> BatchLine:
        try:
            refuse_odd(body["amount"])
        except InvalidAmount as odd:
            return BatchLine(number, refusal=odd)
        sender = self.senders.get(body.get("from_account"))  # type: ignore[arg-type]
        if sender is None:
            refusal = FieldRefused(NOT_YOURS, "from_account", slug="account-not-found")
            return BatchLine(number, refusal=refusal)
        if number in self.refused:
            why = self.refused[number]
            slug = "too-many-numbers" if why == NUMBERS_ASKED else "account-not-found"
            refusal = FieldRefused(why, "to_number", slug=slug)
            return BatchLine(number, refusal=refusal)
        recipient: Any = body.get("to_account") or self.numbers.get(body.get("to_number", ""))
        if recipient is None:
            refusal = FieldRefused(NOT_PAYABLE, "to_account", slug="account-not-found")
            return BatchLine(number, refusal=refusal)
        draft = Draft(
            id=id, from_account=sender, to_account=recipient, amount=body["amount"],
            description=body.get("description", ""), reference=body.get("reference", ""),
            metadata=body.get("metadata"), created_by=self.caller.person,
        )  # fmt: skip
        return BatchLine(number, draft, sender=sender)


def _digits(number: str) -> str | None:
    try:
        return clean_account_number(number)
    except ValueError:
        return None


def book_together(
    caller: Caller, lines: Sequence[BatchLine], *, after: uuid.UUID
) -> tuple[list[Transaction], bool]:
    """Books all lines in one database transaction, or none. Returns the transactions, and whether
    an earlier call has booked them.

    `after` is the id that one more line would have. If there is a transaction with this id, the key
    was used for a longer list. If only some of the lines are booked, the key was also used for
    another list. The key is locked during this check. Otherwise two parallel lists with the same
    key could both find no rows.

    Raises: LineRefused if a line is refused; IdempotencyConflict if the key was used for another
    list.
    """
    drafts: list[Draft] = []
    for line in lines:
        if line.refusal is not None or line.draft is None:
            raise LineRefused(line.number, line.refusal or LedgerError())
        try:
            check_token(caller, line.draft, line.sender)
        except LedgerError as refusal:
            raise LineRefused(line.number, refusal) from refusal
        drafts.append(line.draft)
    ids = [draft.id for draft in drafts]
    booked: list[Transaction] = []
    paid_before: list[tuple[DayLimit, Decimal]] = []
    is_sent_again = False

    def read() -> list[Draft]:
        nonlocal is_sent_again
        wait_for_lock(str(ids[0]))  # the id of the first line depends only on the key
        is_sent_again = _is_sent_again(ids, after)
        paid_before[:] = [] if is_sent_again else _paid_before(caller, lines)
        return drafts

    def record(_part: Sequence[Draft], results: Sequence[Transaction | LedgerError]) -> None:
        for line, result in zip(lines, results, strict=True):
            if isinstance(result, LedgerError):
                refusal: Any = _in_words(caller, [(line, result)])[0][1]
                raise LineRefused(line.number, refusal)
        booked[:] = [result for result in results if isinstance(result, Transaction)]
        _refuse_over(paid_before, booked)
        caller.refuse_if_ended()

    services.post_together(read, record)
    return booked, is_sent_again


def _is_sent_again(ids: Sequence[Any], after: uuid.UUID) -> bool:
    """Returns whether all lines are already booked.

    Raises: IdempotencyConflict if only some of the lines are booked, or if there is a transaction
    with the id `after`. The key was then used for another list.
    """
    booked = set(Transaction.objects.filter(pk__in=[*ids, after]).values_list("pk", flat=True))
    if booked and booked != set(ids):
        raise IdempotencyConflict(OTHER_LIST)
    return bool(booked)


def _paid_before(caller: Caller, lines: Sequence[BatchLine]) -> list[tuple[DayLimit, Decimal]]:
    """Returns the daily limits of the token for the currencies of the lines, each with the amount
    that was already paid today.
    """
    currencies = sorted({line.sender.currency for line in lines if line.sender})
    limits = [limit for each in currencies if (limit := limit_of_day(caller, each)) is not None]
    return [(limit, limit.paid_before()) for limit in limits]


def _refuse_over(paid_before: list[tuple[DayLimit, Decimal]], booked: list[Transaction]) -> None:
    for limit, paid in paid_before:
        limit.refuse_over(paid, booked)


Result = tuple[BatchLine, Transaction | LedgerError]


def book_each(caller: Caller, lines: Sequence[BatchLine]) -> Iterator[list[Result]]:
    """Books the lines separately. Yields one list of results for each chunk of lines. The results
    are final when they are yielded.

    After an error of the database, the yielded results are final, and the outcome of the other
    lines is unknown.
    """
    token = caller.token
    is_limited = token is not None and token.limits_payments
    size = CHUNK_OF_LIMITED if is_limited else MAX_TOGETHER
    for start in range(0, len(lines), size):
        chunk = lines[start : start + size]
        try:
            caller.refuse_if_ended()
        except AccessEnded as ended:
            yield [(line, ended) for line in chunk]
            continue
        if is_limited:
            yield _in_words(caller, [(line, _book_one(caller, line)) for line in chunk])
            continue
        drafts = [line.draft for line in chunk if line.draft is not None]
        found = iter(_results_of(caller, drafts))
        yield _in_words(caller, [(line, _result(line, found)) for line in chunk])


def _results_of(caller: Caller, drafts: list[Draft]) -> list[Transaction | LedgerError]:
    """Books all drafts that can be booked. Uses one database transaction, or several if the
    metadata is large. Returns one result for each draft, in the same order. If the caller's access
    ends during a database transaction, this database transaction books nothing.
    """
    booked: list[Transaction | LedgerError] = []

    def record(_part: Sequence[Draft], results: Sequence[Transaction | LedgerError]) -> None:
        caller.refuse_if_ended()
        booked[:] = results

    try:
        services.post_together(lambda: drafts, record)
    except TooManyTogether:
        middle = len(drafts) // 2
        return _results_of(caller, drafts[:middle]) + _results_of(caller, drafts[middle:])
    except AccessEnded as ended:
        return [ended for _draft in drafts]
    return booked


def _in_words(caller: Caller, results: Sequence[Result]) -> list[Result]:
    """Returns the results of the lines. Replaces a refusal that would reveal something about
    another user's account.
    """
    tried = [
        (line.sender, line.draft.to_account, result)
        for line, result in results
        if line.draft is not None
    ]
    reworded = iter(in_words(caller, tried))  # type: ignore[arg-type]
    return [(line, next(reworded) if line.draft is not None else it) for line, it in results]


def _result(line: BatchLine, found: Iterator[Any]) -> Transaction | LedgerError:
    """Returns the result of a line: the refusal if the line has no draft, otherwise the next result
    of `found`.
    """
    if line.draft is None:
        return line.refusal or LedgerError()
    result: Transaction | LedgerError = next(found)
    return result


def _book_one(caller: Caller, line: BatchLine) -> Transaction | LedgerError:
    if line.draft is None or line.sender is None:
        return line.refusal or LedgerError()
    try:
        return by_token(caller, line.draft, line.sender).row
    except Error:
        raise
    except LedgerError as refusal:
        return refusal
