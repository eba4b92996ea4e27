"""Statements at both widths: from the account to a file, and the page that checks one."""

from datetime import date
from pathlib import Path
from typing import Any

import pypdf
import pytest

from accounts.models import Account
from banking.statement_files.issuing import issue_due
from tests.browser.shared import look_at, sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions import services
from transactions.audit import sealing
from transactions.services import Draft

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def everyday() -> Account:
    account = AccountFactory(
        user__email="ana@example.com", user__name="Ana Ferreira", user__password=PASSWORD
    )
    services.book(Draft(to_account=account, amount=950, created_at=date_of(5), description="Pay"))
    sealing.seal(until=date(2026, 4, 1))
    issue_due()
    return account


def date_of(day: int) -> Any:
    return sealing.midnight(date(2026, 3, day))


@pytest.mark.parametrize("width", [1080, 390])
def test_a_statement_is_found_downloaded_and_checked(
    page: Any, everyday: Account, width: int, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page)
    page.goto(f"/accounts/{everyday.pk}/?start=2026-03-01")
    with page.expect_download() as chosen:
        page.get_by_role("button", name="OFX").click()
    assert b"<TRNAMT>950.00</TRNAMT>" in Path(chosen.value.path()).read_bytes()
    page.get_by_role("link", name="Monthly statements").click()
    assert look_at(page, "monthly statements") == []
    with page.expect_download() as issued:
        page.get_by_role("link", name="March 2026", exact=True).click()
    metadata = pypdf.PdfReader(issued.value.path()).metadata
    assert metadata is not None
    page.get_by_role("link", name="Check a statement that you have").click()
    assert look_at(page, "check a statement") == []
    page.get_by_label("Digest").fill("nothing")
    page.get_by_role("button", name="Check").click()
    assert look_at(page, "no such statement") == []
    page.get_by_label("Digest").fill(str(metadata.subject).split()[-1])
    page.get_by_role("button", name="Check").click()
    assert "This matches the bank" in page.locator("main").inner_text()
    assert "950.00" in page.locator("main").inner_text()
    assert look_at(page, "checked statement") == []


def test_an_account_without_statements_says_what_to_do(page: Any) -> None:
    account = AccountFactory(user__email="ana@example.com", user__password=PASSWORD)
    sign_in(page)
    page.goto(f"/accounts/{account.pk}/statements/")
    assert look_at(page, "no statement") == []
    page.get_by_role("link", name="See all entries").click()
    page.wait_for_url(f"**/accounts/{account.pk}/")
