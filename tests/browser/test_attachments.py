"""A receipt on a payment, at both widths, with a camera's field on a phone, and without scripts."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Account
from banking.attachments.models import Attachment
from tests.banking.attachments.files import HTML, document, with_data
from tests.browser.shared import look_at, sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions import services
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid() -> Transaction:
    everyday: Account = AccountFactory(
        balance="2000", user__email="ana@example.com", user__name="Ana", user__password=PASSWORD
    )
    return services.transfer(
        from_account=everyday, to_account=AccountFactory(), amount=Decimal(12), description="Lunch",
        created_by=everyday.user,
    )  # fmt: skip


@pytest.mark.parametrize("width", [1080, 390])
def test_a_receipt_is_attached_downloaded_and_removed(
    page: Any, paid: Transaction, tmp_path: Path, width: int
) -> None:
    picture, invoice, other = (tmp_path / name for name in ("lunch.jpg", "a.pdf", "page.png"))
    picture.write_bytes(with_data())
    invoice.write_bytes(document())
    other.write_bytes(HTML)
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page)
    address = f"/transactions/{paid.pk}/"
    page.goto(address)
    page.get_by_text("Add a picture or a PDF").click()
    assert not page.get_by_label("Take a picture").is_visible()  # it has no touch screen
    page.get_by_label("Picture or PDF").set_input_files(picture)
    page.get_by_role("button", name="Attach").click()
    page.get_by_text("lunch.jpg is attached.").wait_for()
    page.goto(address)
    page.get_by_text("Add a picture or a PDF").click()
    page.get_by_label("Picture or PDF").set_input_files(other)
    page.get_by_role("button", name="Attach").click()
    page.get_by_text("not a JPEG, PNG or WebP picture").wait_for()
    assert look_at(page, "a refused receipt") == []
    page.goto(address)
    page.get_by_text("Add a picture or a PDF").click()
    page.get_by_label("Picture or PDF").set_input_files(invoice)
    page.get_by_role("button", name="Attach").click()
    page.get_by_text("a.pdf is attached.").wait_for()
    assert look_at(page, "receipts") == []
    page.goto(address)
    with page.expect_download() as saved:
        page.get_by_role("link", name="lunch.jpg").click()
    assert saved.value.suggested_filename == "lunch.jpg"
    assert Path(saved.value.path()).read_bytes().startswith(b"\xff\xd8\xff")
    button = page.get_by_role("button", name="Remove the file lunch.jpg")
    assert not button.is_visible(), "removing takes two presses"
    page.locator("summary", has_text="Remove lunch.jpg").click()
    button.click()
    page.get_by_text("lunch.jpg is removed.").wait_for()
    assert [row.file_name for row in Attachment.objects.all()] == ["a.pdf"]


def test_a_phone_takes_a_picture_without_scripts(
    browser: Any, live_server: Any, paid: Transaction, tmp_path: Path
) -> None:
    picture = tmp_path / "image.jpg"
    picture.write_bytes(with_data())
    context = browser.new_context(
        base_url=live_server.url, has_touch=True, is_mobile=True, java_script_enabled=False,
        viewport={"width": 390, "height": 800},
    )  # fmt: skip
    page = context.new_page()
    sign_in(page)
    page.goto(f"/transactions/{paid.pk}/")
    page.get_by_text("Add a picture or a PDF").click()
    camera = page.get_by_label("Take a picture")
    assert camera.is_visible()
    assert camera.get_attribute("capture") == "environment"
    camera.set_input_files(picture)
    page.get_by_role("button", name="Attach").click()
    page.get_by_text("image.jpg is attached.").wait_for()
    context.close()
    assert Attachment.objects.count() == 1
