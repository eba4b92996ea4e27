"""A search never matches, counts or suggests rows of strangers, and escapes all text."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.groups import ANALYSTS
from accounts.models import Account, User
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of, without_token
from tests.transactions.search.shared import booked, pay
from transactions import services
from transactions.models import Transaction
from transactions.scope import Scope, scope_for
from transactions.search.engine import find
from transactions.search.language.parser import parse
from transactions.search.suggestions import suggest

pytestmark = pytest.mark.django_db
Books = dict[str, Transaction]
SEARCH = "/search/"
# Only strangers have these: words, names, categories, channels, account names and numbers.
SECRETS = ["secretword", "secretcategory", "secretchannel", "zelenka", "stranger", "flat"]
FORMS = ["{}", '"{}"', "{} or secret"]
FORMS += ["category:{}", "meta.channel:{}", "to:{}", "from:{}", "with:{}"]
HOSTILE = "<img src=x onerror=alert(1)>"


def page_of(client: Client, **query: Any) -> str:
    response = client.get(SEARCH, query)
    assert response.status_code == 200
    return without_token(response)


def without_typed(page: str, typed: str) -> str:
    """The page without what the reader typed, as it comes back in the box and the links."""
    return re.sub(re.escape(typed), "", page, flags=re.IGNORECASE)


@pytest.mark.parametrize("word", SECRETS)
@pytest.mark.parametrize("form", [*FORMS])
def test_words_of_strangers_find_nothing(
    customer: Client, scope: Scope, books: Books, word: str, form: str
) -> None:
    text = form.format(word)
    found = find(scope, text)
    assert found.rows == []
    assert found.facets.count == 0
    suggested = " ".join(suggest(scope, parse(text)).queries)
    assert not any(secret in without_typed(suggested, word) for secret in SECRETS)
    shown = without_typed(page_of(customer, q=text), word)
    for secret in ("Secretword", "secretcategory", "secretchannel", "Zelenka", "Stranger"):
        assert secret.lower() not in shown.lower()


@pytest.mark.parametrize(
    "typed",
    # Trigrams of all names would find the last ones
    ["secretwrod", "zelenak", "category:secretcategori", "to:zelenak", "zelenkka", "to:zelenkka"],
)
def test_a_typo_of_a_strangers_word_suggests_nothing(
    customer: Client, books: Books, typed: str
) -> None:
    assert "Did you mean" not in page_of(customer, q=typed)


@pytest.mark.parametrize(
    "text", ["", *"rent is:booked march mara amount:7 -nothing date:2026 to:mara r".split()]
)
def test_results_show_nothing_of_strangers(customer: Client, books: Books, text: str) -> None:
    for sort in ("best", "newest", "oldest", "largest"):
        shown = page_of(customer, q=text, sort=sort)
        for secret in ("Secretword", "secretcategory", "secretchannel", "Zelenka", "Flat"):
            assert secret.lower() not in shown.lower()


def test_counts_are_of_ones_own_rows_only(ana: User, mara: Account, books: Books) -> None:
    assert find(scope_for(ana), "rent").facets.count == 2
    assert find(scope_for(mara.user), "rent").facets.count == 3
    assert find(scope_for(ana), "-nothing").facets.count == 7
    assert {name for name, _ in find(scope_for(ana), "rent").facets.category} == {"rent"}


def test_a_statements_filter_and_its_file_show_nothing_of_strangers(
    customer: Client, ana: User, books: Books
) -> None:
    account = scope_for(ana).accounts[0]
    url = reverse("transactions:statement", args=[account.pk])
    for text in [*SECRETS, "category:secretcategory", "to:zelenka", "meta.channel:secretchannel"]:
        assert "No entries found" in (page := customer.get(url, {"q": text}).content.decode()) or (
            "Nothing found" in page
        )
        lines = b"".join(customer.get(f"{url}statement.csv", {"q": text})).decode().splitlines()
        assert len(lines) == 1, "the heading alone"
    lines = b"".join(customer.get(f"{url}statement.csv", {"q": "rent"})).decode().splitlines()
    assert len(lines) == 3


def test_the_bank_is_for_analysts(customer: Client, books: Books) -> None:
    assert customer.get(SEARCH, {"q": "rent", "whose": "bank"}).status_code == 403


def test_an_analyst_sees_all_rows_and_no_names(client: Client, books: Books) -> None:
    analyst: User = UserFactory(name="Analyst")
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    client.force_login(analyst)
    shown = page_of(client, q="amount:>0", whose="bank")
    assert f"{Transaction.objects.count()} payments" in shown
    for said in ("Mara", "Lindt", "Zelenka", "Ana Ferreira", "Secretword", "secretword"):
        assert said not in shown, "nor what people wrote, which may name anybody"
    assert f"/transactions/{books['rent'].pk}/" not in shown, "not theirs to open"
    assert "Nothing found" in page_of(client, q="zelenka", whose="bank")
    for typo in ("zelenak", "secretwrod"):
        assert "Did you mean" not in page_of(client, q=typo, whose="bank")


@pytest.mark.parametrize("form", [
    "{}", "{:.2}", '"{}"', "ref:{}", "meta.merchant:{}", "meta.merchant:>0",
])  # fmt: skip
def test_an_analyst_finds_no_text_beside_the_id_of_a_payment(form: str, mara: Account) -> None:
    """Otherwise a text would spell itself out, by the prefixes that the payment has."""
    bank = Scope(UserFactory(), is_bank=True, shows_names=False, finds_texts=False)
    paid = services.deposit(
        to_account=mara, amount=Decimal(5), description="Corner", reference="Corner",
        metadata={"merchant": "Corner", "channel": "card"},
    )  # fmt: skip
    text = form.format("corner")
    for query in (f"id:{paid.pk} {text}", f"id:{paid.pk} -{text}"):
        found = find(bank, query)
        assert found.sort == "newest"
        assert (len(found.rows), found.facets.count) == ((1, 1) if "-" in query[39:] else (0, 0))
        assert found.mistakes
    for query in ("meta.channel:card", "has:meta.merchant", "5"):
        assert [row.pk for row in find(bank, f"id:{paid.pk} {query}").rows] == [paid.pk]


def test_staff_open_the_receipts_of_all(staff: Client, books: Books) -> None:
    shown = page_of(staff, q="secretword", whose="bank")
    assert f'href="/transactions/{books["secret"].pk}/"' in shown


def test_the_work_is_not_shown_to_customers(
    customer: Client, client: Client, staff: Client, books: Books
) -> None:
    """It would tell the accounts of everybody who bears a name."""
    assert "Show the work" in page_of(staff, q="rent", whose="bank")
    with_plans = staff.get(f"{SEARCH}?q=rent&whose=bank&plans=1")
    assert "Execution Time" in text_of(with_plans)
    ana = Client()
    ana.force_login(User.objects.get(name="Ana Ferreira"))
    assert "Show the work" not in page_of(ana, q="mara")
    assert "Show the work" not in page_of(ana, q="mara", plans=1)


def test_what_people_write_stays_text(client: Client) -> None:
    evil = AccountFactory(name=f"A{HOSTILE}", user__name=f"<script>alert(2)</script> {HOSTILE} Eve")
    mine = AccountFactory(name=f"B{HOSTILE}", user__name="Ana")
    metadata = {
        "category": f"c{HOSTILE}",
        "channel": f"<script>{HOSTILE}",
        f"k{HOSTILE}": f"alert {HOSTILE} <b>bold</b>",
        "mark": "\ue000<script>alert(3)</script>\ue001 alert",
    }
    booked(
        pay(1, "10", "In", to=mine),
        pay(2, "1", f"{HOSTILE} <script>alert(1)</script> alert", mine, evil,
            reference="<script>alert(9)</script>", metadata=metadata),
    )  # fmt: skip
    client.force_login(mine.user)
    for text in ("alert", "img", "eve", HOSTILE, f'"{HOSTILE}"', "is:out", f'category:"c{HOSTILE}"',
                 "alret", f"foo:{HOSTILE}", "account:B", "bold or onerror or x"):  # fmt: skip
        for query in ({"q": text}, {"q": text, "sort": HOSTILE}):
            shown = page_of(client, **query)
            assert "<img" not in shown
            assert "<script>" not in shown
            assert "<b>bold" not in shown
            assert "\ue000" not in shown.replace(text, "")
            assert "onerror=alert" not in re.sub(r'"[^"]*"|>[^<]*<', "", shown)
    assert "<mark>alert</mark>" in page_of(client, q="alert")


def test_marks_are_balanced_and_around_what_matched(customer: Client, books: Books) -> None:
    shown = page_of(customer, q="rent march")
    assert "<mark>Rent</mark> <mark>March</mark>" in shown
    assert shown.count("<mark>") == shown.count("</mark>")
    assert "Merchant city: <mark>Porto</mark>" in page_of(customer, q="port")
    assert "<mark>Mara</mark> Lindt" in page_of(customer, q="mara")
    assert "<mark>" not in page_of(customer, q="-mara")


def test_a_long_text_is_cut_around_its_mark(customer: Client, ana: User) -> None:
    long = "word " * 300
    account = scope_for(ana).accounts[0]
    services.deposit(
        to_account=account, amount=Decimal(1), metadata={"story": f"{long}needle {long}"}
    )
    shown = page_of(customer, q="needle")
    assert re.search(r"Story: …[^<]*<mark>needle</mark>[^<]*…", shown)
    assert len(shown) < 20_000


def test_mark_characters_in_a_text_mark_nothing(customer: Client, ana: User) -> None:
    account = scope_for(ana).accounts[0]
    booked(
        pay(1, "1", "\ue000false\ue001 alert", to=account, metadata={"a": "\ue001\ue000no alert"})
    )
    shown = page_of(customer, q="alert")
    assert set(re.findall("<mark>(.*?)</mark>", shown)) == {"alert"}
    assert "\ue000" not in page_of(customer, q="is:booked")


def test_a_side_that_cannot_match_is_explained_without_suggestions(
    staff: Client, books: Books
) -> None:
    explained = page_of(staff, q="from:me", whose="bank")
    assert 'role="status"' in explained
    assert "Did you mean" not in explained
    assert "No payments match" not in explained
    assert "No payments match" in page_of(staff, q="from:qqqq", whose="bank")
