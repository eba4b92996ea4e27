"""Texts that people and staff write, wherever they can."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.utils import timezone

from accounts import services as account_services
from accounts.models import (
    Account,
    ApprovalRequest,
    Household,
    Read,
    User,
)
from banking.alerts.models import Alert
from banking.outside.models import OutsideAccount, OutsideImport
from banking.standing_orders.services import skip
from explorer.models import QueryRun, SavedQuery
from ledger.db.history.facts import set_reason
from ledger.db.ids import uuid7
from tests.accounts.tokens import add_token
from tests.banking.attachments.files import attached
from tests.banking.outside.files import imported, outside_account
from tests.banking.payment_files.files import checked, pay
from tests.banking.reconciliation.files import settled, statement
from tests.banking.standing_orders.orders import order_of
from tests.banking.statement_files.shared import empty_statement
from transactions import services, staff_services
from transactions.annotations.models import OwnCategory
from transactions.annotations.services import annotate
from transactions.categories.models import Budget, CategoryRule
from transactions.models import AuditRun, SavedReport, StaffReason, Transaction
from transactions.payees.models import Payee


def texts_of(ben: Account, shop: Account, text: str) -> Transaction:
    """The text wherever Ben can write it: settings, notes, orders, other banks and files."""
    person = ben.user
    paid = services.transfer(from_account=ben, to_account=shop, amount=Decimal(7))
    SavedReport.objects.create(id=uuid7(), owner=person, name=text, report="running-total")
    Payee.objects.create(id=uuid7(), owner=person, account=shop, name="The shop", note=text)
    Budget.objects.create(id=uuid7(), owner=person, category=text, currency="USD", amount=10)
    CategoryRule.objects.create(
        owner=person, position=1, name=text, query=f'to:"{text}"', category=text
    )
    OwnCategory.objects.create(transaction=paid, owner=person, category=text, change=uuid7())
    attached(paid, person, f"{text}.jpg")
    annotate(transaction=paid, owner=person, text=text)
    order = order_of(ben, shop, description=text, reference=text)
    skip(order=order, day=order.first_on, why=text)
    Alert.objects.create(
        owner=person, kind="order_failed", about=order.pk, account=ben, detail=text
    )
    imported(outside_account(owner=person), f"Date,Amount,Description,Id\n2026-11-02,5,{text},1\n")
    OutsideAccount.objects.update(name=text)
    OutsideImport.objects.update(name=f"{text}.csv")
    checked(ben, pay(shop, 5, text), name=f"{text}.csv")
    return paid


def trail_of_staff(ben: Account, shop: Account, paid: Transaction, text: str, clerk: User) -> None:
    """The text wherever staff can write it."""
    account_services.change_account(
        account=ben, daily_limit=Decimal(77), reason=text, changed_by=clerk
    )
    set_reason(text)
    User.objects.filter(pk=ben.user_id).update(household=Household.objects.create(name=text))
    set_reason("")
    why: dict[str, Any] = {"reason": text, "message": text, "changed_by": clerk}
    account_services.freeze_account(account=ben, **why)
    account_services.unfreeze_account(account=ben, **why)
    ApprovalRequest.objects.create(
        kind="hold", transaction_id=uuid7(), from_account=ben, amount=1, currency=ben.currency,
        parameters={
            "message": text, "description": text, "reference": text, "metadata": {"for": text},
        },
        reason=text, requested_by=clerk, status="pending",
        expires_at=timezone.now() + timedelta(hours=1), note=text,
    )  # fmt: skip
    staff_services.book(
        services.Draft(from_account=shop, to_account=ben, amount=1, reverses=paid.pk),
        action=StaffReason.Action.REFUND, reason=text, message=text, written_by=clerk,
    )  # fmt: skip
    LogEntry.objects.create(
        user=clerk, action_flag=CHANGE, object_id="1", object_repr=text, change_message=text
    )
    for query in (f"q={text}", f"q={text.replace(' ', '%20')}"):
        Read.objects.create(
            reader=clerk, page="-", path="/", query=query, address="", people=[ben.user_id]
        )
    settled(statement(f"7.00,{text},{text},{text[:30]}", name=f"{text}.csv"), clerk, text)
    empty_statement(ben, names={str(shop.pk): text})
    saved: dict[str, Any] = {"sql": f"SELECT '{text}'", "parameters": {"who": text}}
    SavedQuery.objects.create(owner=clerk, title=text, **saved)
    ran = {"person": clerk, "scope": "bank", "form": "page", "outcome": "refused"}
    QueryRun.objects.create(**ran, **saved, message=text)
    token = add_token(ben.user)
    token.revoked_at, token.reason = timezone.now(), text
    token.save()
    now = timezone.now()
    AuditRun.objects.create(
        started_at=now, finished_at=now, accounts=1, transactions=1, findings=[{"found": text}]
    )
