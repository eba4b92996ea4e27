"""Creates a demo statement of the bank's account at another bank. Staff can match its lines with
deposits and withdrawals.
"""

import csv
import io
from datetime import timedelta

from django.utils import timezone

from banking.reconciliation import services
from banking.reconciliation.models import booked_on
from ledger.db.ids import uuid7_of
from transactions.demo.registered import DemoBank, register
from transactions.models import BOOKED_AT

DAYS, MAX_ROWS = 40, 40
HEAD = ("Date", "Amount", "Name", "Description", "Reference")
FEE = ("-4.50", "Settlement Bank", "Account fee", "")


@register(order=90)
def upload_a_statement(bank: DemoBank) -> None:
    """Uploads a file with the latest deposits and withdrawals in dollars. One payment is missing in
    the file, and the file has an additional fee. A second call changes nothing.
    """
    clerk = bank.people["staff"]
    begins = bank.now - timedelta(days=DAYS)
    rows = booked_on(None, "USD").alias(booked_at=BOOKED_AT).filter(booked_at__gte=begins)
    booked = list(rows.newest_first()[:MAX_ROWS])[::-1]
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
