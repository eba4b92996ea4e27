"""Transactions in the admin are to read; money moves at the cash desk alone, and once."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts import services as account_services
from accounts.models import Account, User
from ledger.db.ids import uuid7
from ledger.text.money import account_number
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks, texts_of
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Entry, Transaction

pytestmark = pytest.mark.django_db

LIST = reverse("admin:transactions_transaction_changelist")
DESK = reverse("admin:transactions_transaction_cash_desk")
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="10", user=UserFactory(name="Ana Ferreira"))
    return account


def page_of(row: Transaction, name: str = "change") -> str:
    return reverse(f"admin:transactions_transaction_{name}", args=[row.pk])


def slip(account: Account, **changes: Any) -> dict[str, Any]:
    """A filled-in slip for a deposit of 50."""
    return {"id": uuid7(), "number": account.number, "kind": "deposit", "amount": "50", **changes}


def last_message(response: Any) -> str:
    return [str(message) for message in get_messages(response.wsgi_request)][-1]


def found(response: Any) -> list[Any]:
    return [row.pk for row in response.context["cl"].result_list]


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
    monkeypatch.setattr("transactions.staff.lists.MOST_COUNTED", 3)
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
    assert found(staff.get(LIST, {"q": "13.40 tea"})) == [old.pk]
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
    assert "An amount alone, like 13.40" in page


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


# The cash desk


def test_a_slip_is_reviewed_in_words_before_anything_moves(staff: Client, account: Account) -> None:
    prefilled = staff.get(DESK, {"account": str(account.pk)}, follow=True).content.decode()
    assert account_number(account.number) in prefilled
    review = staff.post(DESK, slip(account))
    (sentence,) = texts_of(review, "review__sentence")
    assert not lacks(sentence, "Deposit 50.00 USD", "Everyday of Ana Ferreira")
    assert "10.00 → <strong>60.00</strong> USD" in review.content.decode()
    changed = staff.post(DESK, slip(account, step="edit", amount="12.34"))
    assert "12.34" in changed.content.decode()
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize(("kind", "amount", "balance", "description"), [
    ("deposit", "1,250.5", "1260.5", "Cash deposit"),
    ("withdraw", "10", "0", "Cash withdrawal"),
])  # fmt: skip
def test_a_slip_is_booked_once_however_often_it_is_sent(
    kind: str, amount: str, balance: str, description: str,
    staff: Client, clerk: User, account: Account,
) -> None:  # fmt: skip
    filled = slip(account, kind=kind, amount=amount, reference="S-1", step="book")
    answers = [staff.post(DESK, filled) for _ in range(2)]
    row = Transaction.objects.get(reference="S-1")
    assert [answer["Location"] for answer in answers] == [page_of(row), page_of(row)]
    assert "nothing was booked again" in last_message(answers[1])
    assert (row.pk, row.created_by, row.description) == (filled["id"], clerk, description)
    assert row.metadata == {"category": "cash", "channel": "cash desk"}
    account.refresh_from_db()
    assert account.balance == Decimal(balance)
    (told, *_) = get_messages(answers[0].wsgi_request)
    assert description in str(told)
    assert audit().clean


@pytest.mark.parametrize("button", ["review", "edit", "book"])
def test_going_back_after_booking_leads_to_the_booked_row(
    button: str, staff: Client, account: Account
) -> None:
    filled = slip(account)
    staff.post(DESK, {**filled, "step": "book"})
    answer = staff.post(DESK, {**filled, "step": button})
    assert answer["Location"] == page_of(Transaction.objects.get(pk=filled["id"]))
    assert "nothing was booked again" in last_message(answer)
    account.refresh_from_db()
    assert account.balance == 60


def test_a_browser_may_keep_the_slip_to_go_back_to(staff: Client, account: Account) -> None:
    """The review, which answers a POST: no browser asks for that again on its own."""
    assert staff.post(DESK, slip(account))["Cache-Control"] == "private"
    assert staff.get(DESK, follow=True)["Cache-Control"] == "private, no-store"


def test_the_slip_carries_its_id_in_its_address(staff: Client, account: Account) -> None:
    first, second = (staff.get(DESK, follow=True).redirect_chain[-1][0] for _ in range(2))
    assert first != second
    filled = slip(account, id=first.partition("=")[2], step="book")
    assert f'action="?id={filled["id"]}"' in staff.get(first).content.decode()
    staff.post(DESK, filled)
    again = staff.get(first)
    assert again["Location"] == page_of(Transaction.objects.get(pk=filled["id"]))
    assert "nothing was booked again" in last_message(again)


def test_a_booked_slip_cannot_be_changed_and_sent_again(staff: Client, account: Account) -> None:
    filled = slip(account, step="book")
    staff.post(DESK, filled)
    answer = staff.post(DESK, {**filled, "amount": "500"})
    assert "with other details" in str(answer.context["form"].errors)
    account.refresh_from_db()
    assert account.balance == 60


@pytest.mark.parametrize("amount", [
    "-1", "0", "0.00", "0.001", "NaN", "Infinity", "1e400", "1e2", "\uff15\uff10", "\u0665\u0660",
    "9" * 30, "", " ", "$5", "1,5", "1,00,0", "+5", "5.", ".5", "0x10", "5\x00", "1_000",
])  # fmt: skip
@pytest.mark.parametrize("button", ["book", "review"])
def test_an_amount_that_is_none_is_an_error(
    amount: str, button: str, staff: Client, account: Account
) -> None:
    answer = staff.post(DESK, slip(account, amount=amount, description="Kept", step=button))
    assert answer.status_code == 200
    assert answer.context["form"].errors["amount"]
    assert "Kept" in answer.content.decode()
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize(("changes", "field"), [
    ({"number": "4821 0937 5540"}, "number"),
    ({"number": "abc"}, "number"),
    ({"kind": "steal"}, "kind"),
    ({"id": "no-id"}, "id"),
    ({"description": "x" * 501}, "description"),
    ({"reference": "x" * 141}, "reference"),
])  # fmt: skip
def test_a_slip_that_is_not_filled_in_right_is_an_error(
    changes: dict[str, str], field: str, staff: Client, account: Account
) -> None:
    answer = staff.post(DESK, slip(account, step="book", **changes))
    assert answer.context["form"].errors[field]
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize("button", ["review", "book"])
def test_what_the_books_refuse_is_said_and_what_was_typed_stays(
    button: str, staff: Client, account: Account
) -> None:
    asked = slip(account, kind="withdraw", amount="10.01", reference="S-9", step=button)
    answer = staff.post(DESK, asked)
    page = answer.content.decode()
    refusal = str(answer.context["form"].errors)
    assert not lacks(refusal, "10.00 available", "10.01", "by 0.01")
    assert "S-9" in page
    assert 'value="book"' not in page
    account_services.freeze_account(account=account, reason="Lost card")
    assert "unfrozen" in str(staff.post(DESK, asked).context["form"].errors)
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize("button", ["review", "book"])
@pytest.mark.parametrize("kind", ["deposit", "withdraw"])
def test_a_closed_account_is_refused_in_words_for_staff(
    kind: str, button: str, staff: Client
) -> None:
    closed = AccountFactory()
    account_services.close_account(account=closed)
    answer = staff.post(DESK, slip(closed, kind=kind, step=button))
    assert "is closed" in str(answer.context["form"].errors)
    assert not Transaction.objects.exists()


@pytest.mark.parametrize("kind", ["deposit", "withdraw"])
@pytest.mark.parametrize("who", ["staff", "root"])
def test_nobody_serves_themselves(kind: str, who: str, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(who)
    me = User.objects.get(is_superuser=who == "root", is_staff=True)
    own = AccountFactory(user=me, balance="10")
    answer = client.post(DESK, slip(own, kind=kind, amount="1", step="book"))
    assert "This account is yours" in answer.content.decode()
    assert Transaction.objects.count() == 1


def test_a_clerk_who_may_not_view_transactions_stays_at_the_desk(
    client: Client, account: Account
) -> None:
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="use_cash_desk"))
    client.force_login(clerk)
    assert client.post(DESK, slip(account, step="book"))["Location"] == DESK
    assert Transaction.objects.filter(created_by=clerk).count() == 1


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
