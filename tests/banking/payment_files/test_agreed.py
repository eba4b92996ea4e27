"""What is paid is what the page showed to whoever pressed: a check since then shows it anew."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, User
from banking.payment_files import drafts
from banking.payment_files.booking import CheckedAnew, agreed_to, book_rest, book_whole
from banking.payment_files.models import PaymentFile
from banking.payment_files.preview import check
from tests.banking.payment_files.files import checked, fates, pay, press
from tests.banking.payment_files.shared import BASE, HTMX, WHY, page_of
from tests.factories import balances
from tests.pages import text_of, texts_of
from transactions import services

pytestmark = pytest.mark.django_db(transaction=True)
ANEW = "other lines can be booked now. We did not pay anything now."


@pytest.fixture
def ana(client: Client, everyday: Account) -> Client:
    client.force_login(everyday.user)
    return client


def field_of(page: Any) -> str:
    """What the page's own form sends of what it shows."""
    content: str = page.content.decode()
    return content.split('name="agreed" value="')[1].split('"', maxsplit=1)[0]


def more_money(account: Account) -> None:
    services.deposit(to_account=account, amount=Decimal(500))


def test_an_old_tab_pays_nothing_that_it_did_not_show(
    ana: Client, everyday: Account, mara: Account, jo: Account
) -> None:
    file = checked(everyday, pay(mara, 60), pay(jo, 1200))
    old = {"step": "pay", "agreed": field_of(ana.get(page_of(file)))}
    more_money(everyday)
    ana.post(page_of(file), {"step": "check"})
    page = ana.post(page_of(file), old, follow=True)
    assert ANEW in text_of(page)
    assert texts_of(page, "page-head__figure") == ["1,260.00"]
    assert "2 payments" in texts_of(page, "page-head__eyebrow")[0]
    assert balances(mara, jo) == [0, 0]
    ana.post(page_of(file), {"step": "pay", "agreed": field_of(ana.get(page_of(file)))})
    assert balances(mara, jo) == [60, 1200]


def test_as_many_lines_for_as_much_are_still_others(
    ana: Client, everyday: Account, mara: Account, jo: Account
) -> None:
    file = checked(everyday, pay(mara, 600), pay(jo, 600))
    old = press(file, "pay")
    PaymentFile.objects.get().lines.filter(number=2).update(verdict="No.")
    PaymentFile.objects.get().lines.filter(number=3).update(verdict="")
    assert agreed_to(PaymentFile.objects.get()).split()[:2] == old["agreed"].split()[:2]
    ana.post(page_of(file), old)
    assert balances(mara, jo) == [0, 0]


@pytest.mark.parametrize("step", ["pay", "whole"])
@pytest.mark.parametrize("agreed", [None, "", "nonsense"])
def test_a_form_that_does_not_say_what_it_showed_pays_nothing(
    ana: Client, everyday: Account, mara: Account, step: str, agreed: str | None
) -> None:
    file = checked(everyday, pay(mara, 60))
    said = {"step": step} | ({} if agreed is None else {"agreed": agreed})
    assert ANEW in text_of(ana.post(page_of(file), said, follow=True))
    assert ana.post(page_of(file), said, headers=HTMX).headers["HX-Redirect"] == page_of(file)
    assert fates(file) == ["waiting"]


def test_a_check_that_finds_the_same_asks_nothing_anew(
    ana: Client, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 60), "12,5")
    old = press(file, "pay")
    ana.post(page_of(file), {"step": "check"})
    ana.post(page_of(file), old)
    assert balances(mara) == [60]


def test_a_booking_under_way_goes_on_and_begins_no_other(
    ana: Client, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "PART", 2)
    file = checked(everyday, *[pay(mara, 1)] * 5, pay(mara, 1200))
    page = ana.post(page_of(file), press(file, "pay"), headers=HTMX)
    assert 'value="3"' in page.content.decode(), "two booked, one refused"
    go_on = {"step": "pay"}
    for _ in range(2):
        ana.post(page_of(file), go_on, headers=HTMX)
    assert balances(mara) == [5]
    more_money(everyday)
    ana.post(page_of(file), {"step": "check"})
    ana.post(page_of(file), go_on, headers=HTMX)
    assert balances(mara) == [5]
    assert fates(file)[-1] == "waiting"


def test_all_or_nothing_is_agreed_to_as_well(everyday: Account, mara: Account) -> None:
    file = checked(everyday, pay(mara, 600), pay(mara, 600))
    old = agreed_to(PaymentFile.objects.get())
    more_money(everyday)
    check(file)
    for book in (book_whole, book_rest):
        with pytest.raises(CheckedAnew):
            book(file, agreed=old)
    assert balances(mara) == [0]


def test_a_colleagues_old_tab_pays_nothing_either(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 60), pay(mara, 1200), created_by=clerk)
    page = f"{BASE}{file.pk}/"
    old = {"step": "pay", "reason": WHY, "agreed": field_of(staff.get(f"{page}change/"))}
    more_money(everyday)
    staff.post(f"{page}step/", {"step": "check"})
    assert ANEW in text_of(staff.post(f"{page}step/", old, follow=True))
    assert balances(mara) == [0]
    staff.post(f"{page}step/", {**old, "agreed": field_of(staff.get(f"{page}change/"))})
    assert balances(mara) == [1260]
