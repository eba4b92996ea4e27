"""A statement of the bank's account elsewhere, for staff to match with deposits and withdrawals."""

from datetime import datetime, timedelta
from io import BytesIO

from django.utils import timezone

from accounts.models import User
from ledger.db.ids import uuid7_of
from transactions.models import BOOKED_AT
from transactions.models.reconciliation import booked_on
from transactions.reconciliation import services

DAYS, MOST = 40, 40
FEE = "-4.50,Settlement Bank,Account fee,"


def upload_a_statement(clerk: User, now: datetime) -> None:
    """Uploads a file with the latest deposits and withdrawals in dollars but one, and a fee.

    A second run changes nothing.
    """
    begins = now - timedelta(days=DAYS)
    rows = booked_on(None, "USD").alias(booked_at=BOOKED_AT).filter(booked_at__gte=begins)
    booked = list(rows.newest_first()[:MOST])[::-1]
    if not booked:
        return
    lines = [
        f"{timezone.localtime(row.created_at).date()},{row.signed},"
        f'"{row.description.replace(chr(34), "")[:60]}",,{row.reference[:60]}\n'
        for row in booked[1:]
    ]
    last = timezone.localtime(booked[-1].created_at).date()
    text = f"Date,Amount,Name,Description,Reference\n{''.join(lines)}{last},{FEE}\n"
    services.upload(
        BytesIO(text.encode()),
        by=clerk,
        name="settlement-account.csv",
        currency="USD",
        id=uuid7_of(clerk.created_at, "demo reconciliation"),
    )
