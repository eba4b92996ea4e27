"""A statement with a filter shows how many entries match, and their sums, on all pages."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Account
from ledger.db.queries.work import watched
from tests.factories import AccountFactory
from tests.pages import lacks, text_of, texts_of
from tests.transactions.statements.pages import entries_in, page_of
from transactions import services
from transactions.statements import page as statements
from transactions.statements import totals, views
from transactions.statements.page import Filters, statement_page

pytestmark = pytest.mark.django_db
HEAD, FIGURE = "page-head__sentence", "page-head__figure"


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "PAGE", 7)


@pytest.fixture(params=["one page", "several pages"])
def any_pages(request: pytest.FixtureRequest) -> None:
    """All entries are on one page, whose sums need no query, or they are not."""
    if request.param == "several pages":
        request.getfixturevalue("short_pages")


@pytest.mark.usefixtures("any_pages")
@pytest.mark.parametrize(
    ("query", "head"),
    [
        ({"q": "rent"}, "10 entries, 30.00 USD out"),
        ({"q": "rent 4"}, "1 entry, 3.00 USD out"),
        ({"q": "pay or rent"}, "20 entries, 100.00 USD in and 30.00 USD out"),
        ({"direction": "in"}, "10 entries, 100.00 USD in"),
        ({"direction": "out"}, "20 entries, 50.00 USD out"),
        ({"direction": "out", "q": "groceries", "start": "2026-03-12"}, "8 entries, 16.00 USD out"),
        ({"start": "2026-03-12", "end": "2026-03-15"},
         "12 entries, 40.00 USD in and 20.00 USD out"),
        ({"start": "2026-03-17"}, "9 entries, 30.00 USD in and 15.00 USD out"),
        ({"end": "2026-03-12"}, "9 entries, 30.00 USD in and 15.00 USD out"),
    ],
)  # fmt: skip
def test_the_first_thing_on_the_page_is_the_sum_of_what_matches(
    ana: Client, account: Account, query: dict[str, str], head: str
) -> None:
    response = page_of(ana, account, **query)
    assert [text.replace("\xa0", " ") for text in texts_of(response, HEAD)] == [head]
    assert texts_of(response, FIGURE) == []
    assert "Available 50.00 Booked 50.00" in text_of(response)


@pytest.mark.usefixtures("short_pages")
def test_every_page_has_the_same_totals(ana: Client, account: Account) -> None:
    urls, seen = [f"/accounts/{account.pk}/?q=rent+or+pay"], 0
    while urls[-1]:
        response = ana.get(urls[-1])
        totals_ = response.context["page"].totals
        assert (totals_.count, totals_.money_in, totals_.money_out) == (20, 100, 30)
        seen += len(entries_in(response))
        urls.append(response.context["links"]["older_url"])
    assert (seen, len(urls)) == (20, 4)
    newer = ana.get(ana.get(urls[-2]).context["links"]["newer_url"]).context["page"]
    assert newer.totals == totals_


@pytest.mark.parametrize("query", [{}, {"q": "zebra"}, {"direction": "sideways"}])
def test_without_a_filter_or_a_match_the_balance_comes_first(
    ana: Client, account: Account, query: dict[str, str]
) -> None:
    response = page_of(ana, account, **query)
    assert texts_of(response, FIGURE) == ["50.00"]
    assert texts_of(response, HEAD) == []
    assert "Available" not in text_of(response)


def test_holds_are_neither_counted_nor_summed(ana: Client, account: Account) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    hold = services.hold(
        from_account=account, to_account=mara, amount=Decimal(4), description="Rent"
    )
    response = page_of(ana, account, q="rent")
    assert response.context["page"].totals.count == 10
    services.capture(hold=hold)
    captured = page_of(ana, account, q="rent").context["page"].totals
    assert (captured.count, captured.money_out) == (11, 34)


class TestMany:
    """More entries than are counted: the newest COUNTED are, and the page says so."""

    @pytest.fixture(autouse=True)
    def few_are_counted(self, monkeypatch: pytest.MonkeyPatch, short_pages: None) -> None:
        monkeypatch.setattr(totals, "COUNTED", 8)

    def test_the_newest_are_counted(self, ana: Client, account: Account) -> None:
        response = page_of(ana, account, q="rent or pay")
        (head,) = texts_of(response, HEAD)
        assert not lacks(head.replace("\xa0", " "), "More than 8 entries", "40.00 USD in",
                         "12.00 USD out")  # fmt: skip
        said = text_of(response)
        assert "Counts and totals cover only the newest 8 entries." in said
        assert "the balance changed" not in said

    def test_exactly_as_many_are_not_too_many(self, ana: Client, account: Account) -> None:
        response = page_of(ana, account, q="rent", start="2026-03-12")
        assert texts_of(response, HEAD)[0].startswith("8 entries")
        assert "cover only" not in text_of(response)

    @pytest.mark.parametrize(
        ("period", "change"),
        [
            ({"start": date(2026, 3, 12)}, 40),
            ({"end": date(2026, 3, 15)}, 30),
            ({"start": date(2026, 3, 12), "end": date(2026, 3, 15)}, 20),
        ],
    )
    def test_a_period_has_the_exact_change_of_the_balance(
        self, ana: Client, account: Account, period: dict[str, date], change: int
    ) -> None:
        days = {name: day.isoformat() for name, day in period.items()}
        response = page_of(ana, account, **days)
        assert response.context["page"].totals.change == change
        assert f"In the whole period the balance changed by +{change}.00." in text_of(response)
        both = page_of(ana, account, **days, q="rent or pay").context["page"].totals
        assert both.change is None

    def test_paper_names_the_limit_once(
        self, ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(views, "ON_PAPER", 7)
        said = text_of(page_of(ana, account, start="2026-03-12", paper=1))
        assert "The newest 8 entries: 20.00 USD in and 15.00 USD out." in said
        assert "In the whole period the balance changed by +40.00." in said
        assert "cover only" not in said


def test_paper_has_the_totals_too(ana: Client, account: Account, short_pages: None) -> None:
    picked = page_of(ana, account, q="rent", paper=1)
    assert texts_of(picked, HEAD)[0].startswith("10 entries")
    period = page_of(ana, account, start="2026-03-12", paper=1)
    assert texts_of(period, FIGURE) == ["50.00"]
    assert "80.00 came in and 40.00 went out" in text_of(period)
    assert "In the whole period" not in text_of(period)


def test_a_part_of_a_period_on_paper_has_the_totals_of_the_period(
    ana: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "ON_PAPER", 7)
    said = text_of(page_of(ana, account, start="2026-03-12", paper=1))
    assert "20.00 came in and 12.00 went out" in said
    assert "In the whole period: 24 entries, 80.00 USD in and 40.00 USD out." in said


def test_nothing_is_counted_without_a_filter(account: Account, short_pages: None) -> None:
    def sent(filters: Filters) -> list[str]:
        with watched() as work:
            statement_page(account, filters)
        return [query.sql for query in work.queries if "COUNT(" in query.sql.upper()]

    assert sent(Filters()) == []
    assert len(sent(Filters(direction="out"))) == 1


def test_what_is_on_one_page_is_summed_without_a_query(
    account: Account, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        page = statement_page(account, Filters(direction="in"))
    assert page.totals is not None
    assert page.totals.money_in == 100
