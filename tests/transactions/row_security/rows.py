"""Rows that policies protect, and raw SQL of the web role with a token."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts import services as account_services
from accounts.models import (
    Account,
    ApprovalPayment,
    ApprovalRequest,
    Household,
    Read,
    RowRemoval,
    RowRevision,
    SignIn,
    User,
    WebSession,
)
from banking.alerts.models import Alert, AlertKind, AlertTimes
from banking.alerts.services import choose
from banking.events.models import WebhookDelivery
from banking.payment_files.storage import store
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.services import OrderDraft, set_up, skip
from explorer.models import QueryRun, SavedQuery
from ledger.db.ids import uuid7
from ledger.db.rights.row_security import LIFETIME, SETTING, RowScope, keys, signed
from tests.accounts.tokens import add_token
from tests.banking.attachments.files import attached
from tests.banking.events.shared import webhook_of
from tests.banking.outside.files import outside_account, uploaded
from tests.banking.reconciliation.files import settled, statement
from tests.banking.statement_files.shared import empty_statement
from tests.conftest import set_role
from tests.factories import AccountFactory, UserFactory
from transactions import services
from transactions.annotations.models import OwnCategory
from transactions.annotations.services import annotate
from transactions.categories.budgets import save_budget
from transactions.categories.models import CategoryRule
from transactions.models import AuditRun, NamesAsked, SavedReport, StaffReason, Transaction
from transactions.models.saved_report import id_of
from transactions.payees.services import save_payee


def rows_of_a_customer() -> Account:
    """Returns an account whose holder has a row in every table with policies."""
    account: Account = AccountFactory(balance="100")
    person, clerk = account.user, UserFactory(is_staff=True)
    person.household = Household.objects.create(name="Ferreira, Rua Augusta 1")
    person.save(update_fields=["household"])
    RowRevision.objects.create(
        table_name="reads", row_id="1", digest=b"-", reason="-", revised_at=timezone.now()
    )
    RowRemoval.objects.create(table_name="reads", removed_before="2001-01-01T00:00Z", reason="-")
    friend = AccountFactory(name="Friend")
    webhook = webhook_of(person)
    paid = services.transfer(
        from_account=account, to_account=friend, amount=Decimal(10), created_by=person
    )
    WebhookDelivery.objects.create(
        webhook=webhook, account=account, number=1, kind="posted", at=paid.created_at
    )
    annotate(transaction=paid, owner=person, text="Lunch")
    attached(paid, person)
    StaffReason.objects.create(transaction=paid, action="refund", reason="Asked", written_by=clerk)
    line = f"to,amount,description,reference\n{friend.number},5,Gift,\n"
    store(io.BytesIO(line.encode()), name="a.csv", from_account=account, created_by=person)
    account_services.change_account(account=account, daily_limit=Decimal(500), changed_by=clerk)
    request = ApprovalRequest.objects.create(
        kind="refund", transaction_id=paid.pk, from_account=account, amount=1, currency="USD",
        requested_by=clerk, expires_at=timezone.now() + timedelta(days=1), reason="Asked",
    )  # fmt: skip
    ApprovalPayment.objects.create(
        id=uuid7(), request=request, payment_id=uuid7(), to_account=account, amount=1
    )
    Read.objects.create(reader=clerk, page="-", path="/", address="", people=[person.pk])
    NamesAsked.objects.create(user=person, day=timezone.localdate(), count=1)
    SavedReport.objects.create(
        id=id_of(person, "Mine"), owner=person, name="Mine", report="money-by-month"
    )
    save_payee(owner=person, account=friend, name="Friend")
    save_budget(owner=person, category="food", currency="USD", amount=Decimal(100))
    CategoryRule.objects.create(
        owner=person, position=1, name="Lunch", query="lunch", category="food"
    )
    OwnCategory.objects.create(transaction=paid, owner=person, category="food", change=uuid7())
    skipped_order(account, friend)
    told(account, paid)
    empty_statement(account)
    uploaded(outside_account(owner=person), "Date,Amount\n2026-11-02,5\n")
    settled(statement("100.00,,,", by=clerk), clerk)
    now = timezone.now()
    AuditRun.objects.create(
        started_at=now, finished_at=now, accounts=1, transactions=1, run_by=person
    )
    LogEntry.objects.create(user=person, action_flag=CHANGE, object_repr="Ana")
    SavedQuery.objects.create(owner=person, title="Mine", sql="SELECT 1")
    QueryRun.objects.create(person=person, sql="SELECT 1", scope="own", form="page", outcome="rows")
    signs_in(person)
    account_services.freeze_account(account=account, reason="Lost card")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO staff_sums VALUES ('2001-01-01 money clerk', 0.5)")
        cursor.execute("INSERT INTO cache VALUES (':1:report:a', 'signed', 'infinity')")
    return account


def skipped_order(account: Account, friend: Account) -> StandingOrder:
    """Returns an order whose first day was skipped."""
    draft = OrderDraft(
        id=uuid7(), owner=account.user, from_account=account, to_account=friend,
        amount=Decimal(1), every="month", first_on=timezone.localdate() + timedelta(days=9),
    )  # fmt: skip
    order = set_up(draft)
    skip(order=order, day=draft.first_on)
    return order


def told(account: Account, paid: Transaction) -> None:
    """Creates an alert about a payment, a choice, and times of mails."""
    owner = account.user
    choose(owner=owner, kind=AlertKind.MONEY_OUT, account=account, amount=Decimal(0))
    Alert.objects.create(owner=owner, kind="money_out", account=account, about=paid.pk)
    AlertTimes.objects.create(owner=owner)


def signs_in(person: User) -> None:
    """Creates a row in each table about sign-in and rights of this person."""
    address = EmailAddress.objects.create(user=person, email=person.email, verified=True)
    EmailConfirmation.objects.create(email_address=address, key="key", sent=timezone.now())
    Authenticator.objects.create(user=person, type="totp", data={"secret": "encrypted"})
    linked = SocialAccount.objects.create(user=person, provider="oidc", uid="ana")
    SocialToken.objects.create(account=linked, token="none")
    WebSession.objects.create(
        session_key="digest", user=person, expire_date=timezone.now(), session_data="",
        started_at=timezone.now(), last_seen_at=timezone.now(),
    )  # fmt: skip
    SignIn.objects.create(user=person, outcome="ok", method="password")
    add_token(person)
    person.groups.add(Group.objects.get(name="analysts"))
    person.user_permissions.add(Permission.objects.all()[0])


def token_of(person: User, scope: RowScope = RowScope.OWN, **changes: Any) -> str:
    values = {"expires": int(time.time()) + LIFETIME, "key": keys()[0], **changes}
    return signed(person.pk, scope, **values)


@contextmanager
def web_role(token: str | None = None) -> Iterator[Any]:
    """Yields a cursor of the web role in a transaction with this token."""
    set_role(settings.LEDGER_WEB_ROLE)
    try:
        with db_transaction.atomic(), connection.cursor() as cursor:
            if token is not None:
                cursor.execute(f"SELECT set_config('{SETTING}', %s, true)", [token])
            yield cursor
    finally:
        set_role(None)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT set_config('{SETTING}', '', true)")


def count(table: str, token: str | None) -> int:
    """Returns the number of rows that the web role sees."""
    with web_role(token) as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        (number,) = cursor.fetchone()
    return int(number)


def seen_of(row: Account | User, token: str) -> dict[str, Any]:
    """Returns the values of a row that the web role can read, by column."""
    with web_role(token) as cursor:
        cursor.execute(f"SELECT * FROM {row._meta.db_table} WHERE id = %s", [row.pk])
        names = [column.name for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))


def columns_of(table: str) -> list[str]:
    """Returns the SQL names of the columns into which a row may be inserted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(attname) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = '' AND attidentity <> 'a'",
            [table],
        )
        return [name for (name,) in cursor.fetchall()]
