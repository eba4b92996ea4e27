"""The rows of a statement and of the home page as HTML."""

from decimal import Decimal
from html import unescape

import pytest
from django.test import Client

from accounts.models import Account
from tests.factories import AccountFactory, UserFactory
from tests.pages import markup_of, texts_of
from transactions import services
from transactions.entry_line import ROW, EntryLine, row_format
from transactions.search.page.hits import HitLine

pytestmark = pytest.mark.django_db
HOSTILE = "{balance} {0} {{}} <b>\"bold\"</b> & 'quoted'"
ESCAPED = "{balance} {0} {{}} &lt;b&gt;&quot;bold&quot;&lt;/b&gt; &amp; &#x27;quoted&#x27;"


@pytest.fixture
def account(client: Client) -> Account:
    account = AccountFactory(name=f"A {HOSTILE}", balance="100", user__name="Ana Ferreira")
    client.force_login(account.user)
    return account


@pytest.mark.parametrize(
    ("template", "fields"),
    [(ROW, EntryLine._fields), ("includes/_hit_row.html", HitLine._fields)],
)
def test_the_template_of_a_row_has_a_place_for_every_value(
    template: str, fields: tuple[str, ...]
) -> None:
    row = row_format(template, fields)
    assert [name for name in fields if f"{{{name}}}" not in row] == []
    assert "{" not in row.format(**dict.fromkeys(fields, ""))


def test_braces_and_html_in_texts_stay_text(client: Client, account: Account) -> None:
    other = AccountFactory(user=UserFactory(name=f"N {HOSTILE}"))
    services.transfer(
        from_account=account, to_account=other, amount=Decimal(1),
        description=f"D {HOSTILE}", reference=f"R {HOSTILE}", metadata={"category": "C <b>{0}"},
    )  # fmt: skip
    for url, letters in (("/", "ADR"), (f"/accounts/{account.pk}/", "DR")):
        page = client.get(url).content.decode()
        assert f'/">N {ESCAPED}</a>' in page
        for letter in letters:
            assert f" · {letter} {ESCAPED}" in page
        assert " · C &lt;b&gt;{0}" in page
        assert "<b>" not in page

    found = client.get("/search/?q=is:out").content.decode()
    assert "<b>" not in found
    for text in (f'/">N {HOSTILE}</a>', *(f" · {letter} {HOSTILE}" for letter in "ADR")):
        assert text in unescape(found)


def test_a_refund_has_its_badge(client: Client, account: Account) -> None:
    paid = services.transfer(from_account=account, to_account=AccountFactory(), amount=Decimal(3))
    services.reverse(transaction=paid, amount=Decimal(3))
    for url in ("/", f"/accounts/{account.pk}/"):
        assert texts_of(client.get(url), "badge") == ["refund"]


def test_home_names_currencies_only_where_there_are_several(
    client: Client, account: Account
) -> None:
    assert '<span class="caption">USD</span>' not in markup_of(client.get("/"))
    AccountFactory(user=account.user, currency="EUR", balance="5")
    page = markup_of(client.get("/"))
    assert '<span class="caption">USD</span>' in page
    assert '<span class="caption">EUR</span>' in page


def test_payments_to_others_can_be_sent_again_from_their_row(
    client: Client, account: Account
) -> None:
    other = AccountFactory(balance="9")
    paid = services.transfer(from_account=account, to_account=other, amount=Decimal(1))
    received = services.transfer(from_account=other, to_account=account, amount=Decimal(2))
    withdrawn = services.withdraw(from_account=account, amount=Decimal(3))
    held = services.hold(from_account=account, to_account=other, amount=Decimal(4))
    back = services.reverse(transaction=received)
    for url in ("/", f"/accounts/{account.pk}/"):
        page = client.get(url).content.decode()
        assert f'href="/transfers/new/?again={paid.pk}"' in page
        for row in (received, withdrawn, held, back):
            assert f"?again={row.pk}" not in page
