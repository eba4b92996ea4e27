""" "Show the work" on home, statement and receipt: a link that costs no query, and its panel."""

import re
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, User
from tests.conftest import signed_in
from tests.pages import text_of
from tests.transactions.reports.books import clerk
from transactions.models import Transaction
from transactions.work_panel import HIDDEN, UUIDS

pytestmark = pytest.mark.django_db(transaction=True)
Books = dict[str, Transaction]
LINK = re.compile(r'<a href="([^"]+)">Show the work</a>')
PAGES = ["home", "statement", "statement with filters", "receipt"]


@pytest.fixture
def pages(books: Books, ana: User) -> dict[str, str]:
    account = ana.accounts.get(name="Everyday")
    return {
        "home": "/",
        "statement": f"/accounts/{account.pk}/",
        "statement with filters": f"/accounts/{account.pk}/?start=2026-01-01&direction=out",
        "receipt": f"/transactions/{books['rent'].pk}/",
    }


def link_of(page: Any) -> str:
    (link,) = LINK.findall(page.content.decode())
    found: str = link.replace("&amp;", "&")
    return found


def statements(client: Client, url: str) -> list[str]:
    with CaptureQueriesContext(connection) as found:
        client.get(url)
    return [re.sub(r"'[^']*'", "''", query["sql"]) for query in found]


@pytest.mark.parametrize("name", PAGES)
def test_the_panel_costs_no_query(customer: Client, pages: dict[str, str], name: str) -> None:
    customer.get(pages[name])  # what a process caches
    plain = customer.get(pages[name])
    sent = statements(customer, pages[name])
    beside = 3 + (name == "home")  # session, person, bell; whether an order would fail
    assert plain.context["panel"].count == len(sent) - beside
    assert not Counter(sent) - Counter(statements(customer, link_of(plain)))


@pytest.mark.parametrize("name", PAGES)
def test_the_panel_shows_code_shell_and_every_query(
    customer: Client, pages: dict[str, str], name: str
) -> None:
    page = customer.get(link_of(customer.get(pages[name])))
    text = text_of(page)
    assert "def " in text
    assert "manage.py shell" in text
    assert f"SQL {page.context['panel'].count}," in text
    assert "EXPLAIN" not in text
    assert "plan" not in [heading.lower() for heading in re.findall(r"<h2>([^<]+)", text)]


@pytest.mark.parametrize("name", PAGES)
def test_what_is_pasted_into_the_shell_runs(
    customer: Client, pages: dict[str, str], name: str
) -> None:
    *setting, call = customer.get(pages[name]).context["panel"].in_shell.splitlines()
    names: dict[str, Any] = {"User": User, "Account": Account, "Transaction": Transaction}
    exec("\n".join(setting), names)  # noqa: S102  our own text, as a developer would paste it
    assert eval(call, names)  # noqa: S307


@pytest.mark.parametrize("name", PAGES)
def test_a_customer_sees_no_id_of_others_and_no_plan(
    customer: Client, ana: User, pages: dict[str, str], books: Books, name: str
) -> None:
    page = customer.get(f"{pages[name]}{'&' if '?' in pages[name] else '?'}work=1&plans=1")
    panel = page.context["panel"]
    own = {ana.pk, *ana.accounts.values_list("pk", flat=True), books["rent"].pk}
    shown = {UUID(found) for query in panel.queries for found in UUIDS.findall(query.sql)}
    assert shown <= own
    assert ana.pk in shown
    assert any(HIDDEN in query.sql for query in panel.queries) is (name in ("home", "receipt"))
    assert not any(query.plan for query in panel.queries)
    assert "set_config" not in "".join(query.sql for query in panel.queries)


@pytest.mark.parametrize("name", ["home", "statement", "receipt"])
def test_staff_see_plans(books: Books, mara: Account, name: str) -> None:
    reader = clerk()
    mara.user.is_staff = True
    mara.user.save()
    mara.user.groups.set(reader.groups.all())
    browser = signed_in(mara.user)
    url = {"home": "/", "statement": f"/accounts/{mara.pk}/"}.get(name)
    url = url or f"/transactions/{books['groceries'].pk}/"  # another person's, as staff
    page = browser.get(url, {"work": "1"})
    assert page.context["panel"].plans_url
    explained = browser.get(page.context["panel"].plans_url)
    assert "Execution Time" in text_of(explained)
    assert all(query.plan for query in explained.context["panel"].queries)


def test_a_statement_with_words_shows_no_work_to_customers(
    customer: Client, pages: dict[str, str]
) -> None:
    """It would tell how many people a name may mean."""
    for more in ("", "&work=1", "&plans=1"):
        page = customer.get(f"{pages['statement']}?q=m{more}")
        assert "Show the work" not in text_of(page)


def test_the_link_keeps_the_page_of_the_statement(customer: Client, pages: dict[str, str]) -> None:
    mark = 1_773_500_000_000_000
    page = customer.get(pages["statement"], {"before": str(mark), "direction": "out"})
    assert f"before={mark}" in link_of(page)
    assert "direction=out" in link_of(page)
    assert "datetime.fromisoformat" in page.context["panel"].in_shell
