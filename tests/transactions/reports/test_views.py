"""The views of reports, not rendered: who reads what, what is run, saved and removed."""

from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError
from django.http import Http404
from django.test import Client
from django.utils import timezone

from accounts.groups import ANALYSTS
from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory
from tests.requests import leave_unrendered, messages_of, request_of
from tests.transactions.reports.books import analyst, clerk, pay
from transactions.models import SavedReport
from transactions.reports import save_views, saved, views
from transactions.reports.catalogue import BY_SLUG, REPORTS
from transactions.reports.save_views import SaveReportForm
from transactions.reports.saved import save_report
from transactions.reports.views import TOO_LONG

pytestmark = pytest.mark.django_db
LIST, PAGE = "transactions/report_list.html", "transactions/report.html"
MONTHS = "money-by-month"
FOR_ALL = {report.slug for report in REPORTS if not report.bank_only}


@pytest.fixture(autouse=True)
def _unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_unrendered(monkeypatch, views)


@pytest.fixture
def account() -> Account:
    return AccountFactory(user__name="Ana Ferreira")


def listed(reader: User) -> tuple[set[str], Any]:
    """The reports that the list offers, and the context of the page."""
    page: Any = views.report_list(request_of(reader))
    assert page.template == LIST
    groups = page.context["groups"]
    return {report.slug for group in groups for report in group.reports}, page.context


def test_a_customer_is_offered_their_own_reports_once_they_have_an_account(
    account: Account,
) -> None:
    save_report(owner=account.user, report=BY_SLUG[MONTHS], name="Mine", parameters={})
    offered, context = listed(account.user)
    assert (offered, context["scope"]) == (FOR_ALL, "Your own accounts.")
    assert [line.saved.name for line in context["saved"]] == ["Mine"]
    assert context["may_explore"] is False
    Account.objects.filter(pk=account.pk).update(user=UserFactory())
    offered, context = listed(account.user)
    assert (offered, context["scope"], context["saved"]) == (set(), "", [])


def test_staff_are_offered_all_with_or_without_names() -> None:
    offered, context = listed(analyst())
    assert offered == set(BY_SLUG)
    assert context["scope"] == "The whole bank, without names, or your own accounts."
    assert listed(clerk())[1]["scope"] == "The whole bank, or your own accounts."


def page_of(reader: User, slug: str = MONTHS, **query: str) -> Any:
    page: Any = views.report(request_of(reader, query=query), slug)
    assert page.template == PAGE
    return page


def test_a_report_shows_its_rows_and_the_work_behind_them(account: Account) -> None:
    pay(None, account, 5, "2026-03-14")
    period = {"since": "2026-03-01", "until": "2026-03-31", "compare": "year"}
    page = page_of(account.user, **period, plans="1")
    context = page.context
    assert (page.status_code, context["too_long"]) == (200, "")
    run = context["run"]
    assert [row["money_in"] for row in run.rows] == [5]
    assert (run.params.values["since"], run.params.compare) == (date(2026, 3, 1), "year")
    assert run.params.scope.reader == account.user
    assert not run.has_plans  # a customer sees none
    asked = "since=2026-03-01&until=2026-03-31&compare=year&plans=1"
    assert context["file_query"] == f"?{asked}"
    assert isinstance(context["save_form"], SaveReportForm)
    panel = context["panel"]
    assert (panel.plans_url, panel.is_open, panel.explorer_urls) == ("", False, ())
    assert panel.fresh_url == f"?{asked}&fresh=1#work"
    assert panel.work is run.work
    assert panel.count > 0


def test_staff_see_plans_and_open_the_queries_in_the_explorer(
    account: Account, settings: Any
) -> None:
    settings.LEDGER_EXPLORER = "on"
    pay(None, account, 5, "2026-03-14")
    reader = User.objects.create_superuser("root@example.com", name="Root")
    offered = page_of(reader, currency="USD").context["panel"]
    assert (offered.plans_url, offered.is_open) == ("?currency=USD&plans=1#work", False)
    page = page_of(reader, currency="USD", plans="1")
    panel = page.context["panel"]
    assert page.context["run"].has_plans
    assert (panel.plans_url, panel.is_open) == ("", True)
    assert panel.explorer_urls == [
        f"/explorer/reports/{MONTHS}/{number}/?currency=USD&plans=1"
        for number in range(1, panel.count + 1)
    ]
    assert page_of(reader).context["panel"].explorer_urls[0].endswith("/1/")


def test_plans_and_a_new_run_are_asked_for_by_the_address(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[tuple[bool, bool]]()

    def note(*_arguments: Any, with_plans: bool, fresh: bool) -> None:
        asked.append((with_plans, fresh))
        raise OperationalError from psycopg.errors.QueryCanceled("stopped")

    monkeypatch.setattr(views, "run", note)
    for query in ({"plans": "1"}, {"fresh": "1"}, {}):
        page_of(account.user, **query)
    assert asked == [(False, False), (False, True), (False, False)]
    page_of(analyst(), plans="1", fresh="1")
    assert asked[3:] == [(True, True)]


def test_nothing_is_run_for_a_mistake_or_without_money(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "run", None)
    monkeypatch.setattr(views, "report_lines", None)
    day = f"{timezone.localdate() + timedelta(days=1)}"
    for reader, query in ((account.user, {"since": day}), (UserFactory(), {})):
        page = page_of(reader, **query)
        assert (page.status_code, page.context["run"], page.context["too_long"]) == (200, None, "")
        assert "panel" not in page.context
        assert page.context["file_query"] == (f"?since={day}" if query else "")
        answer: Any = views.report_file(request_of(reader, query=query), MONTHS, "csv")
        sentences = [
            str(error) for found in page.context["form"].errors.values() for error in found
        ]
        assert (answer.status_code, answer.content.decode()) == (400, " ".join(sentences))
        assert sentences


def test_a_report_without_a_currency_needs_an_account_in_the_bank() -> None:
    answer: Any = views.report_file(request_of(analyst()), "cohorts", "csv")
    assert (answer.status_code, answer.content) == (400, b"There is no account yet.")


def test_a_report_of_the_bank_is_not_there_for_a_customer(account: Account) -> None:
    for slug in ("cohorts", "nonsense"):
        for view, arguments in ((views.report, ()), (views.report_file, ("csv",))):
            with pytest.raises(Http404):
                view(request_of(account.user), slug, *arguments)
        with pytest.raises(Http404):
            save_views.save(request_of(account.user, {"name": "Mine"}), slug)
    assert not SavedReport.objects.exists()


def test_the_rows_of_a_report_are_a_file(client: Client, account: Account) -> None:
    pay(None, account, 5, "2026-03-14")
    client.force_login(account.user)
    query = {"since": "2026-03-01", "until": "2026-03-31"}

    def lines(**more: str) -> list[str]:
        answer: Any = client.get(f"/reports/{MONTHS}/report.csv", query | more)
        assert answer.status_code == 200
        assert f'filename="{MONTHS}.csv"' in answer["Content-Disposition"]
        return b"".join(answer.streaming_content).decode().splitlines()

    heading, *rows = lines()
    assert (heading.split(",")[0], len(rows)) == ("month", 1)
    assert len(lines(compare="year")[0]) > len(heading)


@pytest.mark.parametrize("error", [psycopg.errors.QueryCanceled, psycopg.errors.DiskFull])
def test_only_a_report_that_takes_too_long_is_answered(
    account: Account, monkeypatch: pytest.MonkeyPatch, error: type[psycopg.Error]
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise OperationalError from error("stopped")

    monkeypatch.setattr(views, "run", fail)
    monkeypatch.setattr(views, "report_lines", fail)
    if error is psycopg.errors.DiskFull:
        with pytest.raises(OperationalError):
            page_of(account.user)
        with pytest.raises(OperationalError):
            views.report_file(request_of(account.user), MONTHS, "csv")
        return
    page = page_of(account.user)
    assert (page.status_code, page.context["too_long"], page.context["run"]) == (
        503, TOO_LONG, None,
    )  # fmt: skip
    answer: Any = views.report_file(request_of(account.user), MONTHS, "csv")
    assert (answer.status_code, answer.content.decode()) == (503, TOO_LONG)


def save(reader: User, name: str, query: dict[str, str] | None = None, **more: Any) -> Any:
    request = request_of(reader, {"name": name, **more}, query=query)
    answer = save_views.save(request, MONTHS)
    return answer["Location"], [level for level, _ in messages_of(request)]


def test_a_report_is_saved_with_the_parameters_of_its_address(account: Account) -> None:
    query = {"currency": "USD", "since": "2026-01-01", "until": "", "plans": "1", "evil": "<b>"}
    assert save(account.user, " This\u200b year ", query) == ("/reports/", ["success"])
    stored = SavedReport.objects.get()
    assert (stored.owner, stored.report, stored.name) == (account.user, MONTHS, "This year")
    assert stored.parameters == {"currency": "USD", "since": "2026-01-01"}
    assert stored.group is None


def test_what_cannot_be_saved_is_told_and_not_saved(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = (f"/reports/{MONTHS}/", ["error"])
    assert save(account.user, "") == back
    assert save(account.user, "x" * 200) == back
    assert save(account.user, "Mine", {"since": "nonsense"}) == back
    assert save(account.user, "Mine", group=str(Group.objects.get(name=ANALYSTS).pk)) == back
    monkeypatch.setattr(saved, "MAX_SAVED", 0)
    assert save(account.user, "Mine") == ("/reports/", ["error"])
    assert not SavedReport.objects.exists()


def test_the_message_has_what_is_wrong_with_the_name_and_the_parameters(account: Account) -> None:
    request = request_of(account.user, {"name": ""}, query={"since": "nonsense"})
    save_views.save(request, MONTHS)
    ((level, text),) = messages_of(request)
    name = SaveReportForm({}, reader=account.user).errors["name"][0]
    assert (level, text) == ("error", f"{name} Type a day like 2026-03-14.")


def test_members_share_with_their_group() -> None:
    reader = analyst()
    AccountFactory(user=reader)
    group = Group.objects.get(name=ANALYSTS)
    choices = SaveReportForm(reader=reader).fields["group"].queryset  # type: ignore[attr-defined]
    assert list(choices) == [group]
    assert save(reader, "For all", group=str(group.pk)) == ("/reports/", ["success"])
    assert SavedReport.objects.get().group == group


def test_a_saved_report_is_removed_by_its_owner_alone(account: Account) -> None:
    facts: dict[str, Any] = {"report": BY_SLUG[MONTHS], "parameters": {}}
    first, other = (save_report(owner=account.user, name=name, **facts) for name in ("A", "B"))
    for reader, pk in ((UserFactory(), first.pk), (account.user, uuid7())):
        with pytest.raises(Http404):
            save_views.remove(request_of(reader, {}), pk)
    request = request_of(account.user, {})
    assert save_views.remove(request, first.pk)["Location"] == "/reports/"
    assert [level for level, _ in messages_of(request)] == ["success"]
    assert list(SavedReport.objects.all()) == [other]
