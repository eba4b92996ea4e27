"""Home and receipts: what a person has, and what one transaction was."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.groups import ANALYSTS, OPERATIONS
from accounts.models import Account
from accounts.services import close_account, freeze_account
from ledger.db.ids import uuid7
from tests.factories import PASSWORD, AccountFactory, UserFactory, insert_row
from tests.pages import markup_of, text_of
from transactions import services
from transactions.home.reads import SPARK_DAYS, daily_balances, worth_of
from transactions.models import Entry, Transaction
from transactions.receipts.details import tidy

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(client: Client) -> Account:
    account = AccountFactory(balance="100", user__name="Ana")
    client.force_login(account.user)
    return account


def test_home_shows_net_worth_per_currency_accounts_and_latest(
    client: Client, account: Account
) -> None:
    AccountFactory(user=account.user, balance="50", name="Savings")
    AccountFactory(user=account.user, balance="7", currency="JPY", name="Tokyo")
    closed = AccountFactory(user=account.user, name="Old")
    close_account(account=closed, reason="Done")
    response = client.get("/")
    said = text_of(response)
    assert "150.00 USD and 7 JPY" in said
    assert "Old" not in said
    assert [entry.signed_amount for entry in response.context["home"].latest] == [7, 50, 100]


def test_home_shows_what_is_held(client: Client, account: Account) -> None:
    insert_row(
        type="withdrawal",
        status="pending",
        from_account_id=account.pk,
        description="Hotel Aurora",
        expires_at="2099-11-22T10:00Z",
    )
    said = text_of(client.get("/"))
    assert "90.00 USD" in said
    assert "Another 10.00 USD is on hold" in said
    assert "Hotel Aurora" in said
    assert "until Sunday 22 November 2099" in said


def test_home_says_once_what_is_held_frozen_and_owed_in_several_currencies(
    client: Client, account: Account
) -> None:
    for currency, amount in (("EUR", "20"), ("JPY", "3000")):
        mine = {"user": account.user, "currency": currency}
        held = AccountFactory(**mine, balance=amount)
        services.hold(from_account=held, amount=Decimal(amount) / 2)
        freeze_account(account=AccountFactory(**mine, balance=amount), reason="Lost card")
    services.hold(from_account=account, amount=Decimal(10))
    said = text_of(client.get("/"))
    assert said.count("Another") == 1
    pending, _, frozen = said.partition("Another ")[2].partition(" are on hold")
    assert pending == "10.00 EUR, 1,500 JPY and 10.00 USD"
    assert "20.00 EUR and 3,000 JPY" in frozen.partition("frozen accounts")[0]
    assert "overdraft" not in said


def test_home_says_which_overdrafts_are_in_use(client: Client, account: Account) -> None:
    for currency in ("EUR", "EUR", "JPY"):
        mine = {"user": account.user, "currency": currency}
        debtor = AccountFactory(**mine, overdraft_limit=Decimal(100))
        services.withdraw(from_account=debtor, amount=Decimal(30))
        if currency == "EUR":
            said = text_of(client.get("/"))
    assert "\u221260.00 EUR is booked: an overdraft" in said
    said = text_of(client.get("/"))
    assert "\u221260.00 EUR and \u221230 JPY are" in said


def test_home_takes_a_bounded_number_of_queries(
    client: Client, account: Account, django_assert_max_num_queries: Any
) -> None:
    for n in range(5):
        other = AccountFactory(user=account.user, balance="10")
        for _ in range(n):
            services.transfer(from_account=account, to_account=other, amount=Decimal(1))
    with django_assert_max_num_queries(10):
        client.get("/")


def test_home_of_somebody_new_says_the_next_step(client: Client) -> None:
    client.force_login(UserFactory())
    said = text_of(client.get("/"))
    assert "You have no account yet" in said
    assert "Open an account" in said


def test_browse_all_opens_every_payment(client: Client, account: Account) -> None:
    insert_row(type="withdrawal", status="pending", from_account_id=account.pk)
    page = client.get("/").content.decode()
    url = re.search(r'href="([^"]+)">Browse all<', page)
    assert url is not None
    found = client.get(url[1]).context["page"]
    assert {hit.row for hit in found.hits} == set(Transaction.objects.visible_to(account.user))
    grouped = client.get("/explorer/browse/")
    assert client.get(grouped.context["page"].search_url).context["page"].hits == found.hits


@pytest.mark.parametrize(
    ("is_staff", "group", "begins_at"),
    [
        (True, OPERATIONS, "/admin/"), (True, None, "/admin/"), (False, ANALYSTS, "/reports/"),
        (False, None, "/"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("asked", ["/account/login/", "/account/login/?next=/"])
def test_after_the_sign_in_staff_and_analysts_are_where_they_work(
    client: Client, is_staff: bool, group: str | None, begins_at: str, asked: str
) -> None:
    person = UserFactory(password=PASSWORD, is_staff=is_staff)
    if group:
        person.groups.add(Group.objects.get(name=group))
    page = client.post(asked, {"login": person.email, "password": PASSWORD}, follow=True)
    assert page.request["PATH_INFO"] == begins_at
    assert page.status_code == 200


def test_staff_who_are_customers_have_a_home_that_links_to_the_admin(client: Client) -> None:
    account = AccountFactory(user__is_staff=True)
    client.force_login(account.user)
    assert 'href="/admin/"' in client.get("/").content.decode()


def test_signed_out_home_leads_to_the_sign_in(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/account/login/?next=/"


def test_the_trend_is_the_balance_at_the_end_of_each_day(account: Account) -> None:
    empty = AccountFactory(user=account.user)
    trends = daily_balances([account, empty], timezone.localdate())
    assert trends[account.pk] == [0] * (SPARK_DAYS - 1) + [100]
    assert trends[empty.pk] == [0] * SPARK_DAYS


def test_held_money_is_no_balance_in_the_trend(account: Account) -> None:
    insert_row(type="withdrawal", status="pending", from_account_id=account.pk)
    insert_row(
        type="transfer",
        status="pending",
        from_account_id=account.pk,
        to_account_id=AccountFactory().pk,
    )
    assert daily_balances([account], timezone.localdate())[account.pk][-1] == 100
    assert [entry.status for entry in Entry.objects.for_account(account)] == ["completed"]


def test_frozen_money_is_not_available(client: Client, account: Account) -> None:
    for balance in ("40", "0"):
        frozen = AccountFactory(user=account.user, balance=balance, overdraft_limit=Decimal(500))
        freeze_account(account=frozen, reason="Lost card")
    said = text_of(client.get("/"))
    assert "Available, all accounts 100.00 USD" in said
    assert " 40.00 USD is on frozen" in said  # an overdraft limit is no money
    assert "540.00" not in said
    for url in ("/accounts/", f"/accounts/{Account.objects.get(balance=40).pk}/"):
        page = text_of(client.get(url))
        assert "40.00" in page, url
        assert "540.00" not in page, url


def test_a_receipt_names_the_payer_and_keeps_the_balance_off_paper(
    client: Client, account: Account
) -> None:
    row = services.transfer(from_account=account, to_account=AccountFactory(), amount=Decimal(40))
    page = markup_of(client.get(f"/transactions/{row.pk}/"))
    assert '<span class="caption">Ana</span>' in page
    assert '<span class="caption no-print">Balance after: 60.00' in page


def test_worth_is_summed_per_currency_the_commonest_first() -> None:
    user = UserFactory()
    accounts = [
        AccountFactory(user=user, currency="EUR", balance="1"),
        AccountFactory(user=user, currency="USD", balance="2", overdraft_limit=Decimal(5)),
        AccountFactory(user=user, currency="USD", balance="3"),
    ]
    usd, eur = worth_of(accounts)
    assert (usd.currency, usd.available, usd.balance) == ("USD", 10, 5)
    assert (eur.currency, eur.available) == ("EUR", 1)


def test_each_side_sees_its_own_balance_and_the_others_name_alone(account: Account) -> None:
    shop = AccountFactory(user__name="Corner Shop", name="Till 3", balance="7000")
    row = services.transfer(from_account=account, to_account=shop, amount=Decimal(40))
    seen = {}
    for side in (account, shop):
        client = Client()
        client.force_login(side.user)
        seen[side] = text_of(client.get(f"/transactions/{row.pk}/"))
    assert "Corner Shop \N{MINUS SIGN}40.00 USD" in seen[account]
    assert "Balance after: 60.00 USD" in seen[account]
    assert "7,040.00" not in seen[account]
    assert "Till 3" not in seen[account]
    assert "Ana paid you +40.00 USD" in seen[shop]
    assert "Balance after: 7,040.00 USD" in seen[shop]
    assert "60.00 USD" not in seen[shop]
    assert "Everyday" not in seen[shop]


def test_a_receipt_is_a_404_to_strangers_and_to_staff_who_may_not_view_it(
    client: Client, account: Account
) -> None:
    row = services.withdraw(from_account=account, amount=Decimal(1))
    analyst = UserFactory()
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    for stranger in (UserFactory(), UserFactory(is_staff=True), analyst):
        client.force_login(stranger)
        assert client.get(f"/transactions/{row.pk}/").status_code == 404
    assert client.get(f"/transactions/{uuid7()}/").status_code == 404
    client.logout()
    assert client.get(f"/transactions/{row.pk}/").status_code == 302


def test_a_receipt_tells_deposits_withdrawals_and_moves_apart(
    client: Client, account: Account
) -> None:
    savings = AccountFactory(user=account.user, name="Savings")
    rows = {
        "Paid into Savings +5.00": services.deposit(to_account=savings, amount=Decimal(5)),
        "Paid out of Everyday \N{MINUS SIGN}5.00": services.withdraw(
            from_account=account, amount=Decimal(5)
        ),
        "Moved from Everyday to Savings 5.00": services.transfer(
            from_account=account, to_account=savings, amount=Decimal(5)
        ),
    }
    for said, row in rows.items():
        assert said in text_of(client.get(f"/transactions/{row.pk}/"))


def test_a_receipt_links_a_reversal_with_its_original(client: Client, account: Account) -> None:
    shop = AccountFactory()
    row = services.transfer(from_account=account, to_account=shop, amount=Decimal(40))
    back = uuid7()
    insert_row(
        id=back,
        type="transfer",
        from_account_id=shop.pk,
        to_account_id=account.pk,
        amount="40",
        reverses_id=row.pk,
    )
    original = client.get(f"/transactions/{row.pk}/").content.decode()
    assert f'href="/transactions/{back}/">Refunded 40.00\N{NO-BREAK SPACE}USD</a>' in original
    reversal = client.get(f"/transactions/{back}/").content.decode()
    assert (
        f'href="/transactions/{row.pk}/">The original, 40.00\N{NO-BREAK SPACE}USD</a>' in reversal
    )


def test_metadata_is_told_as_lines() -> None:
    metadata = {
        "merchant": {"name": "Café", "city": "Porto"},
        "card_last4": "7199",
        "tags": ["a", 1, None],
        "contactless": True,
        "empty": None,
        "steps": [{"at": "desk"}],
    }
    assert list(tidy(metadata)) == [
        ("Merchant name", "Café"),
        ("Merchant city", "Porto"),
        ("Card last4", "7199"),
        ("Tags", "a, 1, \N{EN DASH}"),
        ("Contactless", "yes"),
        ("Empty", "\N{EN DASH}"),
        ("Steps 1 at", "desk"),
    ]
