"""From a figure of a report to the rows it is made of: the search finds just those."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from accounts.models import Account, User
from ledger.db.ids import uuid7
from ledger.text.money import money
from tests.factories import AccountFactory
from tests.kept import rolled_back_at_the_end
from tests.pages import text_of
from tests.transactions.reports.books import analyst, clerk, moment
from tests.transactions.reports.movements import book, funded
from tests.transactions.reports.shared import get, searches
from transactions import services
from transactions.categories.services import give_category
from transactions.models import Transaction
from transactions.reports.report import ReportParameters
from transactions.scope import scope_for

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def books(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Account]:
    """Ana's account in November, with a stranger's beside it."""
    with rolled_back_at_the_end(django_db_blocker):
        yield november()


def november() -> Account:
    ana, other = funded(user__name="Ana"), funded(user__name="Zoltan")
    trips = [book("2025-10-20", "80", out_of=each, category="Travel") for each in (ana, other)]
    for each, trip in zip((ana, other), trips, strict=True):
        book("2025-10-21", "30", into=each, reverses=trip)
    for at, amount, category in [
        ("2025-10-31T23:59", "100", "food"),
        ("2025-11-01T00:00", "4.99", "food"),
        ("2025-11-03T08:10", "5", "food"),
        ("2025-11-10T08:50", "9.50", "Eating out"),
        ("2025-11-10T09:50", "4.20", "eating OUT"),
        ("2025-11-11", "9.50", None),
        ("2025-11-12", "70", ""),
    ]:
        book(at, amount, out_of=ana, category=category)
        book(at, amount, out_of=other, category=category)
    for each, trip in zip((ana, other), trips, strict=True):
        book("2025-11-12T13:00", "12.75", into=each, reverses=trip)
    paid = book("2025-11-13", "30", out_of=ana, into=other, category="food")
    book("2025-11-14", "12", out_of=other, into=ana, reverses=paid)  # as `reverse` makes it
    for each in (ana, other):
        fund = book("2025-11-14T15:00", "40", out_of=each, category="Savings")
        book("2025-11-14T16:00", "15", into=each, reverses=fund)
    savings = AccountFactory(user=ana.user)
    book("2025-11-15", "5", out_of=ana, into=savings, category="food")
    services.hold(from_account=ana, amount=Decimal(5), metadata={"category": "food"})
    categorise(ana.user)
    return ana


def categorise(ana: User) -> None:
    """Her own categories, in place of the rows' or where they have none. Only she has them."""
    rows = Transaction.objects.visible_to(ana)
    for category, of in (
        ("commuting", rows.filter(amount__in=[Decimal("9.50"), Decimal("5")])),
        ("trips", rows.filter(category="Travel")),
        ("lunch", rows.filter(category="food", amount=30)),
        ("given back", rows.filter(reverses__isnull=False, amount=12)),
    ):
        assert give_category(owner=ana, rows=of, category=category, change=uuid7())


def came_to(client: Client, url: str) -> tuple[Decimal, Decimal]:
    """What came in and what went out, as the search says it above its hits."""
    response = client.get(url)
    page = response.context["page"]
    assert not page.result.mistakes, url
    (total,) = page.result.facets.totals
    came = total.money_in, total.money_out
    ways = zip(came, ("in", "out"), strict=True)
    said = [f"{money(amount, total.currency)} {way}" for amount, way in ways if amount]
    shown = ", " + " and ".join(said).replace("\xa0", " ")
    assert shown in text_of(response).replace(" ,", ","), url
    return came


def hits(client: Client, url: str) -> tuple[int, Decimal]:
    """How many rows the search finds, and what they come to."""
    page = client.get(url).context["page"]
    assert not page.result.mistakes, url
    rows = page.result.rows
    return len(rows), sum((row.amount for row in rows), Decimal(0))


def linked(response: Any, column: str) -> list[tuple[Any, str]]:
    """Each row with the address behind its value in a column."""
    run = response.context["run"]
    place = [each.name for each in run.report.columns].index(column)
    pairs = zip(run.rows, run.table, strict=True)
    return [(row, cells[place].url) for row, cells in pairs if cells[place].url]


@pytest.fixture(params=["mine", "bank", "bank without names"])
def reader(request: pytest.FixtureRequest, client: Client, books: Account) -> str:
    readers = {"mine": lambda: books.user, "bank": clerk, "bank without names": analyst}
    client.force_login(readers[request.param]())
    return str(request.param)


def test_spending(client: Client, reader: str) -> None:
    """Each figure is what the search comes to: one way, or for a net both."""
    response = get(client, "spending-by-category")
    names = ("spent", "given_back", "net", "before")
    spent, back, net_, before = (linked(response, name) for name in names)
    is_mine = reader == "mine"
    assert {"commuting", "trips"} <= {row["spent_on"] for row, _url in net_} or not is_mine
    assert (len(spent), len(net_)) == ((5, 7) if is_mine else (3, 4))
    assert (len(back), len(before)) == ((2, 2) if is_mine else (1, 2))
    for row, url in spent:
        assert came_to(client, url) == (0, row["spent"])
    for row, url in back:
        assert came_to(client, url) == (row["given_back"], 0)
    for name, pairs in (("net", net_), ("before", before)):
        for row, url in pairs:
            money_in, money_out = came_to(client, url)
            assert money_out - money_in == row[name]
    run = response.context["run"]
    for row, mark in zip(run.rows, run.chart.marks, strict=True):
        if row["net"]:
            assert mark.value == row["net"]
            money_in, money_out = came_to(client, mark.url)
            assert money_out - money_in == mark.value


def test_sizes(client: Client, reader: str) -> None:
    rows = linked(get(client, "amount-distribution"), "payments")
    assert len(rows) >= 3
    for row, url in rows:
        assert hits(client, url) == (row["payments"], row["total"])


def test_usual_amounts(client: Client, reader: str) -> None:
    response = get(client, "amount-percentiles")
    for row, url in linked(response, "payments"):
        assert hits(client, url)[0] == row["payments"]
    for row, url in linked(response, "usual"):
        assert hits(client, url)[1] % row["usual"] == 0


def test_hours(client: Client, reader: str) -> None:
    response = get(client, "by-weekday-and-hour")
    rows = linked(response, "payments")
    assert len(rows) >= 3
    for row, url in rows:
        assert hits(client, url) == (row["payments"], row["total"])
    marks = response.context["run"].chart.marks
    assert len(marks) == len(rows)
    for mark in marks:
        assert hits(client, mark.url)[1] == mark.value


def test_cohorts(client: Client, reader: str, books: Account) -> None:
    """Each cell leads to what its people paid in that month: as many people as it says."""
    if reader == "mine":
        return
    User.objects.update(created_at=moment("2026-01-01"))
    zoltan = Account.objects.get(user__name="Zoltan").user
    for user, joined in ((books.user, "2025-10-31T23:59"), (zoltan, "2025-11-01T00:00")):
        User.objects.filter(pk=user.pk).update(created_at=moment(joined))
    response = get(client, "cohorts", since="2025-10-01", until="2025-11-30")
    pairs = linked(response, "active")
    assert [(row["joined"].month, row["month"].month) for row, _ in pairs] == [
        (10, 10), (10, 11), (11, 11),
    ]  # fmt: skip
    for row, url in pairs:
        payers = {found.from_account.user_id for found in rows_at(client, url)}  # type: ignore[union-attr]
        assert len(payers) == row["active"] == 1
    urls = [mark.url for mark in response.context["run"].chart.marks if mark.value]
    assert urls == [url for _, url in pairs]


def test_top_spenders(client: Client, reader: str) -> None:
    if reader == "mine":
        return
    response = get(client, "top-spenders", since="2025-10-01")
    assert len(response.context["run"].rows) == 2
    for row, url in linked(response, "spent"):
        assert hits(client, url) == (row["payments"], row["spent"])
        assert came_to(client, url) == (0, row["spent"])
    assert [url for _, url in linked(response, "payments")] == [
        url for _, url in linked(response, "spent")
    ]
    for row, url in linked(response, "given_back"):
        assert came_to(client, url) == (row["given_back"], 0)
        assert row["given_back"] > 0
    run = response.context["run"]
    nets = linked(response, "net")
    assert [url for _, url in nets] == [mark.url for mark in run.chart.marks]
    for row, url in nets:
        numbers = Account.objects.filter(user=row["holder"]).values_list("number", flat=True)
        assert -net(rows_at(client, url), list(numbers)) == row["net"]
        money_in, money_out = came_to(client, url)
        assert money_out - money_in == row["net"]


def test_keys(client: Client, reader: str) -> None:
    for row, url in linked(get(client, "metadata-keys"), "key"):
        assert hits(client, url)[0] == row["row_count"]


@override_settings(TIME_ZONE="Europe/Berlin")
def test_an_hour_leads_to_just_its_payments_by_the_banks_clock(client: Client) -> None:
    account = funded()
    client.force_login(account.user)
    book("2025-11-02T23:30", "10", out_of=account)  # a Monday there, half past midnight
    book("2025-11-09T23:59", "20", out_of=account)
    book("2025-11-16T22:59", "1", out_of=account)
    book("2025-11-17T00:00", "2", out_of=account)
    response = get(client, "by-weekday-and-hour")
    assert "weekday:mon hour:0" in searches(response)[0]
    ((_, url), *_) = linked(response, "payments")
    assert hits(client, url) == (2, 30)


def rows_at(client: Client, url: str) -> list[Transaction]:
    """The rows of a search, which has to understand all of its address."""
    page = client.get(url).context["page"]
    assert not page.result.mistakes, url
    assert not page.result.has_more, "more than a page: count it otherwise"
    return list(page.result.rows)


def net(rows: list[Transaction], numbers: Collection[str]) -> Decimal:
    """What booked rows brought these accounts."""
    change = Decimal(0)
    for row in rows:
        for side, sign in ((row.to_account, 1), (row.from_account, -1)):
            change += sign * row.amount if _known(side) & set(numbers) else 0
    return change


def _known(side: Account | None) -> set[str]:
    """By what a report may find an account: its number, or its id."""
    return {side.number, str(side.pk)} if side else set()


def _sides(row: Transaction) -> set[str]:
    return _known(row.from_account) | _known(row.to_account)


def rows_of(numbers: Collection[str]) -> set[Transaction]:
    return {row for row in Transaction.objects.all() if _sides(row) & set(numbers)}


def numbers_of(reader: str, books: Account) -> set[str]:
    accounts = Account.objects.all() if reader != "mine" else books.user.accounts.all()
    return {account.number for account in accounts}


@pytest.mark.parametrize(
    ("at", "days"),
    [("2025-12-01T00:00:00", "date:..2025-11-30"), ("2025-11-12T23:59:59", "date:..2025-11-12")],
)
def test_trial_balance(client: Client, reader: str, at: str, days: str) -> None:
    response = get(client, "trial-balance", at=at, turnover="all")
    debits, credits_ = linked(response, "debit"), linked(response, "credit")
    assert len(debits) == (1 if reader == "mine" else 2)
    assert len(credits_) >= len(debits)
    for name, way, pairs in (("debit", "out", debits), ("credit", "in", credits_)):
        for row, url in pairs:
            assert hits(client, url)[1] == row[name]
            assert came_to(client, url) == ((0, row[name]) if way == "out" else (row[name], 0))
            assert f"is:booked account:{row['account_key']} is:{way} {days}" in asked_of(url)
    for row, url in linked(response, "who"):
        assert set(rows_at(client, url)) == rows_of([row["account_key"]])
    marks = {mark.label: mark for mark in response.context["run"].chart.marks}
    moved = [row for row in response.context["run"].rows if row["debit"] or row["credit"]]
    assert {row["who"] for row in moved} == set(marks)
    for row in moved:
        mark = marks[row["who"]]
        assert (mark.value, mark.comparison) == (row["credit"], row["debit"])
        assert net(rows_at(client, mark.url), [row["account_key"]]) == row["credit"] - row["debit"]


def test_turnover_of_a_month(client: Client, reader: str) -> None:
    response = get(client, "trial-balance", at="2025-12-01T00:00:00", turnover="month")
    for name in ("debit", "credit"):
        for row, url in linked(response, name):
            assert "date:2025-11-01..2025-11-30" in asked_of(url)
            assert sum(came_to(client, url)) == row[name]


def test_accounts_by_balance(client: Client, reader: str) -> None:
    response = get(client, "accounts-by-balance")
    pairs = linked(response, "who")
    assert len(pairs) == (2 if reader == "mine" else 3)
    for row, url in pairs:
        assert set(rows_at(client, url)) == rows_of([row["account_key"]])
    for row, mark in zip(
        response.context["run"].rows, response.context["run"].chart.marks, strict=True
    ):
        assert set(rows_at(client, mark.url)) == rows_of([row["account_key"]])


def test_people_by_balance(client: Client, reader: str) -> None:
    if reader == "mine":
        return
    pairs = linked(get(client, "users-by-balance"), "who")
    assert sorted(len(row["account_key"]) for row, _ in pairs) == [1, 2]
    for row, url in pairs:
        assert asked_of(url).count("currency:USD") == len(row["account_key"]), (
            "in each side of the or"
        )
        assert set(rows_at(client, url)) == rows_of(row["account_key"])


def test_running_total(client: Client, reader: str) -> None:
    response = get(client, "running-total", since="2025-10-01")
    pairs = linked(response, "net")
    assert len(pairs) >= 3
    for row, url in pairs:
        assert net(rows_at(client, url), row["account_key"]) == row["net"]
    if reader != "mine":
        assert any(" or account:" in asked_of(url) for _, url in pairs)
    wholes: dict[str, list[Any]] = {}
    for row in response.context["run"].rows:
        wholes.setdefault(row["who"], []).append(row)
    for mark in response.context["run"].chart.marks:
        moved = {each for row in wholes[mark.label] for each in row["account_key"]}
        assert net(rows_at(client, mark.url), moved) == mark.value == wholes[mark.label][0]["whole"]


def test_balance_over_time(client: Client, reader: str, books: Account) -> None:
    whole = linked(get(client, "balance-over-time", step="day"), "change")
    assert len(whole) >= 5
    for row, url in whole:
        assert net(rows_at(client, url), numbers_of(reader, books)) == row["change"]
    if reader == "bank without names":
        return  # who may not ask for one account by its number
    alone = linked(get(client, "balance-over-time", step="day", number=books.number), "change")
    assert len(alone) >= 5
    for row, url in alone:
        assert net(rows_at(client, url), [books.number]) == row["change"]


def test_money_by_month(client: Client, reader: str) -> None:
    response = get(client, "money-by-month", since="2025-10-01")
    for name in ("money_in", "money_out"):
        pairs = linked(response, name)
        assert pairs or reader != "mine"
        for row, url in pairs:
            assert hits(client, url)[1] == row[name]


def test_a_movement_out_of_the_ordinary(client: Client, reader: str, books: Account) -> None:
    account = funded(user=books.user)
    for day in range(1, 29):
        book(f"2025-12-{day:02}", f"{10 + day % 2}", out_of=account, category="tea")
    large = book("2025-12-30", "900", out_of=account, category="tea")
    response = get(client, "unusual-movements", since="2025-12-29", until="2025-12-31")
    ((row, url),) = linked(response, "amount")
    assert row["amount"] == 900
    assert rows_at(client, url) == [large]
    assert linked(response, "what") in ([], [(row, url)])
    (mark,) = response.context["run"].chart.marks
    assert rows_at(client, mark.url) == [large]


def test_a_query_too_long_to_be_read_whole_is_no_link(books: Account) -> None:
    asked = ReportParameters(scope_for(books.user), {"currency": "USD"})
    many = " or ".join(f"account:{number}" for number in range(19))
    assert asked.search_page(many)
    assert asked.search_page(f"{many} or account:19") == ""
    assert asked.search_page(" ".join(["x" * 190] * 6)) == ""


def asked_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["q"][0]
