"""Pages with htmx when the connection is lost, the session has ended, or answers are late."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import expect

from accounts.models import Account, WebSession
from banking.outside import services as outside
from banking.payment_files import drafts
from ledger.web import database_errors
from tests.banking.outside.files import outside_account, stored
from tests.banking.payment_files.files import checked, pay
from tests.browser.shared import check_width, look_at, sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions import services

pytestmark = pytest.mark.django_db(transaction=True)
MAPPING = {"date": 0, "amount": 1, "texts": [2], "order": "ymd", "decimal": ".", "flip": False}
ERRORS = "#request-errors"
SIGN_IN = re.compile(r"/account/login/\?next=")


@pytest.fixture
def everyday() -> Account:
    account: Account = AccountFactory(
        balance=100, user__email="ana@example.com", user__name="Ana", user__password=PASSWORD
    )
    for description in ("Kettle", "Restaurant"):
        services.deposit(to_account=account, amount=Decimal(10), description=description)
    return account


@pytest.fixture(params=[1080, 390])
def page(request: pytest.FixtureRequest, browser: Any, live_server: Any) -> Iterator[Any]:
    """A page at a desk and on a phone. Requests may fail, but no script."""
    size = {"width": request.param, "height": 844}
    context = browser.new_context(base_url=live_server.url, viewport=size)
    context.set_default_timeout(60_000)
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def end_sessions() -> None:
    WebSession.objects.all().delete()


def open_search(page: Any, query: str = "?q=kettle") -> Any:
    sign_in(page)
    page.goto(f"/search/{query}")
    return page.get_by_role("searchbox")


def found(page: Any) -> Any:
    return page.locator("#results mark")


def is_post(step: Callable[[Any], None], *, number: int) -> Callable[[Any], None]:
    """Calls `step` for this POST and lets all other requests pass."""
    seen = list[int]()

    def answer(route: Any) -> None:
        if route.request.method == "POST":
            seen.append(1)
        if route.request.method == "POST" and len(seen) == number:
            step(route)
        else:
            route.continue_()

    return answer


def end_and_continue(route: Any) -> None:
    end_sessions()
    connection.close()  # the handler of a route has a connection of its own
    route.continue_()


def abort(route: Any) -> None:
    route.abort("internetdisconnected")


def test_without_a_connection_the_page_names_the_words_of_its_results(
    page: Any, everyday: Account
) -> None:
    box = open_search(page)
    page.context.set_offline(True)
    box.fill("restaurant")
    expect(page.locator(ERRORS)).to_have_text("No connection. These are the results for kettle.")
    expect(page.locator(ERRORS)).to_be_in_viewport()
    assert found(page).all_inner_texts() == ["Kettle"]
    assert page.url.endswith("?q=kettle")
    assert box.evaluate("box => box === document.activeElement")
    check_width(page)
    page.context.set_offline(False)
    expect(found(page)).to_have_text(["Restaurant"])
    expect(page.locator(ERRORS)).to_be_empty()
    assert page.url.endswith("?q=restaurant")
    page.context.set_offline(True)
    box.fill("<b>zzz")
    expect(page.locator(ERRORS)).to_contain_text("These are the results for restaurant.")
    assert look_at(page, "no connection") == []


def test_without_results_the_page_says_that_there_are_none(page: Any, everyday: Account) -> None:
    box = open_search(page, "")
    page.context.set_offline(True)
    box.fill("kettle")
    expect(page.locator(ERRORS)).to_have_text("No connection. There are no results yet.")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (429, "Too many searches."),
        (409, "Too many searches. Wait a minute."),
        (502, "The server has a problem."),
    ],
)
def test_an_error_of_the_server_is_shown_by_its_title(
    page: Any, everyday: Account, status: int, text: str
) -> None:
    sorry = database_errors.page("Too many searches", "Wait a minute.", None, status=status)
    content = sorry.content if status < 500 else "<h1>Bad gateway</h1>"
    box = open_search(page)
    page.route("**/search/?q=rest*", lambda route: route.fulfill(status=status, body=content))
    box.fill("restaurant")
    expect(page.locator(ERRORS)).to_have_text(f"{text} These are the results for kettle.")
    assert found(page).all_inner_texts() == ["Kettle"]


def test_a_late_answer_does_not_replace_a_newer_one(page: Any, everyday: Account) -> None:
    page.clock.install()
    box, held = open_search(page, ""), list[Any]()

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/search/?q=restaurant", hold)
    with page.expect_request("**/search/?q=restaurant"):
        box.fill("restaurant")
    page.clock.fast_forward(3000)
    expect(page.locator(ERRORS)).to_have_text("No answer yet. There are no results yet.")
    box.fill("kettle")
    expect(found(page)).to_have_text(["Kettle"])
    expect(page.locator(ERRORS)).to_be_empty()
    held[0].fallback()  # like continue_, but htmx has cancelled the request
    page.clock.fast_forward(3000)
    page.evaluate("fetch('/search/').then(answer => answer.text())")  # later than the late answer
    assert found(page).all_inner_texts() == ["Kettle"]
    expect(page.locator(ERRORS)).to_be_empty()


def test_a_search_after_the_session_leads_to_the_sign_in_and_back(
    page: Any, everyday: Account
) -> None:
    box = open_search(page)
    end_sessions()
    box.fill("restaurant")
    page.wait_for_url(SIGN_IN)
    expect(page.locator("header.top")).to_have_count(1)
    page.get_by_label("Email").fill("ana@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/search/?q=restaurant")
    expect(found(page)).to_have_text(["Restaurant"])


def test_back_loads_the_page_again(page: Any, everyday: Account) -> None:
    open_search(page).fill("restaurant")
    expect(found(page)).to_have_text(["Restaurant"])
    page.evaluate("location.hash = 'main'")
    end_sessions()
    page.go_back()
    page.wait_for_url(SIGN_IN)
    expect(page.locator("header.top")).to_have_count(1)
    assert page.evaluate("sessionStorage.getItem('htmx-history-cache')") is None


def test_without_scripts_it_leads_there_too(visit: Callable[[str], Any], everyday: Account) -> None:
    page = visit("ana@example.com")
    page.goto("/search/?q=kettle")
    assert found(page).all_inner_texts() == ["Kettle"]
    end_sessions()
    page.get_by_role("searchbox").fill("restaurant")
    page.get_by_role("searchbox").press("Enter")
    page.wait_for_url(SIGN_IN)
    expect(page.locator("header.top")).to_have_count(1)
    check_width(page)


def test_recipes_name_the_words_of_their_results_too(page: Any, everyday: Account) -> None:
    sign_in(page)
    page.goto("/cookbook/?q=upsert")
    page.context.set_offline(True)
    page.get_by_role("searchbox").fill("window")
    expect(page.locator(ERRORS)).to_have_text("No connection. These are the results for upsert.")
    check_width(page)


@pytest.fixture
def import_url(everyday: Account, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(outside, "STEP", 1)
    rows = "".join(f"2026-11-0{day},-5.00,Bus\n" for day in (1, 2, 3))
    source = stored(
        outside_account(owner=everyday.user), file=f"Date,Amount,Note\n{rows}",
        state="reading", line_count=3, mapping=MAPPING,
        first_on=date(2026, 11, 1), last_on=date(2026, 11, 3),
    )  # fmt: skip
    return f"/outside/imports/{source.pk}/"


def test_an_import_stops_without_a_connection_and_continues(page: Any, import_url: str) -> None:
    sign_in(page)
    page.route(f"**{import_url}", is_post(abort, number=2))
    page.goto(import_url)
    text = "No connection. Press Continue to try again, or reload the page."
    expect(page.locator(ERRORS)).to_have_text(text)
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "1")
    check_width(page)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Import 3 lines").wait_for()


def test_continue_replaces_a_step_that_does_not_answer(page: Any, import_url: str) -> None:
    sign_in(page)
    held = list[Any]()
    page.route(f"**{import_url}", is_post(held.append, number=2))
    page.goto(import_url)
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "1")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Import 3 lines").wait_for()
    (late,) = held
    late.fallback()  # Playwright waits for each request that it holds


def test_an_import_after_the_session_leads_to_the_sign_in(page: Any, import_url: str) -> None:
    sign_in(page)
    page.route(f"**{import_url}", is_post(end_and_continue, number=2))
    page.goto(import_url)
    page.wait_for_url(SIGN_IN)
    expect(page.locator("header.top")).to_have_count(1)


@pytest.fixture
def file_url(everyday: Account, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(drafts, "PART", 1)
    to = AccountFactory(user__name="Mara Lindt")
    return f"/transfers/files/{checked(everyday, *[pay(to, 1)] * 3).pk}/"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "No connection. Reload the page to see which lines are booked."),
        (2, "No connection. Press Continue, or reload the page to see which lines are booked."),
    ],
)
def test_a_payment_file_stops_without_a_connection_and_continues(
    page: Any, file_url: str, number: int, text: str
) -> None:
    sign_in(page)
    page.route(f"**{file_url}", is_post(abort, number=number))
    page.goto(file_url)
    page.get_by_role("button", name="Pay what can be booked").click()
    expect(page.locator(ERRORS)).to_have_text(text)
    expect(page.locator(ERRORS)).to_be_in_viewport()
    check_width(page)
    page.get_by_role("button", name=re.compile("Pay what can be booked|Continue")).click()
    page.get_by_text("Paid from Everyday: 3 payments").wait_for()
    expect(page.locator(ERRORS)).to_be_empty()


@pytest.mark.parametrize("number", [1, 2])
def test_a_payment_file_after_the_session_leads_to_the_sign_in(
    page: Any, file_url: str, number: int
) -> None:
    sign_in(page)
    page.route(f"**{file_url}", is_post(end_and_continue, number=number))
    page.goto(file_url)
    page.get_by_role("button", name="Pay what can be booked").click()
    page.wait_for_url(SIGN_IN)
    expect(page.locator("header.top")).to_have_count(1)


def test_home_shows_from_when_its_amounts_are(page: Any, everyday: Account) -> None:
    sign_in(page)
    page.wait_for_load_state()  # with the script, which is not loaded without a connection
    toast = page.locator("#messages .toast--live")
    page.context.set_offline(True)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(toast).to_contain_text(
        re.compile(r"No connection to the bank\. This page shows the amounts of \d\d:\d\d\.")
    )
    assert look_at(page, "home without a connection") == []
    page.context.set_offline(False)
    expect(toast).to_have_count(0)


def test_home_leaves_for_the_sign_in_after_the_session(page: Any, everyday: Account) -> None:
    sign_in(page)
    end_sessions()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_url(SIGN_IN)
    expect(page.locator("header.top")).to_have_count(1)
