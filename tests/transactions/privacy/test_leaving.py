"""A person closes their accounts and their sign-in by themselves."""

from decimal import Decimal

import pytest
from django.test import Client

from accounts import services as account_services
from accounts.models import (
    Account,
    User,
    WebSession,
)
from tests.factories import AccountFactory
from tests.sign_in import let_pass, prove
from transactions import services
from transactions.audit.audit import audit
from transactions.privacy.leaving import CannotLeave, leave, obstacles

pytestmark = pytest.mark.django_db


def test_a_person_with_empty_accounts_leaves_by_themselves(client: Client, ana: Account) -> None:
    client.force_login(ana.user)
    prove(client, ana.user)
    page = client.get("/account/leave/")
    assert "Close my accounts and leave" in page.content.decode()
    assert client.post("/account/leave/").status_code == 302
    ana.refresh_from_db()
    assert ana.is_closed
    assert not User.objects.get(pk=ana.user_id).is_active
    assert not WebSession.objects.filter(user=ana.user).exists()
    assert client.get("/accounts/").status_code == 302
    assert audit().clean


def test_leaving_needs_a_fresh_step_up(client: Client, ana: Account) -> None:
    client.force_login(ana.user)
    let_pass(client, minutes=6)
    assert "reauthenticate" in client.post("/account/leave/")["Location"]
    assert User.objects.get(pk=ana.user_id).is_active


def test_money_a_hold_or_a_freeze_stands_in_the_way(ana: Account) -> None:
    rich = AccountFactory(user=ana.user, balance="5", name="Rich")
    held = AccountFactory(user=ana.user, balance="7", name="Held")
    services.hold(from_account=held, amount=Decimal(7))
    frozen = AccountFactory(user=ana.user, name="Frozen")
    account_services.freeze_account(account=frozen, reason="Lost")
    payer = AccountFactory(balance="9")
    services.hold(from_account=payer, to_account=ana, amount=Decimal(2))
    found = obstacles(ana.user)
    assert [obstacle.sentence.split()[0] for obstacle in found] == [
        "Money", "Rich", "Held", "Held", "Frozen",
    ]  # fmt: skip
    with pytest.raises(CannotLeave):
        leave(person=ana.user)
    for account in (ana, rich, held):
        account.refresh_from_db()
        assert account.is_active


def test_leaving_happens_whole_or_not_at_all(ana: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("accounts.sign_in.sessions.end_all", broken)
    with pytest.raises(RuntimeError):
        leave(person=ana.user)
    ana.refresh_from_db()
    assert ana.is_active
    assert User.objects.get(pk=ana.user_id).is_active


def test_staff_do_not_leave_by_themselves(staff: Client, clerk: User) -> None:
    """The page that follows says why."""
    with pytest.raises(CannotLeave):
        leave(person=clerk)
    answer = staff.post("/account/leave/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/leave/")
    assert User.objects.get(pk=clerk.pk).is_active
