"""Every table of a page as CSV and JSON: links, filters, contents, and for whom."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client

from accounts.models import Account, Read, User
from tests.banking.outside.files import imported, outside_account
from tests.banking.payment_files.files import checked
from tests.banking.payment_files.files import pay as line
from tests.banking.standing_orders.orders import order_of
from tests.conftest import signed_in
from tests.factories import UserFactory
from tests.transactions.reports.books import analyst, clerk
from tests.transactions.table_files import body_of, csv_of, json_of
from transactions import services
from transactions.categories.budgets import save_budget
from transactions.models import Transaction
from transactions.payees.services import save_payee

pytestmark = pytest.mark.django_db(transaction=True)
Books = dict[str, Transaction]
LINK = re.compile(r'href="([^"]+(?<!metadata)\.(?:csv|json)[^"]*)" download')


@pytest.fixture
def everyday(ana: User) -> Account:
    found: Account = ana.accounts.get(name="Everyday")
    return found


@pytest.fixture
def pages(books: Books, everyday: Account, mara: Account) -> dict[str, str]:
    """The pages with a table, by the name of the table."""
    save_payee(owner=everyday.user, account=mara, name="Mara")
    save_budget(owner=everyday.user, category="rent", currency="USD", amount=Decimal(900))
    order_of(everyday, mara)
    outside = outside_account(owner=everyday.user, currency="USD")
    imported(outside, "Date,Amount\n2026-11-02,5\n")
    file = checked(everyday, line(mara, 5), line(mara, 2))
    return {
        "home": "/",
        "statement": f"/accounts/{everyday.pk}/?q=rent&direction=out",
        "search": "/search/?q=march&sort=oldest",
        "report": "/reports/money-by-month/?since=2026-01-01&until=2026-12-31",
        "payment files": "/transfers/files/",
        "payment file": f"/transfers/files/{file.pk}/",
        "receipt": f"/transactions/{books['rent'].pk}/",
        "payees": "/payees/",
        "budgets": "/budgets/",
        "standing orders": "/standing-orders/",
        "outside accounts": "/outside/",
        "outside account": f"/outside/{outside.pk}/",
        "browse": "/explorer/browse/?q=rent&by=month",
    }


TABLES = [
    "home", "statement", "search", "report", "payment files", "payment file", "receipt",
    "payees", "standing orders", "outside accounts", "outside account", "browse",
]  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_each_page_links_both_files_of_its_table_with_its_filters(
    customer: Client, pages: dict[str, str], name: str
) -> None:
    page = customer.get(pages[name]).content.decode()
    links = [link.replace("&amp;", "&") for link in LINK.findall(page)]
    assert len(links) == 2, links
    in_csv, in_json = csv_of(customer, links[0]), json_of(customer, links[1])
    assert in_csv, "there is something to download"
    assert [list(row) for row in in_csv] == [list(row) for row in in_json]
    for plain, exact in zip(in_csv, in_json, strict=True):
        for column, cell in exact.items():
            assert plain[column].removeprefix("'") == ("" if cell is None else str(cell)), column


def test_the_files_of_a_search_hold_all_that_it_finds(customer: Client, books: Books) -> None:
    own = {str(row.pk) for name, row in books.items() if name not in ("hers", "theirs", "secret")}
    found = json_of(customer, "/search/results.json", q="date:2026")
    assert {row["transaction"] for row in found} == own
    times = [datetime.fromisoformat(row["created_at"]) for row in found]
    assert times == sorted(times, reverse=True)
    oldest = json_of(customer, "/search/results.json", q="date:2026", sort="oldest")
    assert oldest == found[::-1]


def test_a_row_of_a_search_reads_as_on_the_page(customer: Client, books: Books) -> None:
    (rent,) = json_of(customer, "/search/results.json", q="rent -rental")
    assert rent["amount"] == "-400.00"
    assert (rent["from"], rent["to"], rent["direction"]) == ("Everyday", "Mara Lindt", "out")
    assert (rent["reference"], rent["category"], rent["currency"]) == ("INV-7", "rent", "USD")
    (saved,) = json_of(customer, "/search/results.json", q="aside")
    assert (saved["direction"], saved["amount"]) == ("own", "100.00")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("sort", ["newest", "oldest"])
@pytest.mark.parametrize("whose", ["mine", "bank"])
def test_no_batch_leaves_a_row_out_or_has_it_twice(
    ana: User, books: Books, monkeypatch: pytest.MonkeyPatch, size: int, sort: str, whose: str
) -> None:
    reader = signed_in(clerk() if whose == "bank" else ana)
    expected = json_of(reader, "/search/results.json", q="date:2026", sort=sort, whose=whose)
    monkeypatch.setattr("transactions.search.batches.ROWS_PER_BATCH", size)
    monkeypatch.setattr("transactions.search.page.file.ROWS_PER_BATCH", size)
    found = json_of(reader, "/search/results.json", q="date:2026", sort=sort, whose=whose)
    assert found == expected
    assert len(found) == (10 if whose == "bank" else 7)


def test_a_search_without_matches_is_an_empty_table(customer: Client, books: Books) -> None:
    assert json_of(customer, "/search/results.json", q="zebra") == []
    assert csv_of(customer, "/search/results.csv", q="zebra") == []


def test_a_receipt_has_the_balance_of_ones_own_side_alone(
    customer: Client, books: Books, everyday: Account, mara: Account
) -> None:
    sides = json_of(customer, f"/transactions/{books['rent'].pk}/sides.json")
    assert [(row["side"], row["name"], row["amount"], row["balance"]) for row in sides] == [
        ("from", "Everyday", "-400.00", "600.00"),
        ("to", "Mara Lindt", "400.00", None),
    ]
    assert [row["account_number"] for row in sides] == [everyday.number, mara.number]


def test_a_hold_has_its_sides_too(customer: Client, books: Books, everyday: Account) -> None:
    hold = services.hold(from_account=everyday, amount=Decimal(5))
    (side,) = json_of(customer, f"/transactions/{hold.pk}/sides.json")
    assert (side["status"], side["balance"]) == ("pending", None)


def test_the_home_page_and_its_file_have_the_same_entries(customer: Client, books: Books) -> None:
    shown = customer.get("/").context["home"].latest
    filed = json_of(customer, "/latest.json")
    assert [row["transaction"] for row in filed] == [str(e.transaction_id) for e in shown]
    assert {row["account"] for row in filed} == {"Everyday", "Holiday pot"}


def test_a_reader_without_names_gets_neither_names_nor_texts(books: Books) -> None:
    query = {"q": "date:2026", "whose": "bank"}
    masked = json_of(signed_in(analyst()), "/search/results.json", **query)
    assert len(masked) == 10
    for row in masked:
        assert (row["description"], row["reference"]) == (None, None)
        for name in (row["from"], row["to"]):
            assert name is None or name.startswith("Account ··")
    named = json_of(signed_in(clerk()), "/search/results.json", **query)
    assert {"Zelenka Stranger", "Mara Lindt"} <= {row["to"] for row in named}


def test_a_file_of_the_bank_is_in_the_log_of_reads(books: Books, mara: Account) -> None:
    reader = clerk()
    json_of(signed_in(reader), "/search/results.json", q="secretword", whose="bank")
    read = Read.objects.get(reader=reader)
    sides = (books["secret"].from_account, books["secret"].to_account)
    assert {side.user_id for side in sides if side} == set(read.people)


STRANGERS: list[Callable[[dict[str, str]], str]] = [
    lambda pages: pages["statement"].partition("?")[0] + "statement.{}",
    lambda pages: pages["payment file"] + "result.{}",
    lambda pages: pages["receipt"] + "sides.{}",
]


@pytest.mark.parametrize("url", STRANGERS)
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_strangers_get_no_file(
    pages: dict[str, str], url: Callable[[dict[str, str]], str], kind: str
) -> None:
    stranger = signed_in(UserFactory(name="Nobody"))
    assert stranger.get(url(pages).format(kind)).status_code == 404


def test_a_report_that_cannot_run_says_so_in_the_format_of_the_file(
    customer: Client, books: Books
) -> None:
    answer: Any = customer.get("/reports/money-by-month/report.json", {"since": "2026-13-01"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Type a day like 2026-03-14."


class LostAt:
    """Fails one statement of a request, as a lost connection does."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, execute: Any, *statement: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise OperationalError from psycopg.errors.AdminShutdown()
        return execute(*statement)


@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize("name", TABLES)
def test_whichever_statement_fails_a_short_file_is_whole_or_503(
    customer: Client, pages: dict[str, str], name: str, kind: str
) -> None:
    page = customer.get(pages[name]).content.decode()
    url = next(link for link in LINK.findall(page) if f".{kind}" in link).replace("&amp;", "&")
    whole = body_of(customer, url)
    failed = 0
    customer.raise_request_exception = False
    for number in count(1):
        lost = LostAt(number)
        with connection.execute_wrapper(lost):
            answer: Any = customer.get(url)
            text = b"".join(answer).decode()
        if lost.left > 0:
            break
        failed += answer.status_code == 503
        assert answer.status_code == 503 or (answer.status_code, text) == (200, whole)

    assert failed
    assert (answer.status_code, text) == (200, whole)
