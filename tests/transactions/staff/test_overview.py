"""The figures on the first page of the admin: each for those who may see it, with its list."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from accounts.services import freeze_account
from ledger.text.dates import short_date
from tests.banking.reconciliation.files import settled, sign, statement
from tests.factories import AccountFactory, UserFactory
from tests.transactions.audit.sealed_books import as_owner, day
from transactions import services
from transactions.audit.runs import run_audit
from transactions.audit.sealing import seal
from transactions.staff.approvals.requests import ask_for
from transactions.staff.overview import figures_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(db: Any) -> Account:
    return AccountFactory(balance="100")


def values(user: User) -> dict[str, str]:
    return {figure.label: figure.value for figure in figures_for(user)}


def test_holds_frozen_accounts_audit_and_seal_are_counted(
    clerk: User, account: Account, staff: Client
) -> None:
    assert values(clerk) == {
        "Waiting for approval": "0",
        "Pending holds": "0",
        "Holds that expire today": "0",
        "Frozen accounts": "0",
        "Open reconciliations": "0",
        "Trial balance": short_date(timezone.localdate()),
        "Last audit": "never",
        "Sealed up to": "nothing yet",
    }
    later = timezone.now() + timedelta(days=3)
    services.hold(from_account=account, amount=Decimal(1), expires_at=later)
    ended = services.hold(from_account=account, amount=Decimal(1), expires_at=later)
    as_owner("UPDATE transactions SET expires_at = now() WHERE id = %s", ended.pk)
    freeze_account(account=AccountFactory(), reason="Lost card")
    run_audit()
    figures = values(clerk)
    assert (figures["Pending holds"], figures["Holds that expire today"]) == ("2", "1")
    assert figures["Frozen accounts"] == "1"
    assert figures["Last audit"].startswith("clean, ")
    page = staff.get("/admin/").content.decode()
    for figure in figures_for(clerk):
        assert f'href="{figure.url}"' in page.replace("&amp;", "&")
        assert staff.get(figure.url).status_code == 200


def test_what_waits_is_pointed_out_to_who_may_decide(
    clerk: User, boss: User, account: Account
) -> None:
    draft = services.Draft(to_account=account, amount=Decimal(20_000), created_by=clerk)
    ask_for(services.preview(draft), reason="Sold a house", asked_by=clerk)
    for person, cares in ((clerk, False), (boss, True)):
        (waiting,) = [one for one in figures_for(person) if one.label == "Waiting for approval"]
        assert (waiting.value, waiting.needs_care) == ("1", cares)


def test_a_reconciliation_is_open_until_two_people_have_signed_it(
    clerk: User, boss: User, account: Account
) -> None:
    whose = settled(statement("-2.50,Bank,Fee,", by=clerk), by=clerk)
    for person in (clerk, boss):
        (figure,) = [one for one in figures_for(clerk) if one.label == "Open reconciliations"]
        assert (figure.value, figure.needs_care) == ("1", True)
        sign(whose, person)
    (figure,) = [one for one in figures_for(clerk) if one.label == "Open reconciliations"]
    assert (figure.value, figure.needs_care) == ("0", False)


def test_what_an_audit_found_is_pointed_out(clerk: User, account: Account) -> None:
    row = services.deposit(to_account=account, amount=Decimal(3))
    as_owner("UPDATE transactions SET amount = 4 WHERE id = %s", row.pk)
    run_audit()
    (audit,) = [figure for figure in figures_for(clerk) if figure.label == "Last audit"]
    assert audit.needs_care
    assert "open finding" in audit.value


def test_the_list_behind_the_holds_of_today_has_those_alone(
    staff: Client, account: Account
) -> None:
    later = timezone.now() + timedelta(days=3)
    services.hold(from_account=account, amount=Decimal(1), expires_at=later, description="Later")
    soon = services.hold(from_account=account, amount=Decimal(2), expires_at=later)
    as_owner("UPDATE transactions SET expires_at = now() WHERE id = %s", soon.pk)
    listed = staff.get("/admin/transactions/transaction/?standing=today").context["cl"].result_list
    assert [row.pk for row in listed] == [soon.pk]


def test_nobody_sees_a_figure_without_the_right_to_its_list(account: Account) -> None:
    colleague = UserFactory(is_staff=True)
    assert figures_for(colleague) == []
    colleague.user_permissions.add(Permission.objects.get(codename="view_account"))
    assert list(values(User.objects.get(pk=colleague.pk))) == ["Frozen accounts"]


def test_the_last_sealed_day_is_the_day_before_the_seal_ends(clerk: User) -> None:
    AccountFactory(balance=1)
    seal(until=day(3))
    assert values(clerk)["Sealed up to"] == short_date(day(2))
