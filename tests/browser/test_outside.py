"""A file of another bank from upload to undo, at a desk, on a phone and without scripts.

On the way, each page is looked at in both widths and colours, printed, and with long texts.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from banking.outside.models import OutsideEntry
from tests.banking.outside.files import GERMAN
from tests.browser.shared import LONG, await_text, check_width, look_at
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
NAME = LONG[:60]
WITH_LONG_TEXTS = GERMAN.replace("Muster GmbH", LONG).replace("Gehalt", "Gehalt" * 60)


def press(page: Any, name: str) -> None:
    page.locator("main").get_by_role("button", name=name).click()


def add_an_account(page: Any) -> None:
    page.locator("main").get_by_role("link", name="Add an outside account").click()
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Currency").select_option("EUR")
    page.get_by_label("Balance before").fill("10")
    press(page, "Add the account")


def send(page: Any, path: Path) -> None:
    page.get_by_label("File").set_input_files(path)
    press(page, "Read the file")


def check_day_totals(page: Any) -> None:
    """At a desk, a day's total is on the line of its day, and the table apart from the buttons."""
    if page.viewport_size["width"] != 1080:
        return
    day, total = (
        page.locator(".day__head")
        .first.locator("th, td")
        .evaluate_all(
            "cells => cells.slice(0, 2).map(cell => {"
            " const range = document.createRange(); range.selectNodeContents(cell.lastChild);"
            " return [range.getBoundingClientRect().bottom, getComputedStyle(cell).color]; })"
        )
    )
    assert abs(day[0] - total[0]) < 3
    assert day[1] == total[1]
    buttons, table = (
        page.locator(name).first.bounding_box() for name in (".actions", ".statement")
    )
    assert table["y"] - buttons["y"] - buttons["height"] >= 24


def test_a_file_is_read_mapped_previewed_imported_and_undone(
    visit: Callable[[str], Any], has_scripts: bool, tmp_path: Path
) -> None:
    UserFactory(email="ana@example.com", name=LONG, password=PASSWORD)
    first, broken = tmp_path / f"{'november-' * 12}.csv", tmp_path / "broken.csv"
    first.write_text(WITH_LONG_TEXTS)
    broken.write_text(GERMAN + '"31.02.2026";"";"";"X";"";"-1,00"\n')
    page = visit("ana@example.com")
    wrong = list[str]()

    def look(what: str) -> None:
        check_width(page)
        if has_scripts and page.viewport_size["width"] == 1080:
            size = page.viewport_size
            wrong.extend(look_at(page, what))
            page.set_viewport_size(size)
            page.goto(page.url)  # looking at it breaks its policy

    page.goto("/outside/")
    look("no account")
    add_an_account(page)
    look("upload")
    send(page, first)
    page.wait_for_url("**/columns/")
    look("columns")
    press(page, "Show the lines")
    page.get_by_role("button", name="Import 4 lines").wait_for()
    look("preview")
    press(page, "Import 4 lines")
    page.get_by_text("Imported: 4 lines.").wait_for()
    await_text(page, "1,853.20", "h1")
    look("account")
    check_day_totals(page)
    page.locator("main").get_by_role("link", name="Import a file").click()
    send(page, first)
    page.get_by_text("You imported the same file").wait_for()
    assert page.locator("main").inner_text().count("duplicate") >= 5
    look("doubles")
    press(page, "Discard this file")
    page.locator("main").get_by_role("link", name="Import a file").click()
    send(page, broken)
    page.get_by_text("is not a valid date").wait_for()
    if has_scripts and page.viewport_size["width"] == 1080:
        wrong.extend(look_at(page, "refused"))
    page.goto("/outside/")
    look("list")
    page.locator("main").get_by_role("link", name=NAME).click()
    page.locator("main").get_by_role("link", name="november").first.click()
    look("imported")
    press(page, "Undo this import")
    page.get_by_text("is undone").wait_for()
    await_text(page, "10.00", "h1")
    look("empty account")
    assert not OutsideEntry.objects.exists()
    assert wrong == []
