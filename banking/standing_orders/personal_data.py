"""The personal data in standing orders, for exports and erasure."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import User
from banking.standing_orders.models import Occurrence, StandingOrder
from transactions.privacy.personal_data import DataSection, PersonalData, Row, read, register
from transactions.privacy.traces import (
    PAID,
    REFUSED,
    Erased,
    Logged,
    Traces,
    naming,
    on_either_side,
)

ORDER_COLUMNS = (
    "id", "from", "to", "amount", "every", "first", "last", "times", "next", "status",
    "description", "reference", "set_up",
)  # fmt: skip
ORDER = {**dict.fromkeys(PAID, ""), "ended_why": "It was ended.", "refused_why": REFUSED}


def _standing_orders(person: User) -> Iterable[Row]:
    orders = StandingOrder.objects.owned_by(person).order_by("created_at")
    columns = (
        "pk", "from_account__number", "to_account__number", "amount", "every", "first_on",
        "last_on", "times", "next_on", "status", "description", "reference", "created_at",
    )  # fmt: skip
    return read(orders, *columns)


def _standing_order_days(person: User) -> Iterable[Row]:
    days = Occurrence.objects.filter(order__owner=person).order_by("due_on", "pk")
    return read(days, "order_id", "due_on", "outcome", "transaction_id", "reason")


def _rows(person: User) -> Iterator[QuerySet[Any]]:
    yield Occurrence.objects.filter(order__owner=person)
    yield StandingOrder.objects.filter(owner=person)


def _texts(traces: Traces) -> Iterator[Erased]:
    theirs = Q(owner__in=traces.known) | on_either_side(traces)
    yield from naming(traces, StandingOrder, theirs, ORDER)
    days = Q(order__owner__in=traces.known) | on_either_side(traces, "order__")
    yield from naming(traces, Occurrence, days, {"reason": REFUSED})


def _logged(traces: Traces) -> Iterator[Logged]:
    yield Logged(StandingOrder, on_either_side(traces), traces.words)


register(
    PersonalData(
        sections=(
            DataSection("standing_orders", ORDER_COLUMNS, _standing_orders),
            DataSection(
                "standing_order_days",
                ("order", "day", "outcome", "transaction", "reason"),
                _standing_order_days,
            ),
        ),
        rows=_rows,
        texts=_texts,
        logged=_logged,
    )
)
