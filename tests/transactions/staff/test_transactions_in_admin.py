"""Transactions in the admin are to read: their pages and their list."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory
from tests.transactions.staff.forms import DESK, page_of, slip
from transactions import services
from transactions.models import Entry, Transaction
from transactions.posting import validation

pytestmark = pytest.mark.django_db

LIST = reverse("admin:transactions_transaction_changelist")
SCRIPT = "<script>alert(1)</script>"


def found(response: Any) -> list[Any]:
    return [row.pk for row in response.context["cl"].result_list]


def test_lists_shorten_a_long_category(
    staff: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "CATEGORY_LENGTH", 9_999)
    metadata = {"category": "x" * 9_999}
    services.deposit(to_account=account, amount=Decimal(1), description="Rent", metadata=metadata)
    for url in (LIST, f"{reverse('admin_search')}?q=rent"):
        page = staff.get(url).content.decode()
        assert "xxxx" in page
        assert "x" * 101 not in page


# To read


@pytest.mark.parametrize("who", ["staff", "root"])
def test_nothing_can_be_added_changed_or_deleted(
    who: str, account: Account, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(who)
    row = Transaction.objects.get()
    before = Transaction.objects.values().get()
    forged = {"amount": "1", "status": "voided", "description": "forged", "post": "yes"}
    for url in (reverse("admin:transactions_transaction_add"), page_of(row, "delete")):
        assert client.get(url).status_code == 403
        assert client.post(url, forged).status_code == 403
    assert client.get(page_of(row)).status_code == 200
    assert client.post(page_of(row), forged).status_code == 403
    client.post(LIST, {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    assert Transaction.objects.values().get() == before
    assert "delete_selected" not in client.get(LIST).content.decode()


def test_the_pages_need_the_right_to_view(client: Client, account: Account) -> None:
    client.force_login(UserFactory(is_staff=True))
    for url in (LIST, page_of(Transaction.objects.get()), DESK):
        assert client.get(url).status_code == 403
    client.force_login(account.user)
    for url in (LIST, DESK):
        assert client.get(url, follow=True).status_code == 403
        assert client.post(url, slip(account, step="book"), follow=True).status_code == 403
    assert Transaction.objects.count() == 1


def test_a_row_shows_both_sides_and_what_belongs_to_it(staff: Client, account: Account) -> None:
    other = AccountFactory()
    row = services.transfer(
        from_account=account, to_account=other, amount=Decimal(4), metadata={"order": {"no": 7}}
    )
    page = staff.get(page_of(row)).content.decode()
    for side in (account, other):
        assert reverse("admin:accounts_account_change", args=[side.pk]) in page
    assert "6.00\N{NO-BREAK SPACE}USD" in page
    assert "&quot;no&quot;: 7" in page


def test_what_people_wrote_comes_out_escaped(staff: Client) -> None:
    account = AccountFactory(user=UserFactory(name=SCRIPT), name=SCRIPT)
    row = services.deposit(
        to_account=account, amount=Decimal(5), description=SCRIPT, reference=SCRIPT,
        metadata={"category": SCRIPT, SCRIPT: SCRIPT},
    )  # fmt: skip
    pages = [LIST, f"{LIST}?account={account.pk}", f"{LIST}?q={SCRIPT}", page_of(row)]
    for url in pages:
        assert SCRIPT not in staff.get(url).content.decode(), url
    review = staff.post(DESK, slip(account, description=SCRIPT))
    assert "Deposit 50.00" in review.content.decode()
    assert SCRIPT not in review.content.decode()


# The list


def test_the_list_takes_as_many_queries_for_many_rows(
    staff: Client, account: Account, django_assert_max_num_queries: Any
) -> None:
    services.post_batch(
        [services.Draft(from_account=None, to_account=account, amount=1) for _ in range(150)]
    )
    with django_assert_max_num_queries(10) as captured:  # two log the read
        response = staff.get(LIST)
    assert len(found(response)) == 100
    counts = [query["sql"] for query in captured if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 10001" in sql for sql in counts)


def test_the_list_says_when_it_stopped_counting(
    staff: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.staff.lists.MAX_COUNTED", 3)
    for _ in range(3):
        services.deposit(to_account=account, amount=Decimal(1))
    assert "More than 3 transactions" in staff.get(LIST).content.decode()
    assert "More than" not in staff.get(LIST, {"q": "opening"}).content.decode()


@pytest.mark.parametrize("spell", [
    lambda row: str(row.pk),
    lambda row: f"{row.to_account.number[:4]} {row.to_account.number[4:]}",
    lambda row: "window SEAT",
    lambda row: '"window seat" -opening',
    lambda row: "INV-77",
    lambda row: "Lisbon",
])  # fmt: skip
def test_a_row_is_found(spell: Callable[[Any], str], staff: Client, account: Account) -> None:
    services.deposit(
        to_account=AccountFactory(), amount=Decimal(5), description="A window seat",
        reference="INV-77", metadata={"city": "Lisbon"},
    )  # fmt: skip
    row = Transaction.objects.select_related("to_account").get(reference="INV-77")
    assert found(staff.get(LIST, {"q": spell(row)})) == [row.pk]


@pytest.mark.parametrize("typed", ["nothing such", "4821 0937 5549", "%", "' | '", "!!", "-"])
def test_a_search_for_nothing_finds_nothing(typed: str, staff: Client, account: Account) -> None:
    response = staff.get(LIST, {"q": typed})
    assert response.status_code == 200
    assert found(response) == []


@pytest.mark.parametrize("typed", ["Grace Hop", "grace@navy", "13.40", "13.40 Grace", "tea 13.40"])
def test_a_row_is_found_by_a_person_or_an_amount(
    typed: str, staff: Client, account: Account
) -> None:
    grace = AccountFactory(user=UserFactory(name="Grace Hopper", email="grace@navy.example"))
    services.deposit(to_account=account, amount=Decimal("13.41"), description="Tea")
    row = services.deposit(to_account=grace, amount=Decimal("13.40"), description="Tea")
    assert found(staff.get(LIST, {"q": typed})) == [row.pk]


def test_an_amount_alone_is_looked_for_among_the_newest_rows(
    staff: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.staff.find.transactions.NEWEST", 2)
    old = services.deposit(to_account=account, amount=Decimal("13.40"), description="Tea")
    new = [services.deposit(to_account=account, amount=Decimal("13.40")) for _ in range(2)]
    both = [row.pk for row in reversed(new)]
    assert found(staff.get(LIST, {"q": "13.40"})) == both
    for typed in ("13.40 tea", "+13.40 tea"):
        assert found(staff.get(LIST, {"q": typed})) == [old.pk]
    of_account = staff.get(LIST, {"q": "13.40", "account": str(account.pk)})
    assert found(of_account) == [*both, old.pk]


def test_a_number_in_words_is_still_a_word(staff: Client, account: Account) -> None:
    row = services.deposit(to_account=account, amount=Decimal(5), description="Invoice 2026")
    assert found(staff.get(LIST, {"q": "invoice 2026"})) == [row.pk]


def test_a_name_of_many_accounts_finds_the_rows_of_all(
    staff: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.search.sql.name_lookup.MOST_NAMED", 1)
    others = [AccountFactory(user=account.user, balance="1") for _ in range(3)]
    assert len(found(staff.get(LIST, {"q": "Ferreira"}))) == len(others) + 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("opening amount:lots", "amount"),
        ("opening " + "a " * 500, "Only the first 1,000 characters were read."),
        ("opening note:split", "Notes and tags are private"),
    ],
)
def test_what_the_list_cannot_read_is_said(
    typed: str, said: str, staff: Client, account: Account
) -> None:
    assert said in staff.get(LIST, {"q": typed}).content.decode()


def test_a_search_for_nothing_says_what_can_be_searched_for(staff: Client) -> None:
    page = staff.get(LIST, {"q": "nothing such"}).content.decode()
    assert "Nothing found for “nothing such”" in page
    assert "A single amount, like 13.40" in page


def test_a_row_is_left_by_a_link_to_the_list(staff: Client, account: Account) -> None:
    page = staff.get(page_of(Transaction.objects.get())).content.decode()
    assert "Back to the list" in page
    assert ">Close<" not in page


def test_the_filters_narrow(staff: Client, account: Account) -> None:
    yen = AccountFactory(currency="JPY", balance="7")
    one = Transaction.objects.get(to_account=yen)
    assert found(staff.get(LIST, {"account": str(yen.pk)})) == [one.pk]
    assert found(staff.get(LIST, {"currency": "JPY"})) == [one.pk]
    assert found(staff.get(LIST, {"type__exact": "withdrawal"})) == []
    for nobody in (str(uuid7()), "nonsense"):
        assert found(staff.get(LIST, {"account": nobody})) == []
    assert len(found(staff.get(LIST, {"standing": "booked"}))) == 2


def test_the_list_is_in_order_of_booking_however_old_an_id_is(
    staff: Client, account: Account
) -> None:
    made_early = uuid7()
    services.deposit(to_account=account, amount=Decimal(2), description="Made later")
    services.deposit(id=made_early, to_account=account, amount=Decimal(3), description="Made early")
    shown = staff.get(reverse("admin:transactions_transaction_changelist")).context["cl"]
    assert [row.amount for row in shown.result_list][:2] == [3, 2]


def test_the_newest_rows_of_the_bank_come_off_their_index_and_a_statement_does_not(
    account: Account,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    assert "transactions_newest" in Transaction.objects.newest_first()[:25].explain()
    statement = Entry.objects.for_account(account).newest_first()[:25]
    assert "transactions_newest" not in statement.explain()
