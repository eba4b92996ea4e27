"""The SQL of reports runs in the explorer as it is, on the views, with the rows of the report."""

import pytest
from django.test import Client

from explorer.models import QueryRun
from tests.conftest import signed_in
from tests.explorer.books import Books, query
from transactions.reports.catalogue import REPORTS
from transactions.reports.report import Report, ReportParameters
from transactions.reports.runner import run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("report", REPORTS, ids=lambda each: each.slug)
def test_the_queries_of_a_report_run_in_the_explorer(report: Report, books: Books) -> None:
    form = report.bind_form({}, books.analyst)
    assert form.is_valid(), form.errors
    shown = run(report, ReportParameters(form.scope, form.params))
    assert shown.work.queries
    for sent in shown.work.queries:
        result = query(books.bank, sent.sql, most=10_000)
        assert result.problem is None, (sent.sql, result.problem)
    assert len(result.rows) >= len(shown.rows) > 0 or not shown.rows


def test_a_report_offers_each_query_to_who_may_explore(analyst: Client, books: Books) -> None:
    address = "/explorer/reports/money-by-month/1/?currency=USD"
    path = "/reports/money-by-month/?currency=USD"
    assert address in analyst.get(path).content.decode()
    assert address not in signed_in(books.ana.user).get(path).content.decode()


def test_a_query_of_a_report_opens_in_the_editor_without_being_run(analyst: Client) -> None:
    page = analyst.get("/explorer/reports/money-by-month/1/", {"currency": "USD"})
    assert page.context["editor"].shown is None
    assert "GROUP BY" in page.context["editor"].sql
    assert not QueryRun.objects.exists()


@pytest.mark.parametrize(
    "path",
    ["nothing/1/", "money-by-month/0/", "money-by-month/99/", "money-by-month/1/?currency=X"],
)
def test_a_query_that_there_is_not_is_not_found(path: str, analyst: Client) -> None:
    assert analyst.get(f"/explorer/reports/{path}").status_code == 404


def test_customers_do_not_open_the_queries_of_reports(books: Books) -> None:
    page = signed_in(books.ana.user).get("/explorer/reports/money-by-month/1/")
    assert page.status_code == 404
