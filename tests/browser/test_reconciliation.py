"""An outside statement from the upload to the second signature, by two people of the bank, at a
desk, on a phone and without scripts.

On the way, each page is looked at in both widths and colours, printed, and with long texts.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.groups import MANAGER
from accounts.models import Account, User
from banking.reconciliation.models import Reconciliation
from tests.banking.reconciliation.files import HEAD, paid_in, today
from tests.browser.shared import LONG, await_text, check_width, look_at
from tests.factories import PASSWORD, UserFactory
from transactions.audit.audit import audit

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "admin:reconciliation_reconciliation_changelist"


@pytest.fixture
def boss() -> User:
    boss = UserFactory(is_staff=True, email="boss@example.com", password=PASSWORD, name=LONG)
    boss.groups.add(Group.objects.get(name=MANAGER))
    return boss


@pytest.fixture
def file(everyday: Account, tmp_path: Path) -> Path:
    """A payment of the books in two lines, and a fee; the texts are long."""
    paid_in(everyday, "40", description="z" * 120)
    written = tmp_path / f"{'november-' * 12}.csv"
    lines = [f"{today()},25,{LONG},{'Gehalt' * 60},{'R' * 35}", f"{today()},15,{LONG},,"]
    written.write_text("\n".join([HEAD.strip(), *lines, f"{today()},-2.50,Bank,Fee,", ""]))
    return written


def test_a_statement_is_matched_left_over_and_signed_by_two(
    visit: Callable[[str], Any], has_scripts: bool, clerk: User, boss: User, file: Path
) -> None:
    page, wrong = visit(clerk.email), list[str]()

    def press(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).click()

    def look(what: str) -> None:
        check_width(page)
        if has_scripts and page.viewport_size["width"] == 1080:
            size = page.viewport_size
            wrong.extend(look_at(page, what))
            page.set_viewport_size(size)
            page.goto(page.url)  # looking at it breaks its policy

    page.goto("/admin/")
    page.locator("dl > div", has_text="Open reconciliations").get_by_role("link").click()
    look("none yet")
    page.goto(reverse("admin:reconciliation_reconciliation_add"))
    press("Read the file")
    page.get_by_text("Choose the file").wait_for()
    look("nothing chosen")
    page.get_by_label("Currency").select_option("USD")
    page.get_by_label("File").set_input_files(file)
    press("Read the file")
    page.get_by_text("3 of 3 lines are open").wait_for()
    look("open")
    lines = page.url
    first_open = page.locator("tbody td").first.get_by_role("link")
    for number in (1, 2):
        first_open.click()
        page.get_by_text("Booked payments within ten days").first.wait_for()
        look(f"line {number}")
        page.locator("tr", has_text="z" * 70).get_by_role("button", name="Match").click()
        page.get_by_text("This line is fully matched.").wait_for()
        page.goto(lines)
    await_text(page, "1 of 3 lines is open", "#content")
    first_open.click()
    page.get_by_label("Reason why the line is left over").fill("Fee of November " * 8)
    press("Mark as left over")
    page.get_by_text("Leftover reason").wait_for()
    page.goto(lines)
    press("Sign")
    page.get_by_text("Another person must sign it too").first.wait_for()
    look("signed by one")
    page = visit(boss.email)
    page.goto(reverse(LIST))
    page.locator("#result_list a").first.click()
    press("Sign")
    page.get_by_text("frozen, because two people have signed it.").wait_for()
    look("frozen")
    whose = Reconciliation.objects.get()
    assert (whose.signed_by, whose.countersigned_by) == (clerk, boss)
    assert wrong == []
    assert audit().clean
