"""Every report's page and file: the same rows, mistakes in place, a limit, one instant."""

import csv
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Account, Read, User
from accounts.numbers import with_check_digits
from ledger.text.lines import category_label
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks, without_token
from tests.transactions.reports.books import analyst, clerk, pay, payment
from transactions import services
from transactions.reports import file, runner
from transactions.reports.catalogue import BY_SLUG, REPORTS
from transactions.reports.forms import ReportForm
from transactions.reports.report import Column, Report, ReportParameters
from transactions.reports.runner import run

pytestmark = pytest.mark.django_db
ALL = [pytest.param(report, id=report.slug) for report in REPORTS]
OWN = [pytest.param(report, id=report.slug) for report in REPORTS if not report.bank_only]
EVIL = "=HYPERLINK(1) <img src=x onerror=alert(1)>"


@pytest.fixture
def customer() -> User:
    """Somebody with two accounts and three months of payments, some of them given odd words."""
    user: User = UserFactory(name=EVIL, created_at=timezone.now() - timedelta(days=100))
    account = AccountFactory(user=user, name="@Everyday", overdraft_limit=Decimal(9000))
    savings = AccountFactory(user=user, name="Savings")
    today = timezone.localdate()
    payments = []
    for back in range(90, 0, -3):
        when = f"{today - timedelta(days=back)}"
        facts = {"metadata": {"category": EVIL if back % 2 else "food", "=key": {"-inner": back}}}
        payments += [
            payment(account, None, f"{back}.50", f"{when}T09:00", **facts),
            payment(None, account, f"{back * 2}", f"{when}T10:00"),
            payment(account, savings, "1", f"{when}T11:00"),
        ]
    noon, food = f"{today - timedelta(days=1)}T12:00", {"category": "food"}
    services.post_batch([*payments, payment(account, None, "5000", noon, metadata=food)])
    return user


def test_the_form_shows_the_currency_of_the_account_that_was_asked_for() -> None:
    account = AccountFactory(currency="JPY")
    AccountFactory(user=account.user, currency="EUR")
    form = BY_SLUG["balance-over-time"].bind_form(
        {"number": account.number, "currency": "EUR"}, account.user
    )
    assert form.is_valid(), form.errors
    assert (form.cleaned_data["currency"], form["currency"].value()) == ("JPY", "JPY")


def test_a_number_that_no_account_has_is_an_error_of_its_field() -> None:
    account = AccountFactory()
    form = BY_SLUG["balance-over-time"].bind_form(
        {"number": with_check_digits("9999999999"), "whose": "bank"}, clerk()
    )
    assert account.number != form["number"].value()
    assert list(form.errors) == ["number"]


def asked_of(report: Report, reader: User, **data: str) -> ReportParameters:
    form = report.bind_form(data, reader)
    assert form.is_valid(), form.errors
    return ReportParameters(form.scope, form.params)


class TableOfPage(HTMLParser):
    """The cells of the first table's body."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.within = False
        body = re.search(r"<tbody>(.*?)</tbody>", page, re.DOTALL)
        self.feed(body[1] if body else "")

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.within = True

    def handle_endtag(self, tag: str) -> None:
        self.within = self.within and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.within:
            self.rows[-1][-1] += data


def assert_same(shown: str, filed: str, kind: str) -> None:
    """A cell as people read it is that of the file, which is exact and plain."""
    if shown == "\N{EN DASH}":
        assert filed == ""
    elif kind in ("money", "change", "count", "score", "percent"):
        exact = Decimal(filed) * (100 if kind == "percent" else 1)
        read = Decimal(re.sub(r"[^\d.-]", "", shown.replace("\N{MINUS SIGN}", "-")))
        assert abs(read - exact) <= {"percent": Decimal("0.05"), "score": Decimal("0.05")}.get(
            kind, Decimal(0)
        )
    elif kind == "day":
        day = date.fromisoformat(filed)
        assert shown == f"{day.day} {day:%B %Y}"
    elif kind == "month":
        assert shown == f"{date.fromisoformat(filed):%B %Y}"
    else:
        assert filed.removeprefix("'") == shown


def read(client: Client, url: str, **data: str) -> tuple[str, list[list[str]]]:
    """A report's page, and its file line by line."""
    page = client.get(url, data)
    assert page.status_code == 200
    answer = client.get(f"{url}report.csv", data)
    assert answer.streaming
    chunks: Iterable[bytes] = answer.streaming_content  # type: ignore[attr-defined]
    text = b"".join(chunks).decode()
    return page.content.decode(), list(csv.reader(text.splitlines()))


@pytest.mark.parametrize("report", ALL)
@pytest.mark.parametrize("who", ["customer", "clerk", "analyst"])
def test_the_file_has_what_the_table_shows(
    client: Client, customer: User, report: Report, who: str
) -> None:
    reader = {"customer": lambda: customer, "clerk": clerk, "analyst": analyst}[who]()
    client.force_login(reader)
    if report.bank_only and who == "customer":
        assert client.get(report.url).status_code == 404
        return
    page, (head, *lines) = read(client, report.url)
    table = TableOfPage(page).rows
    assert head == [column.name for column in report.columns]
    assert table, "the books have something for every report"
    assert len(table) == min(len(lines), report.page_rows)
    for shown, line in zip(table, lines, strict=False):
        for column, text, cell in zip(report.columns, shown, line, strict=True):
            filed = category_label(cell) if column.label == "Category" else cell
            assert_same(text, filed, "text" if column.text else column.kind)


def test_a_file_comes_through_a_server_side_cursor(
    client: Client, customer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, chunked = [], connection.chunked_cursor

    def counted() -> Any:
        used.append(1)
        return chunked()

    monkeypatch.setattr(connection, "chunked_cursor", counted)
    client.force_login(customer)
    read(client, BY_SLUG["money-by-month"].url)
    assert used == [1]


@pytest.mark.parametrize("report", ALL)
def test_no_cell_of_a_file_is_a_formula_and_no_text_of_a_page_is_markup(
    client: Client, customer: User, report: Report
) -> None:
    client.force_login(clerk())
    page, lines = read(client, report.url)
    words = [cell for line in lines for cell in line if not re.fullmatch(r"[-+]?[\d.]*", cell)]
    assert not [cell for cell in words if cell.startswith(("=", "+", "-", "@"))]
    assert "<img src=x" not in page


@pytest.mark.parametrize("report", ALL)
def test_the_page_shows_its_work_and_its_plans(
    client: Client, customer: User, report: Report
) -> None:
    client.force_login(clerk())
    page = client.get(report.url, {"plans": "1"}).content.decode()
    assert f"def {report.function.__name__}(" in re.sub("<[^>]+>", "", page)
    assert f"reports.{report.function.__name__}(scope" in page
    assert "Execution Time" in page
    assert len(page) < 90_000


def test_plans_are_offered_until_they_are_shown(client: Client, customer: User) -> None:
    client.force_login(clerk())
    url = BY_SLUG["money-by-month"].url
    plain, explained = (client.get(url, asked).context["panel"] for asked in ({}, {"plans": "1"}))
    assert (plain.is_open, plain.plans_url) == (False, "?plans=1#work")
    assert (explained.is_open, explained.plans_url) == (True, "")


@pytest.mark.parametrize("report", ALL)
def test_what_is_pasted_into_the_shell_gives_the_same_rows(customer: User, report: Report) -> None:
    found = run(report, asked_of(report, clerk()))
    *setting, call = found.in_shell.splitlines()
    names: dict[str, Any] = {"User": User}
    exec("\n".join(setting), names)  # noqa: S102  our own text, as a developer would paste it
    assert list(eval(call, names)) == list(found.rows)  # noqa: S307


@pytest.mark.parametrize("report", ALL)
def test_without_any_money_the_page_says_so(client: Client, report: Report) -> None:
    client.force_login(clerk())
    page = client.get(report.url)
    assert page.status_code == 200
    assert "There is no account yet" in page.content.decode()


@pytest.mark.parametrize("report", ALL)
def test_an_account_without_an_entry_breaks_nothing(client: Client, report: Report) -> None:
    account = AccountFactory()
    for reader in (account.user, clerk()):
        client.force_login(reader)
        assert client.get(report.url).status_code in (200, 404 if report.bank_only else 200)


@pytest.mark.parametrize(
    ("slug", "data", "said"),
    [
        ("money-by-month", {"since": "2026-13-01"}, "Type a day like 2026-03-14."),
        ("money-by-month", {"since": "2026-02-30"}, "Type a day like 2026-03-14."),
        ("money-by-month", {"since": "2026-03-02", "until": "2026-03-01"}, "Swap them"),
        ("money-by-month", {"since": "0001-01-01"}, "Type a year between 1900 and 2999."),
        ("money-by-month", {"currency": "XXX"}, "There is no account in XXX. Choose"),
        (
            "money-by-month",
            {"currency": "<script>"},
            "There is no account in &lt;script&gt;. Choose",
        ),
        (
            "balance-over-time",
            {"step": "hour"},
            "“hour” is not a choice here. Choose automatic, daily",
        ),
        ("balance-over-time", {"since": "1900-01-01", "step": "day"}, "Choose a longer step"),
        (
            "balance-over-time",
            {"number": "123"},
            "“123” is not a choice here. Choose all accounts",
        ),
        ("trial-balance", {"at": "yesterday"}, "Type a day and a time like 2026-03-14T08:30."),
        ("trial-balance", {"at": "1500-01-01T00:00"}, "Type a year between 1901 and 2998."),
        ("trial-balance", {"turnover": "never"}, "Choose of its month, of its year or from"),
    ],
)
def test_a_mistake_gets_a_sentence_in_place_and_nothing_is_run(
    client: Client, customer: User, monkeypatch: pytest.MonkeyPatch, slug: str, data: Any, said: str
) -> None:
    client.force_login(customer)

    def refuse(*_args: Any, **_asked: Any) -> Any:
        raise AssertionError("nothing is to be run")

    monkeypatch.setattr("transactions.reports.views.run", refuse)
    answer = client.get(f"/reports/{slug}/", data)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert said in page
    assert 'aria-invalid="true"' in page
    assert client.get(f"/reports/{slug}/report.csv", data).status_code == 400


DJANGOS = re.compile("valid choice|Enter a|Ensure|required|Null characters|must be")
NASTY = ("1e400", "\x00", "\ud800", "<b>", " ", "9" * 300, "0001-01-01", "\N{INFINITY}", "-")


@pytest.mark.parametrize("report", ALL)
@pytest.mark.parametrize("who", ["customer", "clerk"])
def test_whatever_is_refused_gets_one_sentence_of_our_own(
    customer: User, report: Report, who: str
) -> None:
    reader = customer if who == "customer" else clerk()
    for name in report.bind_form({}, reader).fields:
        for typed in NASTY:
            for field, errors in report.bind_form({name: typed}, reader).errors.items():
                assert len(errors) == 1
                assert not DJANGOS.search(str(errors[0])), (name, typed, field, errors)


def test_a_customer_who_asks_for_the_bank_gets_their_own(client: Client, customer: User) -> None:
    pay(None, AccountFactory(currency="CHF"), "77", "2026-01-01")
    client.force_login(customer)
    page = without_token(client.get("/reports/accounts-by-balance/", {"whose": "bank"}))
    assert "The whole bank" not in page
    assert "CHF" not in page
    assert len(TableOfPage(page).rows) == 2


def test_an_account_is_asked_for_by_number_where_it_may_be_known(
    client: Client, customer: User
) -> None:
    own: Account = customer.accounts.first()  # type: ignore[assignment]
    yen: Account = AccountFactory(currency="JPY")
    pay(None, yen, "700", f"{timezone.localdate() - timedelta(days=1)}")
    client.force_login(clerk())
    asked = {"number": yen.number, "currency": "USD"}
    page = client.get("/reports/balance-over-time/", asked).content.decode()
    assert "700\xa0JPY today" in page
    assert f"account:{yen.number}" in page
    for wrong in ("123456789012", "12", "words"):
        page = client.get("/reports/balance-over-time/", {"number": wrong}).content.decode()
        assert "field__error" in page
    client.force_login(analyst())
    page = client.get("/reports/balance-over-time/", {"number": own.number}).content.decode()
    assert 'name="number"' not in page
    assert f"account:{own.number}" not in page
    client.force_login(yen.user)
    page = client.get("/reports/balance-over-time/", {"number": own.number}).content.decode()
    assert not lacks(page, f"“{own.number}” is not a choice here", "or Everyday")


def test_trial_balance_lists_the_month_of_its_moment_at_midnight_the_month_before(
    customer: User,
) -> None:
    report = BY_SLUG["trial-balance"]
    reader = clerk()
    assert asked_of(report, reader, at="2026-04-01T00:00").values["since"] == date(2026, 3, 1)
    assert asked_of(report, reader, at="2026-04-01T00:01").values["since"] == date(2026, 4, 1)
    year = asked_of(report, reader, at="2026-01-01T00:00", turnover="year")
    assert year.values["since"] == date(2025, 1, 1)
    assert asked_of(report, customer).values["since"] is None


def sleepy(scope: Any, *, currency: str) -> Iterator[Mapping[str, Any]]:
    """A report that takes too long."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(20)")
    yield {"n": 1}


def only(monkeypatch: pytest.MonkeyPatch, function: Any, *columns: Column) -> Report:
    """The one report there is, with this function."""
    report = Report(
        function=function,
        title="T",
        question="Q?",
        shows="S",
        sketch="bars",
        columns=columns,
        finding=lambda _rows, _asked: "F",
        basis=lambda _rows, _asked: "B",
        form=ReportForm,
    )
    monkeypatch.setitem(BY_SLUG, report.slug, report)
    return report


def test_the_file_has_as_long_as_the_page(
    client: Client, customer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of a query as Postgres has it while the file is made, in milliseconds."""

    def limits(scope: Any, *, currency: str) -> Iterator[Mapping[str, Any]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT setting FROM pg_settings WHERE name = 'statement_timeout'")
            yield {"limit": cursor.fetchone()[0]}

    report = only(monkeypatch, limits, Column("limit", "Limit"))
    monkeypatch.setattr(file, "SECONDS", 7)
    client.force_login(customer)
    answer: Any = client.get(f"{report.url}report.csv")
    assert b"".join(answer.streaming_content).split() == [b"limit", b"7000"]


def test_a_query_past_the_limit_is_stopped_and_the_page_says_so(
    client: Client, customer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = only(monkeypatch, sleepy)
    monkeypatch.setattr(runner, "SECONDS", 0.05)
    client.force_login(customer)
    answer = client.get(report.url)
    page = answer.content.decode()
    assert answer.status_code == 503
    assert 'role="alert"' in page
    assert "fewer days" in page
    assert "That took too long." in page


def test_a_file_that_takes_too_long_is_refused_whole_and_never_breaks_off(
    client: Client, customer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = only(monkeypatch, sleepy)
    monkeypatch.setattr(file, "SECONDS", 0.05)
    client.force_login(customer)
    answer = client.get(f"{report.url}report.csv")
    assert answer.status_code == 503
    assert "so it was stopped" in answer.content.decode()


def test_a_report_of_the_bank_that_takes_too_long_is_logged(
    client: Client, customer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it takes too long may depend on the rows that it reads."""
    report, reader = only(monkeypatch, sleepy), analyst()
    monkeypatch.setattr(runner, "SECONDS", 0.05)
    monkeypatch.setattr(file, "SECONDS", 0.05)
    client.force_login(reader)
    for url in (report.url, f"{report.url}report.csv"):
        assert client.get(url, {"whose": "bank"}).status_code == 503
        assert Read.objects.filter(reader=reader, path=url).count() == 1


@pytest.mark.parametrize("report", OWN)
def test_a_customer_sees_the_sql_but_no_plan_which_would_count_the_rows_of_others(
    client: Client, customer: User, report: Report
) -> None:
    client.force_login(customer)
    page = client.get(report.url, {"plans": "1"}).content.decode()
    assert "SQL 1" in page
    assert "Run the queries again with EXPLAIN" not in page
    assert "Execution Time" not in page


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("made", ["page", "file"])
def test_all_queries_of_a_report_see_one_instant(
    client: Client, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    account = AccountFactory(balance=100)

    def deposit() -> None:
        try:
            services.deposit(to_account=account, amount=Decimal(11))
        finally:
            connection.close()

    def two_looks(scope: Any, *, currency: str) -> list[dict[str, Any]]:
        before = Account.objects.get(pk=account.pk).balance
        other = threading.Thread(target=deposit)
        other.start()
        other.join()
        return [{"before": before, "after": Account.objects.get(pk=account.pk).balance}]

    report = only(monkeypatch, two_looks, Column("before", "B"), Column("after", "A"))
    if made == "page":
        (row,) = run(report, asked_of(report, account.user)).rows
        assert row == {"before": 100, "after": 100}
    else:
        client.force_login(account.user)
        answer: Any = client.get(f"{report.url}report.csv")
        lines = b"".join(answer.streaming_content).decode().splitlines()
        assert lines == ["before,after", "100.0000,100.0000"]
    assert Account.objects.get(pk=account.pk).balance == 111
