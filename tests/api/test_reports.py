"""The reports by the API: the same rows as the files of their pages, for the same readers."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Account, Read, User
from api import reports
from ledger.web import downloads
from ledger.web.downloads import Downloads
from tests.api.calls import bearer, slug
from tests.factories import UserFactory
from tests.transactions.reports.books import analyst, clerk
from transactions import services
from transactions.reports import file
from transactions.reports.catalogue import BY_SLUG, REPORTS

pytestmark = pytest.mark.django_db
LIST = "/api/v1/reports/"
ALL = [pytest.param(report.slug, id=report.slug) for report in REPORTS]
OWN = [pytest.param(report.slug, id=report.slug) for report in REPORTS if not report.bank_only]
AMOUNT = re.compile(r"-?[0-9]+\.[0-9]{2}")


@pytest.fixture(autouse=True)
def bought(mine: Account, theirs: Account) -> None:
    for amount, category in ((Decimal("12.50"), "food"), (950, "rent"), (3, "food")):
        services.transfer(
            from_account=mine,
            to_account=theirs,
            amount=Decimal(amount),
            metadata={"category": category},
        )
    services.withdraw(from_account=mine, amount=Decimal(20), description="Cash")


def read(client: Client, name: str, person: User, *scopes: str, **parameters: str) -> Any:
    return client.get(f"{LIST}{name}/", parameters, headers=bearer(person, *scopes))


def body(answer: Any) -> Any:
    assert answer.status_code == 200, answer.content
    return json.loads(answer.getvalue())


def staff() -> User:
    """Staff without any right."""
    person: User = UserFactory(is_staff=True)
    return person


@pytest.mark.parametrize("name", OWN)
def test_a_customer_reads_the_rows_of_the_file_and_of_nobody_else(
    client: Client, ana: Client, mine: Account, name: str
) -> None:
    page = body(ana.get(f"/reports/{name}/report.json"))
    found = body(read(Client(), name, mine.user, "read"))
    assert found["results"] == page
    assert found["parameters"]["whose"] == "mine"
    for row in page:
        assert list(row) == [column["name"] for column in found["columns"]]


@pytest.mark.parametrize("name", ALL)
def test_an_analyst_reads_the_whole_bank(client: Client, name: str) -> None:
    person = analyst()
    client.force_login(person)
    page = body(client.get(f"/reports/{name}/report.json", {"whose": "bank"}))
    found = body(read(Client(), name, person, "report"))
    assert (found["results"], found["parameters"]["whose"]) == (page, "bank")


@pytest.mark.parametrize("asked", [{"format": "csv"}, {}])
def test_the_csv_is_that_of_the_page(ana: Client, mine: Account, asked: dict[str, str]) -> None:
    page = ana.get("/reports/spending-by-category/report.csv").getvalue()
    accepts = {} if asked else {"Accept": "text/csv"}
    headers = {**bearer(mine.user), **accepts}
    answer: Any = Client().get(f"{LIST}spending-by-category/", asked, headers=headers)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.getvalue() == page
    assert b"rent" in page


def test_amounts_are_strings_and_counts_are_numbers(client: Client, mine: Account) -> None:
    found = body(read(client, "by-weekday-and-hour", mine.user))
    kinds = {column["name"]: column["kind"] for column in found["columns"]}
    assert (kinds["total"], kinds["payments"]) == ("money", "count")
    assert found["results"]
    for row in found["results"]:
        assert AMOUNT.fullmatch(row["total"])
        assert isinstance(row["payments"], int)


def test_the_parameters_are_those_of_the_page(client: Client, mine: Account) -> None:
    today = timezone.localdate().isoformat()
    period = {"since": today, "until": today, "compare": "year", "currency": mine.currency}
    found = body(read(client, "money-by-month", mine.user, **period))
    assert found["parameters"] == {**period, "whose": "mine"}
    names = [column["name"] for column in found["columns"]]
    assert names == list(found["results"][0])
    assert len(names) > len(BY_SLUG["money-by-month"].columns)


def test_fields_pick_columns_of_both_kinds(client: Client, mine: Account) -> None:
    wanted = {"fields": "net,spent_on"}
    found = body(read(client, "spending-by-category", mine.user, **wanted))
    assert [column["name"] for column in found["columns"]] == ["spent_on", "net"]
    assert {tuple(row) for row in found["results"]} == {("spent_on", "net")}
    text = read(client, "spending-by-category", mine.user, format="csv", **wanted).getvalue()
    assert next(csv.reader(io.StringIO(text.decode()))) == ["spent_on", "net"]


@pytest.mark.parametrize(
    ("name", "parameters", "field"),
    [
        ("money-by-month", {"since": "2026-13-01"}, "since"),
        ("money-by-month", {"since": "2026-02-01", "until": "2026-01-01"}, "until"),
        ("money-by-month", {"currency": "XXX"}, "currency"),
        ("money-by-month", {"whose": "theirs"}, "whose"),
        ("money-by-month", {"direction": "out"}, "direction"),
        ("money-by-month", {"plans": "1"}, "plans"),
        ("money-by-month", {"fields": "iban"}, "fields"),
        ("unusual-movements", {"compare": "year"}, "compare"),
        ("unusual-movements", {"threshold": "-1"}, "threshold"),
        ("balance-over-time", {"number": "12"}, "number"),
    ],
)
def test_a_mistake_names_its_parameter(
    client: Client, mine: Account, name: str, parameters: dict[str, str], field: str
) -> None:
    answer = read(client, name, mine.user, **parameters)
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("person", "scopes", "whose", "status"),
    [
        ("customer", ["read"], "", "mine"),
        ("customer", ["read"], "bank", 403),
        ("customer", ["pay"], "", 403),
        ("analyst", ["report"], "", "bank"),
        ("analyst", ["report"], "mine", 403),
        ("analyst", ["read", "report"], "mine", "mine"),
        ("analyst", ["read"], "", "mine"),
        ("analyst", ["read"], "bank", 403),
        ("clerk", ["staff"], "", "bank"),
        ("colleague", ["read", "staff"], "bank", 403),
    ],
)
def test_whose_money_a_token_may_read(
    client: Client, mine: Account, person: str, scopes: list[str], whose: str, status: Any
) -> None:
    reader = {
        "customer": lambda: mine.user,
        "analyst": analyst,
        "clerk": clerk,
        "colleague": staff,
    }[person]()
    if person != "customer":
        Account.objects.filter(pk=mine.pk).update(user=reader)
    parameters = {"whose": whose} if whose else {}
    answer = read(client, "metadata-keys", reader, *scopes, **parameters)
    if status == 403:
        assert (answer.status_code, slug(answer)) == (403, "not-allowed")
    else:
        assert body(answer)["parameters"]["whose"] == status


def test_reports_of_the_bank_alone(client: Client, mine: Account) -> None:
    assert slug(read(client, "top-spenders", mine.user)) == "not-found"
    person = analyst()
    assert slug(read(client, "top-spenders", person, "read")) == "not-found"
    mistake = read(client, "top-spenders", person, "read", "report", whose="mine")
    assert slug(mistake) == "invalid-request"
    assert slug(read(client, "no-such-report", person, "report")) == "not-found"


def test_a_token_reads_the_bank_no_longer_than_its_person(client: Client, mine: Account) -> None:
    person = analyst()
    header = bearer(person, "read", "report")
    Account.objects.filter(pk=mine.pk).update(user=person)
    person.groups.clear()
    for name, whose, status in (
        ("money-by-month", "bank", 403), ("money-by-month", "", 200), ("top-spenders", "", 404),
    ):  # fmt: skip
        parameters = {"whose": whose} if whose else {}
        answer: Any = client.get(f"{LIST}{name}/", parameters, headers=header)
        assert answer.getvalue()
        assert answer.status_code == status, name
    assert len(body(client.get(LIST, headers=header))["results"]) == len(OWN)


def test_without_an_account_there_is_nothing_to_report(client: Client) -> None:
    person = UserFactory()
    answer = read(client, "money-by-month", person)
    assert (answer.status_code, slug(answer)) == (422, "account-not-found")
    assert body(client.get(LIST, headers=bearer(person)))["results"] == []


def test_the_list_has_what_the_caller_may_read(client: Client, mine: Account) -> None:
    found = body(client.get(LIST, headers=bearer(mine.user)))["results"]
    assert [each["slug"] for each in found] == [
        report.slug for report in REPORTS if not report.bank_only
    ]
    (months,) = [each for each in found if each["slug"] == "money-by-month"]
    assert months["title"] == "Money in and out"
    parameters = {each["name"]: each for each in months["parameters"]}
    assert list(parameters) == ["whose", "currency", "since", "until", "compare"]
    assert parameters["whose"]["choices"] == ["mine"]
    assert parameters["since"]["kind"] == "date"
    bank = body(client.get(LIST, headers=bearer(analyst(), "report")))["results"]
    assert [each["slug"] for each in bank] == [report.slug for report in REPORTS]
    assert {each["parameters"][0]["choices"][0] for each in bank} == {"bank"}
    assert client.get(LIST, headers=bearer(mine.user, "pay")).status_code == 403
    few = body(client.get(LIST, {"fields": "slug"}, headers=bearer(mine.user)))["results"]
    assert few[0] == {"slug": found[0]["slug"]}


@pytest.mark.parametrize(
    ("person", "scopes", "is_offered", "status"),
    [
        (analyst, ["report"], False, 400),
        (analyst, ["read", "report"], True, 400),
        (clerk, ["staff"], True, 200),
    ],
)
def test_the_list_offers_an_account_of_the_bank_only_to_those_who_see_names(
    client: Client,
    mine: Account,
    person: Callable[[], User],
    scopes: list[str],
    is_offered: bool,
    status: int,
) -> None:
    reader = person()
    found = body(client.get(LIST, headers=bearer(reader, *scopes)))["results"]
    (balances,) = [each for each in found if each["slug"] == "balance-over-time"]
    assert ("number" in [each["name"] for each in balances["parameters"]]) == is_offered

    answer = read(client, "balance-over-time", reader, *scopes, number=mine.number)
    assert answer.status_code == status
    if status == 400:
        (error,) = answer.json()["errors"]
        assert (error["field"], error["detail"]) == ("number", reports.NEEDS_NAMES)
    answer.close()


@pytest.mark.parametrize("form", ["json", "csv"])
def test_reading_others_is_logged_and_reading_oneself_is_not(
    client: Client, mine: Account, theirs: Account, form: str
) -> None:
    reader = clerk()
    read(client, "accounts-by-balance", reader, "report", format=form).getvalue()
    (logged,) = Read.objects.all()
    assert (logged.reader, logged.page) == (reader, "api:report")
    assert set(logged.people) == {mine.user_id, theirs.user_id}
    read(client, "accounts-by-balance", mine.user, format=form).getvalue()
    assert Read.objects.count() == 1


def test_a_report_that_takes_too_long_is_a_problem(
    client: Client, mine: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def money_by_month(*_scope: Any, **_parameters: Any) -> Iterator[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20)")
        yield {}

    report = replace(BY_SLUG["money-by-month"], function=money_by_month)
    monkeypatch.setitem(BY_SLUG, report.slug, report)
    monkeypatch.setattr(file, "SECONDS", 0.05)
    answer = read(client, report.slug, mine.user)
    assert (answer.status_code, slug(answer)) == (503, "took-too-long")


def test_a_person_reads_one_report_at_a_time(
    client: Client, mine: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_downloads", Downloads(most=2))
    running = read(client, "money-by-month", mine.user)
    second = read(client, "money-by-month", mine.user)
    assert (second.status_code, slug(second)) == (429, "too-many-downloads")
    running.getvalue()
    assert body(read(client, "money-by-month", mine.user))["results"]


def test_the_number_of_queries_of_the_list(
    client: Client, mine: Account, django_assert_num_queries: Any
) -> None:
    header = bearer(mine.user)
    client.get(LIST, headers=header)
    with django_assert_num_queries(2):
        client.get(LIST, headers=header)
