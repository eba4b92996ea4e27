"""What a customer sees of holds: on home, on the statement, on a receipt of their own."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from tests.factories import AccountFactory, UserFactory, hold_that_ended
from tests.pages import lacks, text_of, texts_of
from transactions import availability, services, staff_services
from transactions.exceptions import LimitExceeded
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
TOMORROW = timedelta(days=1)


@pytest.fixture
def account(client: Client) -> Account:
    account = AccountFactory(balance="100", user__name="Ana Ferreira")
    client.force_login(account.user)
    return account


@pytest.fixture
def hotel() -> Account:
    return AccountFactory(name="Front desk", user__name="Hotel Aurora")


def held(account: Account, amount: str = "60", **details: Any) -> Transaction:
    details = {"description": "Hotel Aurora", **details}
    return services.hold(from_account=account, amount=Decimal(amount), **details)


def over(account: Account) -> Transaction:
    yesterday = timezone.now() - TOMORROW
    return hold_that_ended(account, Decimal(60), description="Hotel Aurora", expires_at=yesterday)


def receipt(client: Client, row: Transaction) -> str:
    return text_of(client.get(f"/transactions/{row.pk}/"))


def head(client: Client, row: Transaction) -> list[str]:
    """What a receipt is about, with its badge, and the figure."""
    response = client.get(f"/transactions/{row.pk}/")
    return texts_of(response, "page-head__eyebrow") + texts_of(response, "page-head__figure")


def timeline(client: Client, row: Transaction) -> list[str]:
    response = client.get(f"/transactions/{row.pk}/")
    moments = response.context["receipt"].lifecycle.moments
    return [moment.text.replace("\N{NO-BREAK SPACE}", " ") for moment in moments]


# Home and statement


def test_home_says_on_which_account_for_whom_how_much_and_until_when(
    client: Client, account: Account, hotel: Account
) -> None:
    until = timezone.now() + TOMORROW
    held(account, to_account=hotel, description="Room 7", expires_at=until)
    said = text_of(client.get("/"))
    assert "Hotel Aurora Everyday · " in said
    assert f"held until tomorrow at {timezone.localtime(until):%H:%M} 60.00 USD" in said
    assert "60.00 USD held" in said  # on the account's card


def test_the_statement_keeps_holds_apart_from_entries_and_does_the_sum(client: Client) -> None:
    account = AccountFactory(balance="100", overdraft_limit=Decimal(50))
    client.force_login(account.user)
    held(account)
    response = client.get(f"/accounts/{account.pk}/")
    (sum_of_it,) = [text for text in texts_of(response, "caption") if "booked" in text]
    assert re.findall(r"[\d.]+ \w+", sum_of_it) == [
        "100.00 booked",
        "60.00 held",
        "50.00 overdraft",
        "90.00 available",
    ]
    assert [entry.amount for entry in response.context["page"].entries] == [100]


@pytest.mark.parametrize("query", ["?direction=in", "?q=hotel", "?paper=1", "?before=1"])
def test_other_pages_of_the_statement_do_not_repeat_what_is_pending(
    client: Client, account: Account, query: str
) -> None:
    held(account)
    assert "Pending" not in text_of(client.get(f"/accounts/{account.pk}/{query}"))


def test_an_expired_hold_says_so_until_it_is_released(client: Client, account: Account) -> None:
    row = over(account)
    for url in ("/", f"/accounts/{account.pk}/"):
        assert texts_of(client.get(url), "badge--warn") == ["expired"]
    assert head(client, row) == ["Held for Hotel Aurora expired", "60.00"]
    assert "stays on hold until" in receipt(client, row)
    services.expire_holds()
    assert "Pending" not in text_of(client.get("/"))
    assert "60.00 USD is available again" in receipt(client, row)
    assert timeline(client, row) == ["Held 60.00 USD", "Expired and released"]


def test_a_hold_that_ends_today_says_when(client: Client, account: Account) -> None:
    ends = timezone.localtime().replace(hour=23, minute=59, second=59)
    held(account, expires_at=ends)
    assert "held until today at 23:59" in text_of(client.get("/"))


def test_many_holds_are_cut_and_counted(
    client: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(availability, "MAX_PENDING", 2)
    for n in range(5):
        held(account, "1", description=f"Shop {n}")
    said = text_of(client.get("/"))
    assert "Shop 4" in said
    assert "Shop 2" not in said
    assert "And 3 earlier holds." in said


def test_nothing_of_other_peoples_holds_is_shown(client: Client, account: Account) -> None:
    row = held(AccountFactory(balance="100"))
    assert "Pending" not in text_of(client.get("/"))
    assert client.get(f"/transactions/{row.pk}/").status_code == 404


def test_a_released_hold_is_told_of_for_some_days(client: Client, account: Account) -> None:
    row = held(account)
    services.void(hold=row)
    page = client.get(f"/accounts/{account.pk}/")
    assert "Released holds" in text_of(page)
    assert "Hotel Aurora released" in texts_of(page, "entry__name")
    assert availability.released_lately(account).newest == [row]


@pytest.mark.parametrize(
    ("made", "expires", "noted", "is_told"),
    [
        (6, None, False, True),
        (9, None, False, True),
        (30, 2, False, True),
        (30, 20, False, False),
        (30, None, True, True),
    ],
)
def test_what_counts_is_when_a_hold_ended(
    made: int, expires: int | None, noted: bool, is_told: bool
) -> None:
    account = AccountFactory(overdraft_limit=Decimal(1))  # without entries, so that it can be old
    now = timezone.now()
    expires_at = now - timedelta(days=expires) if expires else None
    row = services.book(
        services.Draft(
            from_account=account, amount=1, pending=True, expires_at=expires_at,
            created_at=now - timedelta(days=made),
        )
    )  # fmt: skip
    if noted:
        staff_services.release(hold=row, reason="Cancelled", written_by=UserFactory())
    services.void(hold=row)
    assert bool(availability.released_lately(account).newest) is is_told


def test_released_holds_are_read_only_where_there_are_some(
    client: Client, account: Account
) -> None:
    def reads() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/accounts/{account.pk}/")
        return [query["sql"] for query in queries if "voided" in query["sql"]]

    row = held(account)
    assert len(reads()) == 1, "the query of the account asks whether there are any"
    services.void(hold=row)
    assert len(reads()) == 2


# Receipts


def test_a_pending_hold_says_what_it_means_and_until_when(client: Client, account: Account) -> None:
    row = held(account, expires_at=timezone.now() + TOMORROW)
    said = receipt(client, row)
    assert head(client, row) == ["Held for Hotel Aurora pending", "60.00"]
    assert "either charged, or becomes available again" in said
    assert timeline(client, row) == [
        "Held 60.00 USD",
        "The hold ends, unless it is captured before",
    ]
    assert "Send another" not in said


def test_a_hold_and_its_capture_lead_to_each_other(
    client: Client, account: Account, hotel: Account
) -> None:
    row = held(account, to_account=hotel)
    taken = services.capture(hold=row, amount=Decimal(45))
    page = client.get(f"/transactions/{row.pk}/").content.decode()
    assert f'href="/transactions/{taken.pk}/"' in page
    assert head(client, row) == ["Was held for Hotel Aurora captured", "60.00"]
    assert "45.00 USD was charged" in receipt(client, row)
    ending = ["Captured 45.00 USD", "Released the rest, 15.00 USD"]
    assert timeline(client, row) == ["Held 60.00 USD", *ending]
    page = client.get(f"/transactions/{taken.pk}/").content.decode()
    assert f'href="/transactions/{row.pk}/"' in page
    first, booked, rest = timeline(client, taken)
    assert (first, booked) == ("Held 60.00 USD", "Completed")
    assert not lacks(rest, "Released the rest", "15.00 USD")


def test_a_hold_taken_in_full_releases_nothing(client: Client, account: Account) -> None:
    row = held(account)
    services.capture(hold=row)
    assert timeline(client, row) == ["Held 60.00 USD", "Captured in full"]
    assert "The full amount was charged." in receipt(client, row)


def test_a_hold_released_by_hand_shows_the_message_and_never_the_reason(
    client: Client, account: Account, clerk: Any
) -> None:
    row = over(account)
    staff_services.release(
        hold=row, reason="Suspicious", message="The hotel has cancelled.", written_by=clerk
    )
    said = receipt(client, row)
    assert head(client, row) == ["Was held for Hotel Aurora released", "60.00"]
    assert "The hotel has cancelled." in said
    assert "Suspicious" not in said
    assert clerk.name not in said
    assert timeline(client, row) == ["Held 60.00 USD", "Released by the bank"]


def test_whom_a_hold_is_for_sees_no_account_of_the_customer(
    client: Client, account: Account, hotel: Account
) -> None:
    row = held(account, to_account=hotel)
    client.force_login(hotel.user)
    said = receipt(client, row)
    about, figure = head(client, row)
    assert not lacks(about, "for you", "Ana Ferreira", "pending")
    assert figure == "60.00"
    assert "Everyday" not in said


def test_a_receipt_takes_a_bounded_number_of_queries(
    client: Client, account: Account, django_assert_max_num_queries: Any
) -> None:
    row = services.capture(hold=held(account))
    for _ in range(5):
        services.reverse(transaction=row, amount=Decimal(1))
    with django_assert_max_num_queries(11):
        client.get(f"/transactions/{row.pk}/")


# Limits


def test_the_owner_reads_the_limits_and_what_is_left_today(client: Client) -> None:
    account = AccountFactory(
        balance="100", transfer_limit=Decimal(50), daily_limit=Decimal(70), name="Everyday"
    )
    client.force_login(account.user)
    held(account, "20")
    services.withdraw(from_account=account, amount=Decimal(10))
    limits = "Limit per payment 50.00"
    limits += " Limit per day 70.00 Left today 40.00"
    assert limits in text_of(client.get(f"/accounts/{account.pk}/"))
    form = text_of(client.get("/transfers/new/", follow=True))
    assert "Everyday: limit per payment 50.00 USD, limit per day 70.00 USD" in form
    assert "left today 40.00 USD" in form


@pytest.mark.parametrize("url", ["/transfers/new/", "/standing-orders/new/"])
def test_a_form_names_the_account_that_its_limits_are_about(client: Client, url: str) -> None:
    account = AccountFactory(transfer_limit=Decimal(50), name="Rent & <b>more</b>")
    savings = AccountFactory(
        user=account.user, balance="10", daily_limit=Decimal(60), name="Savings"
    )
    AccountFactory(user=account.user, name="Travel")
    services.withdraw(from_account=savings, amount=Decimal(10))
    client.force_login(account.user)
    page = client.get(url, follow=True).content.decode().replace("\xa0", " ")
    assert (
        f'<span data-about="{account.pk}">Rent &amp; &lt;b&gt;more&lt;/b&gt;: '
        f'limit per payment 50.00 USD.</span><span data-about="{savings.pk}" hidden>Savings: '
        "limit per day 60.00 USD, left today 50.00 USD.</span></div>"
    ) in page


def test_limits_of_more_accounts_cost_no_more_queries(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    account = AccountFactory(daily_limit=Decimal(70))
    client.force_login(account.user)
    with CaptureQueriesContext(connection) as first:
        client.get("/transfers/new/", follow=True)
    AccountFactory.create_batch(4, user=account.user, daily_limit=Decimal(60))
    with django_assert_max_num_queries(len(first)):
        client.get("/transfers/new/", follow=True)


def test_what_is_left_today_is_what_the_books_let_out(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(daily_limit=Decimal(70))
    account.refresh_from_db()
    shop = AccountFactory(balance="5")
    taken = services.capture(hold=held(account, "40"), amount=Decimal(30))
    services.reverse(transaction=taken)
    received = services.transfer(from_account=shop, to_account=account, amount=Decimal(5))
    services.reverse(transaction=received)  # goes out again, and counts for nothing
    assert availability.figures_of(account)[-1].figure == "30.00"  # the hold counts in full
    with pytest.raises(LimitExceeded, match=r"30\.00 USD"):
        services.withdraw(from_account=account, amount=Decimal("30.01"))
    services.withdraw(from_account=account, amount=Decimal(30))
    assert availability.figures_of(account)[-1].figure == "0.00"


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ("transfer_limit", "60.00 is above the limit of 50.00 USD per payment from Everyday."),
        ("daily_limit", "Everyday can send up to 50.00 USD more on this day, and 60.00 is more."),
    ],
)
def test_the_transfer_form_refuses_in_words_what_is_above_a_limit(
    client: Client, limit: str, sentence: str
) -> None:
    account = AccountFactory(balance="100", **{limit: Decimal(50)})
    client.force_login(account.user)
    address = client.get("/transfers/new/", follow=True).redirect_chain[-1][0]
    form = {"id": address.partition("=")[2], "from_account": account.pk, "amount": "60"}
    response = client.post("/transfers/new/", {**form, "number": AccountFactory().number})
    assert sentence in text_of(response)
    assert not Transaction.objects.filter(type="transfer").exists()
