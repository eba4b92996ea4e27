"""Exports and erases a person's saved payees."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import User
from transactions.payees.models import Payee
from transactions.privacy.personal_data import DataSection, PersonalData, Row, read, register
from transactions.privacy.traces import Erased, Traces, naming


def _payees(person: User) -> Iterable[Row]:
    saved = Payee.objects.owned_by(person).order_by("name", "pk")
    return read(saved, "account__number", "name", "note", "created_at")


def _rows(person: User) -> Iterator[QuerySet[Any]]:
    yield Payee.objects.filter(Q(owner=person) | Q(account__user=person))


def _texts(traces: Traces) -> Iterator[Erased]:
    yield from naming(traces, Payee, Q(owner__in=traces.known), {"note": ""})


register(
    PersonalData(
        sections=(DataSection("payees", ("number", "name", "note", "saved"), _payees),),
        rows=_rows,
        texts=_texts,
    )
)
