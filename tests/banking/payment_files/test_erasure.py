"""The names of files in requests for approval, after a person is erased."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.erased import FILE_NAME
from accounts.models import Account, ApprovalRequest, User
from banking.payment_files.models import PaymentFile
from banking.payment_files.storage import discard
from tests.banking.payment_files.files import checked, pay
from tests.factories import AccountFactory, UserFactory
from transactions import services
from transactions.privacy.erasure import erase
from transactions.privacy.leaving import leave

pytestmark = pytest.mark.django_db


def expired_request_for(file: PaymentFile, sender: Account) -> ApprovalRequest:
    now = timezone.now()
    return ApprovalRequest.objects.create(
        kind="payment_file", transaction_id=file.pk, from_account=sender, amount=5,
        currency=sender.currency, parameters={"description": file.name, "lines": 1},
        reason="Above the threshold", requested_by=UserFactory(is_staff=True), requested_at=now,
        expires_at=now - timedelta(seconds=1),
    )  # fmt: skip


def test_the_name_of_a_file_is_erased_in_requests_for_it() -> None:
    ana = AccountFactory(user=UserFactory(email="ana@mail.example"), balance="5")
    removed = checked(ana, pay(AccountFactory(), 5), name="ferreira.csv")
    ben = AccountFactory(balance="5")
    addressed = checked(ben, pay(AccountFactory(), 5), name="for ana@mail.example (1).csv")
    other = checked(ben, pay(AccountFactory(), 5), name="wages.csv")
    requests = [
        expired_request_for(removed, ana),
        expired_request_for(addressed, ben),
        expired_request_for(other, ben),
    ]
    assert discard(removed)
    services.withdraw(from_account=ana, amount=Decimal(5))
    leave(person=ana.user)
    erase(User.objects.get(pk=ana.user_id))
    for request in requests:
        request.refresh_from_db()
    names = [request.parameters["description"] for request in requests]
    assert names == [FILE_NAME, FILE_NAME, "wages.csv"]
