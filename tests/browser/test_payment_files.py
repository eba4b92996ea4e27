"""Paying many people from a file: chosen, checked, paid under a bar that moves; or scriptless."""

import re
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Account
from banking.payment_files import booking, drafts
from banking.payment_files.models import PaymentFile
from tests.banking.payment_files.files import checked, csv_of, pay
from tests.browser.shared import look_at, sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions.audit.audit import audit
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)
LINES = 12


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(
        balance="1000", user__email="ana@example.com", user__name="Ana", user__password=PASSWORD
    )


@pytest.fixture
def mara() -> Account:
    return AccountFactory(user__name="Mara Lindt")


@pytest.fixture
def salaries(tmp_path: Path, mara: Account, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(drafts, "PART", 5)
    path = tmp_path / "salaries.csv"
    path.write_bytes(csv_of(*[pay(mara, n) for n in range(1, LINES)], "12,5").read())
    return path


def upload(page: Any, path: Path) -> None:
    page.get_by_role("link", name="Send money").click()
    page.get_by_role("link", name="Pay from a file").click()
    page.get_by_label("CSV file").set_input_files(path)
    page.get_by_role("button", name="Check the lines").click()
    page.wait_for_url(re.compile("/transfers/files/[0-9a-f-]{36}/"))


def head_of(page: Any) -> str:
    return " ".join(page.locator(".page-head").inner_text().replace("\xa0", " ").split())


def transfers() -> int:
    return int(Transaction.objects.filter(type="transfer").count())


def test_a_file_is_chosen_checked_and_paid_in_steps_under_a_bar(
    page: Any, everyday: Account, salaries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    page.on("request", lambda request: seen.append(1) if request.method == "POST" else None)
    sign_in(page)
    upload(page, salaries)
    assert "11 of 12 payments from Everyday can be booked 66.00 USD 1 line cannot be booked" in (
        head_of(page)
    )
    assert "An account number has 12 digits" in page.locator("tbody tr").first.inner_text()
    assert transfers() == 0
    seen.clear()
    page.get_by_role("button", name="Pay the 11 lines that can be booked").click()
    page.get_by_text("Paid from Everyday: 11 payments").wait_for()
    assert "1 of 12 lines was not booked" in head_of(page)
    assert "Done: 11 payments booked." in page.locator("#messages").inner_text()
    assert len(seen) == 3, "two steps of five, and one that ends it"
    assert transfers() == 11
    assert audit().clean


def test_the_bar_says_how_far_it_is_and_a_failed_step_can_be_gone_on_with(
    browser: Any, live_server: Any, everyday: Account, salaries: Path
) -> None:
    page = browser.new_context(base_url=live_server.url).new_page()
    sign_in(page)
    upload(page, salaries)
    steps: list[int] = []

    def answer(route: Any) -> None:
        steps.append(1)
        if len(steps) == 2:
            route.abort()
        else:
            route.continue_()

    page.route(
        re.compile("/transfers/files/[0-9a-f-]{36}/$"),
        lambda route: answer(route) if route.request.method == "POST" else route.continue_(),
    )
    errors: list[str] = []
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.get_by_role("button", name="Pay the 11 lines that can be booked").click()
    bar = page.get_by_role("progressbar", name="Lines done")
    bar.wait_for()
    page.wait_for_function("document.querySelector('progress').value >= 6")
    assert "6 of 12 lines are done, 1 of them refused." in head_of(page)
    assert transfers() == 5
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("Paid from Everyday: 11 payments").wait_for()
    page.context.close()
    assert (len(errors), transfers()) == (1, 11)


def test_all_or_nothing_pressed_twice_pays_once(
    page: Any, everyday: Account, mara: Account, tmp_path: Path
) -> None:
    path = tmp_path / "rents.csv"
    path.write_bytes(csv_of(*[pay(mara, 1)] * 4).read())
    sign_in(page)
    upload(page, path)
    page.get_by_role("button", name="Pay all 4 lines or none").dblclick()
    page.get_by_text("Paid from Everyday: 4 payments").wait_for()
    assert transfers() == 4
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "rents-result.csv"
    assert download.value.path().read_text().count(",paid,") == 4


def test_without_script_a_file_is_paid_with_one_press(
    browser: Any, live_server: Any, everyday: Account, salaries: Path
) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    upload(page, salaries)
    page.get_by_role("button", name="Pay the 11 lines that can be booked").click()
    page.get_by_text("Paid from Everyday: 11 payments").wait_for()
    context.close()
    assert transfers() == 11


def test_a_booking_that_stopped_without_script_goes_on_by_its_button(
    browser: Any, live_server: Any, everyday: Account, mara: Account, salaries: Path
) -> None:
    file = booking.book_step(checked(everyday, *[pay(mara, 1)] * 7))
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    page.goto(f"/transfers/files/{file.pk}/")
    assert "5 of 7 lines are done." in head_of(page)
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("Paid from Everyday: 7 payments").wait_for()
    context.close()
    assert transfers() == 7


APPEARS = """
const working = document.querySelector("[data-working]");
const shown = () => working.hidden || appeared(working.innerText.trim());
new MutationObserver(shown).observe(working, {attributes: true});
"""


def test_work_that_takes_long_says_what_it_is_and_how_many_lines(
    page: Any, everyday: Account, mara: Account, salaries: Path
) -> None:
    """The server seems to work until the page has said so; an answer that comes at once would
    never let it appear."""
    file = checked(everyday, pay(mara, 1), pay(mara, 2))
    held: list[Any] = []
    said: list[str] = []

    def answer(text: str) -> None:
        said.append(text)
        held.pop().continue_()

    sign_in(page)
    page.expose_function("appeared", answer)
    page.route(
        "**/transfers/files/**",
        lambda route: held.append(route) if route.request.method == "POST" else route.continue_(),
    )
    page.goto(f"/transfers/files/{file.pk}/")
    assert not page.get_by_role("progressbar").count()
    page.evaluate(APPEARS)
    page.get_by_role("button", name="Pay all 2 lines or none").click()
    page.get_by_text("Paid from Everyday: 2 payments").wait_for()
    page.goto("/transfers/files/new/")
    page.evaluate(APPEARS)
    page.get_by_label("CSV file").set_input_files(salaries)
    page.get_by_role("button", name="Check the lines").click()
    page.get_by_text("11 of 12 payments from Everyday can be booked").wait_for()
    assert said == [
        "Paying 2 lines, all or none.",
        "Reading and checking 12 lines. Nothing is booked yet.",
    ]


def test_everybody_can_read_the_pages_on_any_screen(
    browser: Any, live_server: Any, everyday: Account, mara: Account, salaries: Path
) -> None:
    long = "Wolfeschlegelsteinhausenbergerdorff" * 4
    refused = checked(everyday, pay(mara, 99999999, long), f"{long[:90]},{'9' * 40},,", name=long)
    paying = booking.book_step(checked(everyday, *[pay(mara, 1, long)] * 7))
    done = booking.book_rest(checked(everyday, pay(mara, 1)))
    named = f"{mara.number},{long[:90]},1,,"
    doubtful = checked(everyday, named, named, heading="to,name,amount,description,reference")
    pages = ["/transfers/files/", "/transfers/files/new/"]
    pages += [f"/transfers/files/{file.pk}/" for file in (refused, paying, done, doubtful)]
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    sign_in(page)
    page.route(  # so that the bar stands still
        "**/transfers/files/**",
        lambda r: r.abort() if r.request.method == "POST" else r.continue_(),
    )
    found = []
    for url in pages:
        page.goto(url)
        found += look_at(page, url)
    context.close()
    assert found == []
    assert PaymentFile.objects.get(pk=paying.pk).state == PaymentFile.State.PAYING
