"""A row in every append-only table with a register."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from accounts import services as account_services
from accounts.models import (
    Account,
    ApprovalPayment,
    ApprovalRequest,
    Change,
    Read,
    RowRemoval,
    SignIn,
    StaffSum,
)
from explorer.models import QueryRun
from ledger.db.ids import uuid7
from tests.accounts.tokens import add_token
from tests.banking.standing_orders.orders import order_of
from tests.factories import AccountFactory, UserFactory
from transactions import services, staff_services
from transactions.annotations.services import annotate
from transactions.audit.checks.register import REGISTERED
from transactions.audit.runs import run_audit
from transactions.models import Transaction


def with_accounts() -> set[str]:
    """Returns the tables with a foreign key to accounts or transactions, and the history."""
    return {
        table
        for table, model in REGISTERED.items()
        if model is Change
        or any(each.related_model in (Account, Transaction) for each in model._meta.concrete_fields)
    }


def rows_of_every_register() -> Account:
    """Returns an account. Every table with a register has a row."""
    account: Account = AccountFactory(balance="100")
    person, clerk = account.user, UserFactory(is_staff=True)
    hold = services.hold(from_account=account, amount=Decimal(5))
    staff_services.release(hold=hold, reason="Cancelled", written_by=clerk)
    paid = services.deposit(to_account=account, amount=Decimal(10))
    annotate(transaction=paid, owner=person, text="Lunch")
    account_services.change_account(account=account, daily_limit=Decimal(500), changed_by=clerk,
                                    reason="Asked by letter")  # fmt: skip
    account_services.freeze_account(account=account, reason="Lost card")
    request = ApprovalRequest.objects.create(
        kind="refund", transaction_id=paid.pk, from_account=account, amount=1, currency="USD",
        parameters={"message": "Sorry", "description": "Lunch"},
        requested_by=clerk, expires_at=timezone.now() + timedelta(days=1), reason="Asked",
    )  # fmt: skip
    ApprovalPayment.objects.create(
        id=uuid7(), request=request, payment_id=uuid7(), to_account=account, amount=1
    )
    Read.objects.create(
        reader=clerk, page="-", path="/", query="q=Ana", address="", people=[person.pk]
    )
    SignIn.objects.create(user=person, outcome="ok", device="Phone", place="here")
    add_token(person)
    StaffSum.objects.create(key="2026-01-01 money clerk x", share=0)
    RowRemoval.objects.create(table_name="reads", reason="A test")
    order_of(account, AccountFactory(), first_on=timezone.localdate())
    QueryRun.objects.create(
        person=person, sql="SELECT 1", parameters={"a": "1"}, scope="own", form="page",
        outcome="refused", message="Asked",
    )  # fmt: skip
    run_audit()
    return account
