"""Requests for limits: only by people who may change limits, for at least one limit, and only one
open request at a time.
"""

import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from accounts import approvals
from accounts.admin.limits import ask_for_limits
from accounts.exceptions import DetailsInvalid, MayNotAsk, RequestDecided
from accounts.groups import MANAGER
from accounts.models import Account, ApprovalRequest, User
from tests.attacks.approvals import (
    as_web,
    asked_limits,
    begun_before,
    change_limits,
    expire,
    limits_form,
    limits_page,
)
from tests.conftest import colleague, signed_in
from tests.pages import text_of
from tests.refusals import refused_by

pytestmark = pytest.mark.django_db(transaction=True)
MUCH = Decimal(60_000)
INSERT = """INSERT INTO approval_requests (id, kind, transaction_id, from_account_id, amount,
        currency, parameters, reason, requested_by_id, requested_at, expires_at, status, note,
        used_amount)
    VALUES (gen_random_uuid(), 'limits', gen_random_uuid(), %s, 0, 'USD', %s, 'x', %s, now(),
        now() + interval '1 day', 'pending', '', 0)"""


def insert(account: Account, by: User, **limits: Any) -> str | None:
    """Inserts a request by raw SQL. Returns the rule that refuses it, or None."""
    with as_web():
        return refused_by(INSERT, account.pk, json.dumps(limits), by.pk)


def test_who_began_before_asks_no_second_time(account: Account, boss: User) -> None:
    """At REPEATABLE READ, a query does not see the first request."""
    parameters = {"overdraft_limit": "60000", "before": {"overdraft_limit": "0"}}
    with begun_before() as outside:
        asked_limits(account, boss, overdraft_limit=MUCH)
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            outside.execute(INSERT, [account.pk, json.dumps(parameters), boss.pk])
    assert refused.value.diag.constraint_name == "limits_asked_once"
    assert ApprovalRequest.objects.count() == 1


def test_a_new_name_is_saved_and_asks_for_nothing(
    staff: Client, manager: Client, account: Account
) -> None:
    for client in (staff, manager):
        name = f"Name {client is staff}"
        answer = client.post(limits_page(account), limits_form(account, name=name), follow=True)
        assert "We have asked" not in text_of(answer)
        account.refresh_from_db()
        assert account.name == name
    assert not ApprovalRequest.objects.exists()


def test_operations_ask_for_no_limits_whatever_they_send(staff: Client, account: Account) -> None:
    staff.post(limits_page(account), limits_form(account, name="Other", overdraft_limit="60000"))
    account.refresh_from_db()
    assert (account.name, account.overdraft_limit) == ("Other", 0)
    assert not ApprovalRequest.objects.exists()


def test_a_new_name_beside_limits_is_saved_while_they_wait(
    manager: Client, account: Account
) -> None:
    form = limits_form(account, name="Other", overdraft_limit="60000")
    assert "We have asked" in text_of(manager.post(limits_page(account), form, follow=True))
    account.refresh_from_db()
    assert (account.name, account.overdraft_limit) == ("Other", 0)
    assert ApprovalRequest.objects.get().limits[0].after == MUCH


def test_sixty_forms_make_one_request_which_can_be_withdrawn(
    manager: Client, boss: User, account: Account
) -> None:
    form = limits_form(account, overdraft_limit="60000")
    for _ in range(3):
        answer = manager.post(limits_page(account), form, follow=True)
    assert "Withdraw your first request" in text_of(answer)
    request = ApprovalRequest.objects.get()
    other = colleague(MANAGER, "Second boss")
    signed_in(other).post(limits_page(account), form)
    assert ApprovalRequest.objects.filter(requested_by=other).count() == 1
    with as_web(boss):
        approvals.withdraw(request=request, by=boss)
    manager.post(limits_page(account), form)
    assert ApprovalRequest.objects.filter(requested_by=boss, status="pending").count() == 1


def test_the_service_refuses_who_may_not_and_what_changes_nothing(
    account: Account, clerk: User, boss: User
) -> None:
    with pytest.raises(MayNotAsk):
        asked_limits(account, clerk, overdraft_limit=MUCH)
    with pytest.raises(DetailsInvalid):
        asked_limits(account, boss)
    form = SimpleNamespace(cleaned_data={"reason": "x", "name": "Other"}, changed_data=["name"])
    with pytest.raises(DetailsInvalid), as_web(boss):
        ask_for_limits(account=account, form=form, asked_by=boss)
    asked_limits(account, boss, overdraft_limit=MUCH)
    with pytest.raises(RequestDecided):
        asked_limits(account, boss, daily_limit=MUCH)


def test_the_database_refuses_the_same(account: Account, clerk: User, boss: User) -> None:
    wanted = {"overdraft_limit": "60000", "before": {"overdraft_limit": "0"}}
    assert insert(account, clerk, **wanted) == "limits_asked_by_manager"
    for nothing in ({}, {"name": "Other"}, {"before": {"overdraft_limit": "0"}},
                    {**wanted, "overdraft_limit": "0.00"},
                    {"daily_limit": None, "before": {"daily_limit": None}}):  # fmt: skip
        assert insert(account, boss, **nothing) == "limits_asked_change"
    asked_limits(account, boss, overdraft_limit=MUCH)
    assert insert(account, boss, **wanted) == "limits_asked_once"


def test_an_expired_request_and_one_for_no_limit_at_all_are_in_nobodys_way(
    account: Account, boss: User
) -> None:
    change_limits(account, boss, daily_limit=Decimal(5))
    expire(asked_limits(account, boss, overdraft_limit=MUCH))
    removed = asked_limits(account, boss, daily_limit=None)  # type: ignore[arg-type]
    assert removed.amount == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM approval_requests")
        assert cursor.fetchone() == (2,)
