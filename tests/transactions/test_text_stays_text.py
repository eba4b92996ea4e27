"""Text that people write is escaped on every page and in every file.

Names, descriptions, references, metadata keys and values, notes and reasons are hostile here, and
each kind of reader opens every page that shows them.
"""

import csv
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.http import urlencode

from accounts import services as account_services
from accounts.models import Account, User
from tests.factories import AccountFactory, UserFactory
from tests.pages import Attributes
from tests.transactions.reports.books import analyst
from transactions import services
from transactions.annotations.services import annotate
from transactions.models import Transaction
from transactions.reports.catalogue import BY_SLUG

pytestmark = pytest.mark.django_db
IMG, SCRIPT = "<img src=x onerror=alert(1)>", "<script>alert(1)</script>"
QUOTE = '" autofocus onfocus="alert(1)'
HOSTILE = f"{IMG} {SCRIPT} {QUOTE} zebra"
FORMULA = "=cmd|' /C calc'!A0"
ASKED = ["zebra", "zebar", "onerror", "alert img", IMG, SCRIPT, QUOTE, f"foo:{IMG}", f'tag:"{IMG}"',
         f"note:{SCRIPT}", f"account:{IMG}", f"to:{SCRIPT}", f"meta.{IMG}:zebra", "amount:<script>",
         f'category:"{IMG}"', f'meta."{IMG}":x', "has:note"]  # fmt: skip


class TextBank:
    """Ana pays Eve; the names and all texts of the payments are hostile."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.ana: Account = self.account("ana")
        self.eve: Account = self.account("eve")
        now = timezone.now()
        details = {"category": text, "channel": text, text: text, "a": {text: [text, {text: text}]}}
        drafts = [
            services.Draft(
                from_account=None if day % 2 else self.ana,
                to_account=self.eve if day % 3 else None,
                amount=Decimal(day), description=text, reference=text[:30], metadata=details,
                created_at=now - timedelta(days=40 - day),
            )
            for day in range(1, 35) if day % 2 == 0 or day % 3
        ]  # fmt: skip
        services.post_batch(drafts)
        self.paid: Transaction = services.transfer(
            from_account=self.ana, to_account=self.eve, amount=Decimal("13.40"),
            description=text, reference=text[:30], metadata=details,
        )  # fmt: skip
        self.held = services.hold(from_account=self.ana, amount=Decimal(1), description=text)
        annotate(transaction=self.paid, owner=self.ana.user, text=text, tags=["zebra"])
        annotate(transaction=self.paid, owner=self.ana.user, text=f"{text} again", tags=["zebra"])

    def account(self, who: str) -> Account:
        account: Account = AccountFactory(
            balance="900", overdraft_limit=Decimal(9000), name=self.text,
            user=UserFactory(name=self.text, email=f"{who}@example.com"),
        )  # fmt: skip
        return account


@pytest.fixture
def bank() -> TextBank:
    return TextBank(HOSTILE)


def of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def assert_text(client: Client, url: str, *, shows: bool = True) -> None:
    """The page has nothing of it but as text; with `shows`, it does have it."""
    response = client.get(url, follow=True)
    page = response.content.decode()
    assert response.status_code == 200, url
    assert not {"onerror", "onfocus"} & Attributes(page).seen, url
    assert IMG not in page, url
    assert SCRIPT not in page, url
    assert 'autofocus onfocus="' not in page, url
    if shows:
        assert escape(IMG)[:12] in page, url


def searches(address: str, **more: str) -> list[str]:
    return [f"{address}?{urlencode({'q': asked, **more})}" for asked in ASKED]


def reports(**more: str) -> list[str]:
    query = urlencode({"currency": "USD", **more})
    slugs = [slug for slug, report in BY_SLUG.items() if more or not report.bank_only]
    return [f"{reverse('transactions:report', args=[slug])}?{query}" for slug in slugs]


def test_text_is_escaped_on_every_page_of_a_customer(bank: TextBank) -> None:
    client, statement = of(bank.ana.user), f"/accounts/{bank.ana.pk}/"
    for url in (
        "/", "/accounts/", statement, f"{statement}?paper=1", "/transfers/new/", "/search/?q=zebra",
        f"/transactions/{bank.paid.pk}/", f"/transactions/{bank.held.pk}/", "/search/",
        f"/transfers/new/?{urlencode({'description': HOSTILE})}",
    ):  # fmt: skip
        assert_text(client, url, shows=url != "/search/")
    for url in [*searches("/search/"), *searches(statement), *reports()]:
        assert_text(client, url, shows=False)
    assert_text(of(bank.eve.user), f"/transactions/{bank.paid.pk}/")


def test_text_is_escaped_in_forms_that_show_what_was_typed(bank: TextBank) -> None:
    client = of(bank.ana.user)
    said = {"text": HOSTILE, "tags": HOSTILE, "description": HOSTILE, "reference": HOSTILE,
            "number": HOSTILE, "amount": HOSTILE, "name": HOSTILE}  # fmt: skip
    for url in (f"/transactions/{bank.paid.pk}/note/", "/transfers/new/", "/accounts/open/"):
        page = client.post(url, said).content.decode()
        assert escape(IMG) in page, url
        assert IMG not in page, url
        assert SCRIPT not in page, url
        assert not {"onerror", "onfocus"} & Attributes(page).seen, url


def test_text_is_escaped_on_every_page_of_staff(staff: Client, bank: TextBank) -> None:
    account_services.freeze_account(account=bank.eve, reason=HOSTILE)
    pages = ["/admin/"]
    for thing in (bank.ana.user, bank.ana, bank.eve, bank.paid, bank.held):
        name = f"admin:{thing._meta.app_label}_{thing._meta.model_name}"
        pages += [reverse(f"{name}_change", args=[thing.pk]), reverse(f"{name}_changelist")]
        pages.append(reverse(f"{name}_history", args=[thing.pk]))
    staff.post(reverse("admin:accounts_account_unfreeze", args=[bank.eve.pk]), {"reason": HOSTILE})
    for url in dict.fromkeys(pages):
        is_written_on = url != "/admin/" and not ("/transaction/" in url and "history" in url)
        assert_text(staff, url, shows=is_written_on)
    for url in (
        f"/transactions/{bank.paid.pk}/",
        "/admin/search/?q=zebra",
        "/search/?q=zebra&whose=bank",
    ):
        assert_text(staff, url)
    lists = ("accounts_user", "accounts_account", "transactions_transaction")
    for address in ("/admin/search/", *(reverse(f"admin:{name}_changelist") for name in lists)):
        for url in searches(address):
            assert_text(staff, url, shows=False)
    for url in (*searches("/search/", whose="bank"), *reports(whose="bank")):
        assert_text(staff, url, shows=False)


def test_text_is_escaped_on_every_page_of_an_analyst(bank: TextBank) -> None:
    client = of(analyst())
    for url in (*searches("/search/", whose="bank"), *reports(whose="bank"), "/search/?whose=bank"):
        assert_text(client, url, shows=False)


@pytest.mark.parametrize("text", [FORMULA, "@SUM(A1)", " -2+3", "\uff1d1+1"])
def test_no_cell_of_a_file_is_a_formula(text: str) -> None:
    bank = TextBank(f"{text} zebra")
    client = of(bank.ana.user)
    urls = [f"{url.split('?')[0]}report.csv?{url.split('?')[1]}" for url in reports()]
    urls.append(reverse("transactions:statement_csv", args=[bank.ana.pk]))
    said = 0
    for url in urls:
        lines: Any = csv.reader(StringIO(client.get(url).getvalue().decode()))
        for cell in (cell for line in lines for cell in line if "zebra" in cell):
            said += 1
            assert not cell.lstrip().startswith(text.strip()[0]), (url, cell)
    assert said
