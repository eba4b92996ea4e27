"""A settlement account's statement, and the payments of the books that its lines are."""

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

from django.utils import timezone

from accounts.models import Account, User
from banking.reconciliation import services
from banking.reconciliation.models import Reconciliation, ReconciliationLine
from banking.reconciliation.version import version_of
from tests.factories import UserFactory
from transactions import services as posting
from transactions.models import Transaction

HEAD = "Date,Amount,Name,Description,Reference\n"


def today() -> date:
    return timezone.localdate()


def statement(*lines: str, **changed: Any) -> Reconciliation:
    """An uploaded CSV file; lines without a day are of today."""
    rows = "".join(f"{line if line[4] == '-' else f'{today()},{line}'}\n" for line in lines)
    facts: dict[str, Any] = {"by": UserFactory(), "name": "nostro.csv", "currency": "USD"}
    return services.upload(BytesIO((HEAD + rows).encode()), **(facts | changed))


def stored(*lines: tuple[Any, str], **changed: Any) -> Reconciliation:
    """A reconciliation with lines of an amount and a leftover, all of today, written as rows."""
    facts: dict[str, Any] = {
        "name": "nostro.csv", "format": "csv", "digest": "", "currency": "USD",
        "first_on": today(), "last_on": today(), "line_count": len(lines),
    }  # fmt: skip
    facts |= {"created_by": None} | changed
    facts["created_by"] = facts["created_by"] or UserFactory()
    made = Reconciliation.objects.create(**facts)
    ReconciliationLine.objects.bulk_create(
        ReconciliationLine(
            pk=ReconciliationLine.id_of(made, number), reconciliation=made, number=number,
            booked_on=today(), amount=Decimal(amount), leftover=leftover,
        )
        for number, (amount, leftover) in enumerate(lines, start=1)
    )  # fmt: skip
    return made


def paid_in(account: Account, amount: str, **details: Any) -> Transaction:
    return posting.deposit(to_account=account, amount=Decimal(amount), **details)


def line_of(whose: Reconciliation, number: int) -> ReconciliationLine:
    """A line by its place among the lines, from 1 on."""
    rows = ReconciliationLine.objects.of(whose).with_matched().select_related("reconciliation")
    return list(rows.order_by("number"))[number - 1]


def settled(whose: Reconciliation, by: User, reason: str = "A fee") -> Reconciliation:
    """Matches what is sure, and leaves the rest over."""
    services.match_sure(reconciliation=whose, by=by)
    for line in ReconciliationLine.objects.of(whose).unsettled():
        services.leave_over(line=line, reason=reason)
    return whose


def sign(whose: Reconciliation, by: User) -> Reconciliation:
    """Signs what is there now."""
    return services.sign(reconciliation=whose, by=by, seen=seen_now(whose))


def seen_now(whose: Reconciliation) -> str:
    """The version that a page would show now."""
    return version_of(Reconciliation.objects.get(pk=whose.pk))
