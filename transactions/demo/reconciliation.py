"""A statement of the bank's account elsewhere, for staff to match with deposits and withdrawals."""

import csv
import io
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from ledger.db.ids import uuid7_of
from transactions.models import BOOKED_AT
from transactions.models.reconciliation import booked_on
from transactions.reconciliation import services

DAYS, MOST = 40, 40
HEAD = ("Date", "Amount", "Name", "Description", "Reference")
FEE = ("-4.50", "Settlement Bank", "Account fee", "")


def upload_a_statement(clerk: User, now: datetime) -> None:
    """Uploads a file with the latest deposits and withdrawals in dollars but one, and a fee.

    A second run changes nothing.
    """
    begins = now - timedelta(days=DAYS)
    rows = booked_on(None, "USD").alias(booked_at=BOOKED_AT).filter(booked_at__gte=begins)
    booked = list(rows.newest_first()[:MOST])[::-1]
    if not booked:
        return
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(HEAD)
    for row in booked[1:]:
        day = timezone.localtime(row.created_at).date()
        lines.writerow((day, row.signed, row.description[:60], "", row.reference[:60]))
    lines.writerow((timezone.localtime(booked[-1].created_at).date(), *FEE))
    services.upload(
        io.BytesIO(text.getvalue().encode()),
        by=clerk,
        name="settlement-account.csv",
        currency="USD",
        id=uuid7_of(clerk.created_at, "demo reconciliation"),
    )
