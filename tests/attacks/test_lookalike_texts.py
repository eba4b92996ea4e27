"""Texts of people cannot change the direction of the text around them, or contain invisible signs.

Bidirectional controls could show "fdp.exe" for "exe.pdf". With an invisible sign, two different
texts look the same. For people's names, see `tests/accounts/test_access.py`.
"""

import json
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Account
from banking.payment_files.models import PaymentFile
from ledger.db.ids import uuid7
from ledger.text.lines import tidy_line
from ledger.text.money import account_number
from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.people import signed_in
from tests.factories import AccountFactory, insert_row
from tests.transactions.reports.books import clerk
from transactions.annotations.models import Annotation
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
UNSEEN = "\u200b\u200e\u200f\u202a\u202b\u202d\u202e\u2066\u2067\u2069\ufeff\u2065\ufff0\U000e0080"
HOSTILE = f"Rent{UNSEEN}al"


def unseen_in(*texts: str) -> set[str]:
    return set(UNSEEN) & set("".join(texts))


@pytest.mark.parametrize(
    "text", ["\U0001fae8 \U0001fac6", "\u2764\ufe0f", "\u0646\u06cc\u200c\u06a9\u06cc"]
)
def test_emoji_of_any_version_and_joined_words_are_kept(text: str) -> None:
    assert tidy_line(text) == text


def test_the_review_of_a_payment_shows_none(bank: AttackedBank) -> None:
    form = {
        "id": str(uuid7()), "from_account": str(bank.eve.everyday.pk), "amount": "1",
        "number": bank.eve.savings.number, "description": HOSTILE, "reference": HOSTILE,
    }  # fmt: skip

    answer = ask(signed_in(bank.eve.user), "POST", "/transfers/new/", form)

    assert answer.status == 200
    assert "Rental" in answer.body
    assert unseen_in(answer.body) == set()


def test_a_number_with_unseen_signs_is_the_number_without_them(bank: AttackedBank) -> None:
    number = f"{UNSEEN}{bank.eve.savings.number[:6]}{UNSEEN}{bank.eve.savings.number[6:]}"
    eve = signed_in(bank.eve.user)
    form = {
        "id": str(uuid7()), "from_account": str(bank.eve.everyday.pk), "amount": "1",
        "number": number, "description": "Rent",
    }  # fmt: skip

    review = ask(eve, "POST", "/transfers/new/", form)

    assert account_number(bank.eve.savings.number) in review.body
    assert unseen_in(review.body) == set()
    link = f"/transfers/new/?to={quote(number)}&description={quote(HOSTILE)}"
    linked = ask(eve, "GET", link, follow=True)
    assert f'value="{bank.eve.savings.number}"' in linked.body
    assert unseen_in(linked.body) == set()


def test_an_account_and_a_file_keep_none(bank: AttackedBank) -> None:
    eve = signed_in(bank.eve.user)
    ask(eve, "POST", "/accounts/open/", {"name": HOSTILE, "currency": "USD"})
    line = f"{bank.eve.savings.number},1,{HOSTILE},{HOSTILE}"
    content = f"to,amount,description,reference\r\n{line}\r\n".encode()
    file = SimpleUploadedFile(f"{HOSTILE}.csv", content, "text/csv")
    form = {"id": str(uuid7()), "from_account": str(bank.eve.everyday.pk), "file": file}
    assert ask(eve, "POST", "/transfers/files/new/", form).status == 302

    stored = PaymentFile.objects.latest("created_at")
    line_read = stored.lines.get()
    names = Account.objects.filter(user=bank.eve.user).values_list("name", flat=True)
    assert unseen_in(*names) == set()
    assert unseen_in(stored.name, line_read.description, line_read.reference) == set()


def test_a_note_and_a_tag_keep_none(bank: AttackedBank) -> None:
    url = f"/transactions/{bank.eve.transactions['held'].pk}/note/"
    eve = signed_in(bank.eve.user)
    for form in ({"text": HOSTILE, "tags": ""}, {"text": "", "tags": HOSTILE}):
        ask(eve, "POST", url, form)

    stored = Annotation.objects.filter(owner=bank.eve.user)
    assert unseen_in(*(f"{it.text}{''.join(it.tags)}" for it in stored)) == set()


def test_pages_show_the_numbers_of_such_signs_in_older_metadata() -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    odd = {
        "category": f"odd{UNSEEN}food", "channel": f"card{UNSEEN}s",
        f"note{UNSEEN}s": f"zebra {UNSEEN}",
        "deep": {f"key{UNSEEN}s": [HOSTILE, {HOSTILE: HOSTILE}]},
    }  # fmt: skip
    for metadata in (odd, odd, {"category": "rent"}):
        insert_row(type="deposit", to_account_id=mara.pk, metadata=json.dumps(metadata))
    row = Transaction.objects.filter(category__startswith="odd").latest("created_at")
    lines = (
        "/", f"/accounts/{mara.pk}/", f"/transactions/{row.pk}/", "/categories/?q=zebra",
        "/search/?q=zebra", "/explorer/browse/?by=category", "/explorer/browse/?by=key",
        "/explorer/browse/?by=meta.channel", "/reports/metadata-keys/",
    )  # fmt: skip
    of_staff = (
        "/admin/transactions/transaction/", f"/admin/transactions/transaction/{row.pk}/change/",
        f"/admin/search/?q={row.pk}", "/explorer/browse/?by=meta.channel&whose=bank",
    )  # fmt: skip

    for reader, pages in ((mara.user, (*lines, "/search/", "/budgets/")), (clerk(), of_staff)):
        client = signed_in(reader)
        bodies = {page: ask(client, "GET", page).body for page in pages}
        assert {page: found for page, body in bodies.items() if (found := unseen_in(body))} == {}
        shown = {page for page, body in bodies.items() if "[U+200B]" in body}
        assert shown == set(pages) - {"/search/", "/budgets/"}
