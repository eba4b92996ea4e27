"""The steps of attacks on approvals: book and request as a clerk, decide as a manager, wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import approvals
from accounts import services as account_services
from accounts.admin.limits import ask_for_limits
from accounts.models import Account, ApprovalRequest, User
from banking.payment_files.approval import ask_for_file
from banking.payment_files.models import PaymentFile
from ledger.db.history import facts
from ledger.db.ids import uuid7
from ledger.db.rights.row_security import NOBODY
from tests.conftest import read_as, set_role
from tests.factories import walls_down
from transactions import services
from transactions.models import Transaction
from transactions.services import Draft
from transactions.staff.approvals.requests import ask_for, do_approved

PAGE = reverse("admin_approvals")
DESK = reverse("admin:transactions_transaction_cash_desk")
ANOTHER_LINE = """
    INSERT INTO payment_lines SELECT (jsonb_populate_record(
        line, '{"number": 9, "id": "018f0000-0000-7000-8000-000000000000"}'
    )).* FROM payment_lines AS line WHERE number = 3
"""


def limits_form(account: Account, **changes: str) -> dict[str, str]:
    """Returns the form that the button "Ask for approval" on the page of an account sends."""
    shown = {"name": account.name, "overdraft_limit": "0.00", "transfer_limit": "",
             "daily_limit": ""}  # fmt: skip
    initial = {f"initial-{name}": value for name, value in shown.items()}
    rows = {"status_changes-TOTAL_FORMS": "0", "status_changes-INITIAL_FORMS": "0"}
    return {**initial, **shown, **rows, "reason": "A letter", "_ask": "1", **changes}


def limits_page(account: Account) -> str:
    return reverse("admin:accounts_account_change", args=[account.pk])


@contextmanager
def as_web(by: User | None = None) -> Iterator[None]:
    """Runs the `with` block with the rights of a web process. `by` is the person of the signed
    facts, and the reader for policies, as in a request of this person.
    """
    connection.ensure_connection()  # the role belongs to the connection
    set_role("ledger_web")
    try:
        person = {"person": str(by.pk) if by else None}
        with facts.with_facts(lambda: person), read_as(by or User(pk=NOBODY, is_staff=True)):
            yield
    finally:
        set_role(None)


def raw(sql: str, *values: Any, by: User | None = None) -> None:
    """Runs a statement like a web process, in a request of this person."""
    with as_web(by), connection.cursor() as cursor:
        cursor.execute(sql, values)


def deposit(account: Account, clerk: User | None, amount: Any, **more: Any) -> Transaction:
    draft = Draft(to_account=account, amount=Decimal(amount), created_by=clerk, **more)
    with as_web(clerk):
        return services.book(draft)


def slip(account: Account, amount: str = "20000") -> dict[str, str]:
    """Returns the form of the cash desk for a deposit."""
    return {"id": str(uuid7()), "number": account.number, "kind": "deposit", "amount": amount}


def asked(account: Account, clerk: User, amount: Any = 20_000, **more: Any) -> ApprovalRequest:
    """Requests approval of a deposit, like the cash desk."""
    draft = Draft(id=uuid7(), to_account=account, amount=Decimal(amount), created_by=clerk, **more)
    with as_web(clerk):
        return ask_for(services.preview(draft), reason="Sold a house", asked_by=clerk)


def done(request: ApprovalRequest, by: User | None = None) -> str:
    """Does what was approved, and returns the result. By default, the person who made the request
    does it.
    """
    by = by or request.requested_by
    with as_web(by):
        return do_approved(request, by=by)


def change_limits(account: Account, by: User, **limits: Any) -> Account:
    with as_web(by):
        return account_services.change_account(
            account=account, changed_by=by, reason="Asked by letter", **limits
        )


def approved(request: ApprovalRequest, boss: User) -> ApprovalRequest:
    with as_web(boss):
        return approvals.approve(request=request, by=boss)


def asked_limits(account: Account, boss: User, **limits: Decimal) -> ApprovalRequest:
    """Requests approval of these limits, like the page of the account."""
    said = {**limits, "reason": "A bridge loan"}
    form = SimpleNamespace(cleaned_data=said, changed_data=list(said))
    with as_web(boss):
        return ask_for_limits(account=account, form=form, asked_by=boss)


def step(client: Client, request: ApprovalRequest, step: str, **more: str) -> Any:
    url = reverse("admin_approval_step", args=[request.pk])
    return client.post(url, {"step": step, **more}, follow=True)


def expire(request: ApprovalRequest) -> None:
    with walls_down("approval_requests") as cursor:
        cursor.execute(
            "UPDATE approval_requests SET expires_at = now() - interval '1 second' WHERE id = %s",
            [request.pk],
        )
    request.refresh_from_db()


def asked_for_file(file: PaymentFile, clerk: User) -> ApprovalRequest:
    with as_web(clerk):
        return ask_for_file(file, reason="Letter of the customer", asked_by=clerk)


@contextmanager
def begun_before() -> Iterator[psycopg.Connection]:
    """Yields the connection of a transaction of the web role. Its snapshot is from the start of the
    `with` block.
    """
    with psycopg.connect(**connection.get_connection_params()) as outside:
        outside.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        outside.execute("SET ROLE ledger_web")
        outside.execute("SELECT FROM approval_requests")
        yield outside
