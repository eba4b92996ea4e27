"""Who may correct what: each page asks for its own right, nobody touches what is their own."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.groups import ANALYSTS
from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.conftest import permissions
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of
from tests.transactions.staff.forms import HOLD, hold_form, page_of, said_by_staff
from transactions import services
from transactions.models import StaffReason, Transaction

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"


@pytest.mark.parametrize("who", ["staff", "root"])
def test_nobody_corrects_what_is_their_own(
    who: str, shop: Account, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(who)
    me = User.objects.get(is_superuser=who == "root", is_staff=True)
    mine = AccountFactory(user=me, balance="50")
    paid = services.transfer(from_account=mine, to_account=shop, amount=Decimal(5))
    held = services.hold(from_account=mine, amount=Decimal(5))
    for row, name in ((paid, "refund"), (held, "capture")):
        answer = client.post(page_of(row, name), said_by_staff(amount="5", step="book"))
        assert "your own or your household" in text_of(answer)
        assert f'href="{page_of(row, name)}"' not in client.get(page_of(row)).content.decode()
    answer = client.post(HOLD, hold_form(mine, amount="5", step="book"))
    assert "This account is yours" in text_of(answer)
    for payee, sentence in ((mine, "This account is yours"), (shop, "the same account")):
        filled = hold_form(shop, amount="5", payee=payee.number, step="book")
        assert sentence in text_of(client.post(HOLD, filled))
    assert not StaffReason.objects.exists()


def test_customers_and_analysts_reach_none_of_it(
    client: Client, everyday: Account, paid: Transaction, held: Transaction
) -> None:
    analyst = UserFactory()
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    pages = [page_of(paid, "refund"), page_of(held, "capture"), page_of(held, "release"), HOLD]
    for person in (everyday.user, analyst):
        client.force_login(person)
        for url in pages:
            assert client.get(url, follow=True).status_code == 403
            assert client.post(url, said_by_staff(step="book"), follow=True).status_code == 403
    assert not analyst.has_perm("transactions.refund_transactions")
    assert Transaction.objects.filter(status="pending").count() == 1
    assert not StaffReason.objects.exists()


@pytest.mark.parametrize(("permission", "open_pages"), [
    ("refund_transactions", {"refund"}),
    ("manage_holds", {"capture", "release", "hold"}),
    ("view_staffreason", set()),
])  # fmt: skip
def test_each_page_asks_for_its_own_right(
    permission: str, open_pages: set[str], client: Client, paid: Transaction, held: Transaction
) -> None:
    colleague = UserFactory(is_staff=True)
    wanted = permissions(permission, "view_transaction", "view_contact_details")
    colleague.user_permissions.set(wanted)
    client.force_login(colleague)
    pages = {
        "refund": page_of(paid, "refund"), "capture": page_of(held, "capture"),
        "release": page_of(held, "release"), "hold": HOLD,
    }  # fmt: skip
    for name, url in pages.items():
        assert client.get(url, follow=True).status_code == (200 if name in open_pages else 403)


def test_a_right_without_the_right_to_view_opens_nothing(client: Client, paid: Transaction) -> None:
    colleague = UserFactory(is_staff=True)
    colleague.user_permissions.set(permissions("refund_transactions", "view_contact_details"))
    client.force_login(colleague)
    answer = client.post(page_of(paid, "refund"), said_by_staff(step="book"))
    assert answer.status_code == 403
    assert not paid.reversals.exists()


def test_a_transaction_that_is_not_there_is_a_404(staff: Client) -> None:
    for name in ("refund", "capture", "release"):
        url = reverse(f"admin:transactions_transaction_{name}", args=[uuid7()])
        assert staff.get(url).status_code == 404


def test_what_people_wrote_comes_out_escaped(staff: Client, shop: Account) -> None:
    account = AccountFactory(balance="9", user=UserFactory(name=SCRIPT), name=SCRIPT)
    paid = services.transfer(
        from_account=account, to_account=shop, amount=Decimal(5), description=SCRIPT
    )
    held = services.hold(from_account=account, amount=Decimal(1), description=SCRIPT)
    for row, name in ((paid, "refund"), (held, "capture")):
        filled = said_by_staff(amount="1", reason=SCRIPT, message=SCRIPT)
        for answer in (
            staff.get(page_of(row, name), follow=True),
            staff.post(page_of(row, name), filled),
            staff.post(page_of(row, name), {**filled, "step": "book"}, follow=True),
        ):
            assert SCRIPT not in answer.content.decode()


def test_the_id_of_somebody_elses_booking_is_no_way_round_what_is_refused(
    staff: Client, clerk: User, shop: Account
) -> None:
    """A hold on the clerk's own account, captured by another: no note of the clerk's on it."""
    own = AccountFactory(user=clerk, balance="50")
    hold = services.hold(from_account=own, to_account=shop, amount=Decimal(20))
    capture = services.capture(hold=hold, created_by=UserFactory(is_staff=True))
    staff.post(
        page_of(hold, "capture"), said_by_staff(id=str(capture.pk), amount="20", step="book")
    )
    assert not StaffReason.objects.exists()


def test_a_page_that_is_closed_or_missing_speaks_to_staff_as_colleagues(staff: Client) -> None:
    closed = text_of(staff.get(reverse("admin:auth_group_changelist")))
    assert "Ask a colleague who has this right" in closed
    assert "do you need help" not in closed
    assert "your money" not in text_of(staff.get("/admin/nothing/"))


def test_an_analyst_at_the_admin_is_shown_the_way_to_the_reports(client: Client) -> None:
    analyst = UserFactory()
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    client.force_login(analyst)
    answer = client.get(reverse("admin:index"), follow=True)
    assert answer.status_code == 403
    assert "The admin is for staff" in text_of(answer)
    assert "Go to the reports" in text_of(answer)
