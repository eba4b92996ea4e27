"""What the views of the search pass to their templates and files, for each kind of reader."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts.groups import ANALYSTS
from accounts.models import User
from tests.factories import AccountFactory, UserFactory
from tests.requests import HTMX, leave_unrendered, request_of
from transactions import services
from transactions.scope import BANK, MINE, scope_for
from transactions.search.language.parser import parse
from transactions.search.page import views
from transactions.search.suggestions import Suggestions

pytestmark = pytest.mark.django_db
RESTORED = {**HTMX, "HX-History-Restore-Request": "true"}


def search_of(reader: User, headers: dict[str, str] | None = None, **query: str) -> Any:
    return request_of(reader, query=query, headers=headers, path="/search/")


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    return leave_unrendered(monkeypatch, views)


@pytest.fixture
def analyst() -> User:
    analyst: User = UserFactory()
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    return analyst


def test_htmx_gets_the_results_alone_unless_it_restores_the_page(rendered: Any) -> None:
    reader = UserFactory()
    for headers in (None, HTMX, RESTORED):
        assert views.search(search_of(reader, headers))["Vary"] == "HX-Request"
    assert [template for template, _ in rendered] == [
        "transactions/search.html", "transactions/_search_results.html", "transactions/search.html",
    ]  # fmt: skip


def test_a_customer_searches_their_money_and_sees_no_work(rendered: Any) -> None:
    account = AccountFactory(balance="5")
    reader = account.user
    views.search(search_of(reader, q=" opening ", sort="oldest", page="2", plans="1"))
    views.search(search_of(reader, q="opening", sort="up", page="x"))
    views.search(search_of(reader, q="openign"))
    (_, second), (_, first), (_, mistyped) = rendered
    page = second["page"]
    assert (second["typed"], second["query"]["sort"]) == ("opening", "oldest")
    assert (page.result.sort, page.chosen_sort, page.result.page) == ("oldest", "oldest", 2)
    assert (page.result.rows, page.suggestions) == ([], Suggestions())
    assert (page.may_read_bank, page.may_open_all, page.result.scope.is_bank) == (False,) * 3
    page = first["page"]
    assert (page.chosen_sort, page.result.page, len(page.result.rows)) == ("", 1, 1)
    assert page.suggestions == Suggestions()
    assert mistyped["page"].suggestions.queries == ["opening"]
    assert not any("panel" in context for _, context in rendered)


def test_staff_without_an_account_search_the_bank_and_see_the_work(
    clerk: User, rendered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    noted, named = list[User](), list[Any]()
    monkeypatch.setattr(views, "note_plans", noted.append)
    monkeypatch.setattr(views, "add_accounts", lambda *accounts: named.extend(accounts))
    views.search(search_of(clerk, q="mara", plans="1"))
    views.search(search_of(clerk, plans="1"))
    (_, planned), (_, empty) = rendered
    page, panel = planned["page"], planned["panel"]
    assert (page.may_read_bank, page.may_open_all, page.result.scope.is_bank) == (True,) * 3
    assert (panel.is_open, panel.url, panel.summary) == (True, page.work_url, "")
    assert "scope_for" in panel.in_shell
    assert panel.work.queries
    assert all(query.plan for query in panel.work.queries)
    assert "panel" not in empty
    assert noted == [clerk, clerk]
    assert named == [mara.pk]


def test_an_analyst_searches_the_bank_and_opens_no_receipt(analyst: User, rendered: Any) -> None:
    views.search(search_of(analyst, q="rent"))
    ((_, context),) = rendered
    page = context["page"]
    assert (page.may_read_bank, page.may_open_all, page.result.scope.is_bank) == (True, False, True)
    assert not context["panel"].is_open
    assert not any(query.plan for query in context["panel"].work.queries)


def test_the_work_is_for_staff_and_for_searches_without_names(analyst: User, clerk: User) -> None:
    """An analyst's own search finds accounts of other people by name."""
    customer = UserFactory()
    kinds = ((customer, MINE), (analyst, MINE), (analyst, BANK), (clerk, MINE), (clerk, BANK))
    seen = [
        views._may_see_work(search_of(reader), scope_for(reader, kind)) for reader, kind in kinds
    ]
    assert seen == [False, False, True, True, True]


def test_the_bank_is_searched_by_choice_or_without_an_account(clerk: User) -> None:
    def scope_of(reader: User, whose: str = MINE) -> tuple[str, set[Any]]:
        scope, _ = views._scope_and_names(search_of(reader, whose=whose), parse("rent"))
        return scope.kind, set(scope.ids)

    customer = UserFactory()
    assert scope_of(customer) == (MINE, set())
    assert scope_of(clerk) == (BANK, set())
    account = AccountFactory(user=clerk)
    assert scope_of(clerk) == (MINE, {account.pk})
    assert scope_of(clerk, whose=BANK) == (BANK, set())


def test_a_page_is_a_number_of_few_digits() -> None:
    typed = {"": 1, "x": 1, "-2": 1, "\u00b2": 1, "\u0663": 1, "2": 2, "99999": 99_999, "100000": 1}
    assert {text: views._page_number(text) for text in typed} == typed


def test_the_panel_names_what_made_suggestions() -> None:
    assert views._remark(Suggestions()) == ""
    assert "difflib" in views._remark(Suggestions(["opening"]))


def test_a_file_has_all_that_a_search_finds_in_order() -> None:
    account = AccountFactory()
    first, second = (services.deposit(to_account=account, amount=Decimal(n)) for n in (5, 6))
    for sort, rows in (("", (second, first)), ("oldest", (first, second))):
        answer = views.results_file(search_of(account.user, q="is:in", sort=sort), kind="csv")
        lines = b"".join(answer).decode().splitlines()[1:]
        assert [line.rpartition(",")[2] for line in lines] == [str(row.pk) for row in rows]


@pytest.mark.parametrize("typed", ["", "  ", '""', "amount:"])
def test_the_file_of_no_search_is_refused_with_a_sentence(typed: str) -> None:
    mistakes = parse(typed).mistakes
    why = mistakes[0].sentence if mistakes else "Type what to search for, as in ?q=rent."
    reader = UserFactory()
    text, problem = (
        views.results_file(search_of(reader, q=typed), kind=kind) for kind in ("csv", "json")
    )
    assert (text.status_code, text["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert (problem.status_code, problem["Content-Type"]) == (400, "application/problem+json")
    assert b"".join(text) == why.encode()
    assert json.loads(b"".join(problem)) == {"status": 400, "detail": why}
