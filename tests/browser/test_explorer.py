"""The explorer in a browser: a query that runs, one that is refused, and what is kept of them."""

import json
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from accounts.groups import ANALYSTS
from accounts.models import Account
from explorer.models import QueryRun, SavedQuery
from tests.browser.shared import LONG, look_at, sign_in
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
BY_STATUS = "SELECT status, count(*) AS payments FROM entries GROUP BY 1 ORDER BY 1"


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def visitor(
    request: pytest.FixtureRequest, browser: Any, live_server: Any, everyday: Account
) -> Any:
    """A page of an analyst, with JavaScript and without."""
    become_analyst()
    context = browser.new_context(base_url=live_server.url, java_script_enabled=request.param)
    page = context.new_page()
    sign_in(page, "analyst@example.com")
    yield page
    context.close()


def become_analyst() -> None:
    analyst = UserFactory(email="analyst@example.com", name=LONG, password=PASSWORD)
    analyst.groups.add(Group.objects.get(name=ANALYSTS))


def ask(page: Any, sql: str, name: str = "Run") -> None:
    page.get_by_label("SQL").fill(sql)
    press(page, name)


def press(page: Any, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def test_a_query_has_rows_a_chart_a_plan_and_files(visitor: Any) -> None:
    page = visitor
    page.goto("/explorer/")
    page.get_by_label("Plan", exact=True).select_option("run")
    ask(page, BY_STATUS)
    page.locator(".explorer__rows").wait_for()
    shown = page.locator(".explorer__rows tbody tr").all_inner_texts()
    expect(page.locator("svg.chart, .chart svg").first).to_be_visible()
    plan = page.locator("details.query", has_text="The query plan")
    assert "ms" in plan.locator(".plan-node").first.inner_text()
    plan.get_by_text("Text of the plan").click()
    assert "actual time" in plan.inner_text()
    with page.expect_download() as download:
        press(page, "CSV")
    rows = download.value.path().read_text().splitlines()
    assert rows[0] == "status,payments"
    assert [row.split("\t") for row in shown] == [row.split(",") for row in rows[1:]]
    with page.expect_download() as download:
        press(page, "JSON")
    assert len(json.loads(download.value.path().read_text())["rows"]) == len(shown)


def test_a_refusal_shows_the_place_and_keeps_the_query(visitor: Any) -> None:
    visitor.goto("/explorer/")
    ask(visitor, "SELECT 1\nFROM secrets")
    expect(visitor.locator(".explorer__mark")).to_have_text("secrets")
    assert visitor.get_by_label("SQL").input_value() == "SELECT 1\nFROM secrets"
    visitor.get_by_role("link", name="History").click()
    expect(visitor.locator(".explorer__run")).to_have_count(1)
    visitor.get_by_role("link", name="Open").click()
    assert visitor.get_by_label("SQL").input_value() == "SELECT 1\nFROM secrets"


def test_a_query_with_a_parameter_is_saved_shared_changed_and_deleted(visitor: Any) -> None:
    page = visitor
    page.goto("/explorer/")
    ask(page, "SELECT count(*) FROM entries WHERE status = :the_status")
    page.get_by_label("the status").fill("completed")
    press(page, "Run")
    page.locator(".explorer__rows").wait_for()
    page.get_by_text("Save this query").click()
    press(page, "Save")
    expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    page.get_by_label("Title").fill("Completed entries")
    page.locator("input[name=is_shared]").check()
    press(page, "Save")
    page.wait_for_url("**/explorer/saved/*/")
    assert page.get_by_label("the status").input_value() == "completed"
    saved = SavedQuery.objects.get()
    assert (saved.title, saved.is_shared) == ("Completed entries", True)

    page.get_by_text("Save this query").click()
    page.get_by_label("Title").fill("Entries by status")
    press(page, "Save changes")
    press(page, "Delete “Entries by status”")
    page.wait_for_url("**/explorer/")
    assert not SavedQuery.objects.exists()
    assert QueryRun.objects.filter(outcome="rows").count() == 1


def test_browsing_narrows_step_by_step_and_leads_to_the_search(visitor: Any) -> None:
    visitor.goto("/explorer/browse/?by=category")
    visitor.locator(".browse").get_by_role("link", name="rent").click()
    visitor.wait_for_url("**q=category:rent*")
    visitor.get_by_role("link", name="Remove category:rent").wait_for()
    visitor.get_by_role("searchbox").fill("category:rent nowhere")
    press(visitor, "Filter")
    visitor.get_by_text("No payments match").wait_for()
    visitor.goto("/explorer/browse/?q=category:rent")
    visitor.get_by_role("link", name="See the payments").click()
    visitor.wait_for_url("**/search/?q=category:rent*")


@pytest.mark.parametrize("width", [1080, 390])
@pytest.mark.parametrize("days", [13, 24])
def test_dates_below_a_chart_do_not_overlap(
    page: Any, everyday: Account, width: int, days: int
) -> None:
    become_analyst()
    sign_in(page, "analyst@example.com")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/explorer/")
    ask(page, f"SELECT DATE '2026-01-01' + n AS day, n * n FROM generate_series(1, {days}) AS n")
    labels = page.locator(".chart__label:visible")
    labels.first.wait_for()
    boxes = [label.bounding_box() for label in labels.all()]
    assert len(boxes) > 1
    for left, right in pairwise(boxes):
        assert left["x"] + left["width"] < right["x"]
    card = page.locator(".chart").bounding_box()
    assert card["x"] <= boxes[0]["x"]
    assert boxes[-1]["x"] + boxes[-1]["width"] <= card["x"] + card["width"]


@pytest.mark.awaits_status(400)  # of the query that is refused
def test_the_pages_are_accessible_and_fit_a_phone(page: Any, everyday: Account) -> None:
    become_analyst()
    sign_in(page, "analyst@example.com")
    wrong = []
    page.goto("/explorer/history/")
    wrong += look_at(page, "no history")
    for name, sql in (
        ("chart", BY_STATUS),
        ("rows", "SELECT t.*, repeat('long', 600) AS text, null AS nothing FROM transactions t"),
        ("many", "SELECT n, n * 12345678.9 FROM generate_series(1, 300) AS n"),
        ("none", "SELECT id FROM accounts WHERE false"),
        ("refused", f"SELECT '{LONG}' FROM {'x' * 60}"),
        ("parameter", "SELECT :a_parameter_with_a_long_name"),
    ):
        page.goto("/explorer/")
        page.get_by_label("Plan", exact=True).select_option("run")
        ask(page, sql)
        page.wait_for_load_state()
        wrong += look_at(page, name)
    page.get_by_text("Save this query").click()
    page.get_by_label("Title").fill(LONG[:80])
    press(page, "Save")
    page.wait_for_url("**/explorer/saved/*/")
    for url in (page.url, "/explorer/history/", "/explorer/browse/", "/explorer/browse/?q=zzz"):
        page.goto(url)
        wrong += look_at(page, url)
    for by in ("counterparty", "month", "key", "tag"):
        page.goto(f"/explorer/browse/?by={by}")
        wrong += look_at(page, f"browse by {by}")
    assert wrong == []


@pytest.mark.usefixtures("practice_bank")
def test_an_exercise_is_answered_in_steps(visitor: Any) -> None:
    page, found = visitor, []
    page.goto("/cookbook/learn/")
    page.get_by_role("link", name="Begin: Rows that match").click()
    right = "SELECT number, balance FROM accounts WHERE currency = 'USD' AND balance > 1000"
    for sql, heading in (
        (right.replace("FROM", "FORM"), "The answer did not run"),
        (right.replace("1000", "5000"), "Not right yet"),
        (right, "Right: these are the rows of the solution"),
    ):
        ask(page, sql)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        expect(page.get_by_label("SQL")).to_have_value(sql)
        if visitor.evaluate("matchMedia('(scripting: enabled)').matches"):
            found += look_at(page, heading)
            page.set_viewport_size({"width": 1280, "height": 844})
    page.goto("/cookbook/learn/")
    expect(page.get_by_role("heading", name="1 of")).to_be_visible()
    assert found == []
