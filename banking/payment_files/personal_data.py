"""The personal data in payment files, for exports and erasure."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import F, Q, QuerySet

from accounts.erased import FILE_NAME
from accounts.models import ApprovalRequest, User
from banking.payment_files.models import PaymentFile, PaymentLine
from transactions.privacy.patterns import having
from transactions.privacy.personal_data import DataSection, PersonalData, Row, read, register
from transactions.privacy.traces import (
    PAID,
    REFUSED,
    Erased,
    Logged,
    Traces,
    emptied,
    on_either_side,
    with_address,
    with_key,
)

LINE_COLUMNS = (
    "file", "line", "to", "name", "amount", "description", "reference", "paid", "refused",
)  # fmt: skip


def _files(person: User) -> Iterable[Row]:
    files = PaymentFile.objects.visible_to(person).order_by("created_at")
    return read(files, "pk", "name", F("from_account__number"), "state", "created_at")


def _lines(person: User) -> Iterable[Row]:
    lines = PaymentLine.objects.filter(file__from_account__user=person)
    columns = (
        "file_id", "number", "typed_to", "typed_name", "typed_amount", "description", "reference",
        "booked", "verdict",
    )  # fmt: skip
    return read(lines.order_by("file_id", "number"), *columns)


def _texts(traces: Traces) -> Iterator[Erased]:
    """Yields the texts to erase for a person: texts in the person's files, and in other people's
    lines that pay the person.
    """
    own = Q(file__from_account__in=traces.accounts)
    lines = PaymentLine.objects.filter(own | Q(to_account__in=traces.accounts))
    yield emptied(lines, typed_name="")
    unpaid = lines.filter(booked=False)
    for name in PAID:
        yield emptied(unpaid.filter(having(name, traces.words)), **{name: ""})
    refused = PaymentLine.objects.filter(own).refused()
    yield emptied(refused, verdict=REFUSED)  # the messages contain the account number
    own_files = PaymentFile.objects.filter(from_account__in=traces.accounts)
    files = PaymentFile.objects.filter(having("name", traces.words), _paying(traces))
    ids = list(files.values_list("pk", flat=True))
    named = having("parameters__description", traces.addresses)
    for condition in (on_either_side(traces), Q(transaction_id__in=ids), Q(named)):
        requests = ApprovalRequest.objects.filter(condition, kind=ApprovalRequest.Kind.PAYMENT_FILE)
        yield with_key(requests, "parameters", "description", FILE_NAME)
    for each in (own_files, files):
        yield emptied(each, name=FILE_NAME)
    yield from _with_an_address(traces)


def _with_an_address(traces: Traces) -> Iterator[Erased]:
    """Yields the lines and files of all people in which an email address of the person occurs."""
    lines = PaymentLine.objects.all()
    yield from with_address(traces, PaymentFile.objects.all(), name=FILE_NAME)
    yield from with_address(
        traces, lines, typed_to="", typed_amount="", typed_name="", verdict=REFUSED
    )
    yield from with_address(traces, lines.filter(booked=False), **dict.fromkeys(PAID, ""))


def _logged(traces: Traces) -> Iterator[Logged]:
    yield Logged(PaymentFile, Q(from_account__user=traces.person))
    yield Logged(PaymentFile, _paying(traces), traces.words)


def _paying(traces: Traces) -> Q:
    """Returns a filter for files with at least one line that pays the person."""
    lines = PaymentLine.objects.filter(to_account__in=traces.accounts)
    return Q(pk__in=lines.values("file"))


def _files_of(lines: QuerySet[Any]) -> QuerySet[Any]:
    """Returns the files of these lines, which the erasure must lock before the lines. A booking
    locks in the same order.
    """
    return PaymentFile.objects.filter(pk__in=lines.values("file"))


register(
    PersonalData(
        sections=(
            DataSection("payment_files", ("id", "name", "from", "state", "uploaded"), _files),
            DataSection("payment_lines", LINE_COLUMNS, _lines),
        ),
        texts=_texts,
        logged=_logged,
        locked_first={PaymentLine: _files_of},
    )
)
