"""Nobody requests, approves or makes a payment of a file that pays this person or their
household.
"""

from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import Client

from accounts.exceptions import MayNotDecide, ServesOwn
from accounts.groups import MANAGER, OPERATIONS
from accounts.models import Account, Household, User
from banking.payment_files.booking import LinesRefused
from banking.payment_files.models import PaymentFile
from tests.attacks.approvals import PAGE, approved, as_web, step
from tests.attacks.approvals import asked_for_file as asked
from tests.attacks.approved_files.steps import paid
from tests.banking.payment_files.files import checked, pay, press
from tests.banking.payment_files.shared import BASE, WHY
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory, balances
from tests.pages import text_of
from tests.refusals import constraint_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_nobody_approves_a_file_of_their_household(
    file: PaymentFile, firm: Account, clerk: User, boss: User
) -> None:
    home = Household.objects.create(name="Elm Street 4")
    User.objects.filter(pk__in=[firm.user_id, boss.pk]).update(household=home)
    with pytest.raises(MayNotDecide):
        approved(asked(file, clerk), boss)


@pytest.fixture(params=["own", "household"])
def shared_file(request: Any, firm: Account, mara: Account, clerk: User) -> PaymentFile:
    """A file with one line of 9,000 for the boss, or for a person who lives with the boss."""
    boss = request.getfixturevalue("boss")
    theirs = AccountFactory(user__name="Partner") if request.param == "household" else None
    theirs = theirs or AccountFactory(user=boss)
    if request.param == "household":
        home = Household.objects.create(name="Elm Street 4")
        User.objects.filter(pk__in=[theirs.user_id, boss.pk]).update(household=home)
        boss.refresh_from_db()
    return checked(firm, pay(mara, 8_000), pay(mara, 7_000), pay(theirs, 9_000), created_by=clerk)


def test_nobody_decides_a_file_that_pays_them_or_their_household(
    shared_file: PaymentFile, clerk: User, boss: User, manager: Client
) -> None:
    request = asked(shared_file, clerk)
    page = text_of(manager.get(PAGE))
    assert "This request is about you or your household" in page
    assert "Approve and do it" not in page
    assert "approved" not in text_of(step(manager, request, "approve")).lower().split()
    with pytest.raises(MayNotDecide):
        approved(request, boss)
    with as_web(), connection.cursor() as cursor, pytest.raises(IntegrityError) as refusal:
        cursor.execute(
            "UPDATE approval_requests SET status = 'approved', decided_by_id = %s,"
            " decided_at = now()",
            [boss.pk],
        )
    assert constraint_of(refusal.value) == "decided_by_stranger"
    approved(request, colleague(MANAGER, "Second boss"))


def test_nobody_asks_for_a_file_that_pays_them_or_their_household(
    shared_file: PaymentFile, boss: User
) -> None:
    boss.groups.add(*colleague(OPERATIONS, "Model").groups.all())
    boss = User.objects.get(pk=boss.pk)
    with pytest.raises(ServesOwn):
        asked(shared_file, boss)
    both = signed_in(boss)
    page = text_of(both.get(f"{BASE}{shared_file.pk}/change/"))
    assert "pays you or your household" in page
    for button in ("ask", "whole", "pay"):
        url = f"{BASE}{shared_file.pk}/step/"
        assert both.post(url, press(shared_file, button, reason=WHY)).status_code == 403


def test_the_page_shows_who_gets_most_by_a_file(
    firm: Account, mara: Account, clerk: User, manager: Client
) -> None:
    many = [AccountFactory(user__name=f"Payee {place}") for place in range(6)]
    lines = [pay(each, 2_000 + place) for place, each in enumerate(many)]
    asked(checked(firm, *lines, created_by=clerk), clerk)
    page = text_of(manager.get(PAGE))
    assert "Payments 6" in page
    assert [f"Payee {place}" in page for place in range(6)] == [False, *[True] * 5]
    assert page.index("Payee 5") < page.index("Payee 1")


def test_a_file_that_pays_the_household_of_the_clerk_is_refused_with_a_reason(
    staff: Client, firm: Account, mara: Account, clerk: User
) -> None:
    home = Household.objects.create(name="Elm Street 4")
    User.objects.filter(pk__in=[mara.user_id, clerk.pk]).update(household=home)
    small = checked(firm, pay(mara, 5), created_by=clerk)
    assert "pays you or your household" in text_of(staff.get(f"{BASE}{small.pk}/change/"))
    url = f"{BASE}{small.pk}/step/"
    assert staff.post(url, press(small, "whole", reason=WHY)).status_code == 403
    with pytest.raises(LinesRefused):
        paid(small, clerk)
    assert balances(mara) == [0]


# The pages
