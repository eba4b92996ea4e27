"""The receipt: the reader's own note and tags, and metadata of any shape."""

import json
import re
from decimal import Decimal
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, User
from tests.conftest import permissions
from tests.factories import AccountFactory, UserFactory, insert_row
from tests.pages import Attributes, text_of, without_token
from transactions import services
from transactions.annotations.models import Annotation
from transactions.annotations.services import annotate, annotation_history
from transactions.models import Transaction

pytestmark = pytest.mark.django_db

IMG, SCRIPT = "<img src=x onerror=alert(1)>", "<script>alert(1)</script>"


@pytest.fixture
def ana(client: Client) -> Account:
    account: Account = AccountFactory(balance="100", user__name="Ana")
    client.force_login(account.user)
    return account


@pytest.fixture
def mara() -> Account:
    mara: Account = AccountFactory(user__name="Mara")
    return mara


@pytest.fixture
def paid(ana: Account, mara: Account) -> Transaction:
    return services.transfer(from_account=ana, to_account=mara, amount=Decimal(10))


def url_of(row: Transaction, name: str = "detail") -> str:
    return reverse(f"transactions:{name}", args=[row.pk])


def of(person: User) -> Client:
    """The browser of somebody who signed in."""
    client = Client()
    client.force_login(person)
    return client


def asked_by(page: str) -> set[str]:
    """The queries of all links to the search."""
    links = [part.split('"')[0] for part in page.split('href="')[1:]]
    searches = [urlsplit(unescape(link)) for link in links if link.startswith("/search/?")]
    return {parse_qs(link.query)["q"][0] for link in searches}


# The note


def test_a_note_is_saved_and_shown(client: Client, paid: Transaction) -> None:
    assert "Add a note" in text_of(client.get(url_of(paid)))
    answer = client.post(
        url_of(paid, "note"), {"text": "Lunch\r\nwith Mara", "tags": "#Food, porto-2026 été"}
    )
    assert answer.headers["Location"] == f"{url_of(paid)}#note"
    response = client.get(url_of(paid))
    said = text_of(response)
    assert "Your note is saved." in said
    assert "Lunch with Mara" in said
    assert "#food #porto-2026 #été" in said
    assert {"tag:food", "tag:porto-2026", "tag:été"} <= asked_by(response.content.decode())
    assert "Your tags: food, porto-2026, été." in said


def test_the_history_shows_the_versions(client: Client, paid: Transaction) -> None:
    for text, tags in (("Lunch", "food"), ("Dinner", ""), ("", ""), ("Dinner", "food")):
        client.post(url_of(paid, "note"), {"text": text, "tags": tags})
    said = text_of(client.get(url_of(paid)))
    assert "Changed 3 times" in said
    assert said.count("Removed") == 1
    assert said.index("Changed 3 times") < said.rindex("Lunch #food")
    client.post(url_of(paid, "note"), {"text": " Dinner ", "tags": "Food"})
    assert "Changed 3 times" in text_of(client.get(url_of(paid)))


def test_removing_a_note_is_confirmed(client: Client, paid: Transaction) -> None:
    client.post(url_of(paid, "note"), {"text": "Lunch", "tags": ""})
    response = client.post(url_of(paid, "note"), {"text": "", "tags": ""}, follow=True)
    assert "Your note is removed." in text_of(response)
    assert "Add a note" in text_of(response)


def test_an_invalid_note_stays_in_the_form(client: Client, paid: Transaction) -> None:
    wrong = {"text": "x" * 501, "tags": f"food {SCRIPT}"}
    response = client.post(url_of(paid, "note"), wrong)
    said = text_of(response)
    assert response.status_code == 200
    assert "501 characters" in said
    assert "A tag is one word" in said
    page = response.content.decode()
    assert "x" * 501 in page
    assert '<details class="query" open>' in page
    assert SCRIPT not in page
    assert not Annotation.objects.exists()


@pytest.mark.parametrize(
    ("tags", "fact"),
    [
        ("x" * 5000, "at most 30 letters"),
        (" ".join(f"tag{n}" for n in range(400)), "400 tags"),
    ],
)
def test_too_long_values_get_our_own_message(
    client: Client, paid: Transaction, tags: str, fact: str
) -> None:
    response = client.post(url_of(paid, "note"), {"text": "", "tags": tags})
    assert fact in text_of(response)
    assert "Ensure this value" not in text_of(response)
    client.post(url_of(paid, "note"), {"text": "Tea\x00 time", "tags": "tea\x00pot"})
    assert "Tea time" in text_of(client.get(url_of(paid)))


def test_a_second_window_does_not_overwrite_the_note(client: Client, paid: Transaction) -> None:
    def keep(page: Any, **said: str) -> Any:
        (seen,) = re.findall(r'name="replaces" value="([^"]*)"', page.content.decode())
        return client.post(url_of(paid, "note"), {**said, "replaces": seen}, follow=True)

    one, other = client.get(url_of(paid)), client.get(url_of(paid))
    keep(one, text="Lunch", tags="food")
    refused = keep(other, text="", tags="mine")
    said = text_of(refused)
    assert "changed in another window" in said
    assert "Lunch #food" in said
    assert 'value="mine"' in refused.content.decode()
    assert Annotation.objects.count() == 1
    assert "Your note is saved." in text_of(keep(refused, text="", tags="mine"))
    assert [row.tags for row in Annotation.objects.order_by("created_at")] == [["food"], ["mine"]]
    again = keep(other, text="", tags="mine")  # what is there already is no quarrel
    assert "Your note is saved." in text_of(again)


def test_an_invalid_note_still_replaces_only_the_version_it_was_opened_with(
    client: Client, paid: Transaction
) -> None:
    def replaces(page: Any) -> str:
        (seen,) = re.findall(r'name="replaces" value="([^"]*)"', page.content.decode())
        return str(seen)

    url, meanwhile = url_of(paid, "note"), "Your note was changed in another window"
    before = replaces(client.get(url_of(paid)))
    wrong = client.post(url, {"text": "x" * 501, "replaces": before})
    assert meanwhile not in text_of(wrong)
    client.post(url, {"text": "Lunch", "replaces": before})
    wrong = client.post(url, {"text": "x" * 501, "replaces": before})
    assert "501 characters" in text_of(wrong)
    assert meanwhile in text_of(wrong)
    assert replaces(wrong) == before
    refused = client.post(url, {"text": "Short", "replaces": replaces(wrong)})
    assert meanwhile in text_of(refused)
    assert [row.text for row in Annotation.objects.all()] == ["Lunch"]
    assert client.post(url, {"text": "Short", "replaces": replaces(refused)}).status_code == 302
    hostile = client.post(url, {"text": "x" * 501, "replaces": f'"{SCRIPT}'})
    assert SCRIPT not in hostile.content.decode()
    unsaid = client.post(url, {"text": "x" * 501})  # a page that did not say which it had read
    assert replaces(unsaid) == annotation_history(paid, paid.from_account.user).id  # type: ignore[union-attr]


def test_the_forms_address_redirects_to_the_receipt(client: Client, paid: Transaction) -> None:
    assert client.get(url_of(paid, "note")).headers["Location"] == f"{url_of(paid)}#note"
    assert not Annotation.objects.exists()


def test_the_other_side_staff_and_strangers_do_not_see_a_note(
    root: Client, clerk: User, mara: Account, paid: Transaction, ana: Account
) -> None:
    annotate(transaction=paid, owner=ana.user, text="Zanzibar", tags=["zebra"])
    other, stranger, staff = of(mara.user), of(UserFactory()), of(clerk)
    for reader in (other, root, staff):
        for url in (
            url_of(paid),
            reverse("admin:transactions_transaction_change", args=[paid.pk]),
            f"/accounts/{mara.pk}/",
            "/",
        ):
            page = without_token(reader.get(url)).lower()
            assert "zanzibar" not in page
            assert "zebra" not in page
    assert "Your note" in other.get(url_of(paid)).content.decode()
    for reader in (root, staff):
        assert "Your note" not in reader.get(url_of(paid)).content.decode()
    for reader in (stranger, root, staff):
        answer = reader.post(url_of(paid, "note"), {"text": "Mine now", "tags": ""})
        assert answer.status_code == 404
    assert Client().post(url_of(paid, "note"), {"text": "x"}).status_code == 302
    assert stranger.get(url_of(paid, "metadata")).status_code == 404
    assert Annotation.objects.count() == 1


def test_staff_can_note_their_own_payments(clerk: User, mara: Account) -> None:
    account = AccountFactory(user=clerk, balance="10")
    row = services.transfer(from_account=account, to_account=mara, amount=Decimal(1))
    of(clerk).post(url_of(row, "note"), {"text": "Mine", "tags": ""})
    assert annotation_history(row, clerk).text == "Mine"


def test_a_note_does_not_change_the_transaction(client: Client, paid: Transaction) -> None:
    before = Transaction.objects.filter(pk=paid.pk).values().get()
    client.post(url_of(paid, "note"), {"text": "Lunch", "tags": "food"})
    assert Transaction.objects.filter(pk=paid.pk).values().get() == before


@pytest.mark.parametrize("hostile", [IMG, SCRIPT, "\"' onmouseover='alert(1)", "&lt;b&gt;"])
def test_hostile_text_is_escaped(client: Client, root: Client, ana: Account, hostile: str) -> None:
    row = services.deposit(
        to_account=ana, amount=Decimal(1), description=hostile, reference=hostile,
        metadata={hostile: hostile, "category": hostile, "a": {hostile: [hostile]}},
    )  # fmt: skip
    annotate(transaction=row, owner=ana.user, text=hostile)
    annotate(transaction=row, owner=ana.user, text=f"{hostile} again")
    pages = [client.get(url_of(row)), root.get(url_of(row))]
    pages.append(root.get(reverse("admin:transactions_transaction_change", args=[row.pk])))
    for response in pages:
        page = response.content.decode()
        assert not {"onerror", "onmouseover", "script in the page"} & Attributes(page).seen
        assert IMG not in page
        assert SCRIPT not in page
        assert not hostile.startswith("&") or hostile not in page
    assert hostile in unescape(pages[0].content.decode())


def test_the_receipt_takes_a_bounded_number_of_queries(
    client: Client, paid: Transaction, django_assert_max_num_queries: Any
) -> None:
    for n in range(5):
        client.post(url_of(paid, "note"), {"text": f"Version {n}", "tags": "food"})
    # The session and its person; the row, its refunds, its line of a file and notes; what the
    # reader noted, attached, and tags; whether the recipient is a payee; the bell.
    with django_assert_max_num_queries(12):
        client.get(url_of(paid))


# Metadata

SHAPES: dict[str, Any] = {
    "category": "eating out",
    "merchant": {"name": "Café do Porto", "geo": {"lat": 41.15, "lon": -8.61}},
    "channel": "card",
    "contactless": True,
    "nothing": None,
    "empty": {},
    "days": [1, "two", None],
    "items": [{"sku": "A-1"}, ["x", {"deep": False}]],
    "key with spaces": "v",
    'quote"d': "v",
    "said": 'a "quoted" word',
    "dotted.key": "v",
    "long": "word " * 100,
}


def test_metadata_of_any_shape_is_shown_as_lines_with_links(client: Client, ana: Account) -> None:
    row = services.deposit(to_account=ana, amount=Decimal(1), metadata=SHAPES)
    response = client.get(url_of(row))
    said = text_of(response)
    lines = {label: value for label, value, *_ in response.context["receipt"].lines}
    assert lines["Merchant geo lat"] == "41.15"
    assert lines["Contactless"] == "yes"
    assert lines["Nothing"] == lines["Empty"] == "\N{EN DASH}"
    assert lines["Days"] == "1, two, \N{EN DASH}"
    assert lines["Items 1 sku"] == "A-1"
    assert lines["Items 2 2 deep"] == "no"
    assert lines["Long"].endswith("…")
    assert len(lines["Long"]) == 301
    assert "Category Eating out" in said
    assert asked_by(response.content.decode()) == {
        'category:"eating out"',
        "has:meta.merchant.name", 'meta.merchant.name:"Café do Porto"',
        "has:meta.merchant.geo.lat", "meta.merchant.geo.lat:41.15",
        "has:meta.merchant.geo.lon", "meta.merchant.geo.lon:-8.61",
        "has:meta.channel", 'meta.channel:"card"',
        "has:meta.contactless", "has:meta.empty", "has:meta.days",
        "has:meta.said", "has:meta.long",
        'has:meta."key with spaces"', 'meta."key with spaces":"v"',
        'has:meta."dotted.key"', 'meta."dotted.key":"v"',
    }  # fmt: skip


def test_numbers_keep_the_digits_they_were_stored_with(client: Client, ana: Account) -> None:
    insert_row(
        type="deposit", to_account_id=ana.pk, description="Exact",
        metadata='{"rate": 1.0850, "big": 12345678901234567890.123456789, "exp": 1e20}',
    )  # fmt: skip
    row = Transaction.objects.get(description="Exact")
    response = client.get(url_of(row))
    assert {"meta.rate:1.0850", 'meta.exp:"100000000000000000000"'} <= asked_by(
        response.content.decode()
    )
    assert '"big": 12345678901234567890.123456789' in response.context["receipt"].details.stored
    file = client.get(url_of(row, "metadata"))
    assert "12345678901234567890.123456789" in file.content.decode()


def test_the_file_is_the_metadata_as_stored(client: Client, ana: Account) -> None:
    row = services.deposit(to_account=ana, amount=Decimal(1), metadata=SHAPES)
    file = client.get(url_of(row, "metadata"))
    assert json.loads(file.content) == SHAPES
    assert file.headers["Content-Type"] == "application/json; charset=utf-8"
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_json_is_coloured_and_shows_invisible_characters(client: Client, ana: Account) -> None:
    insert_row(
        type="deposit", to_account_id=ana.pk, description="Turned",
        metadata=json.dumps({"a": "x\u202ey", "b": [1]}),
    )  # fmt: skip
    response = client.get(url_of(Transaction.objects.get(description="Turned")))
    stored = response.context["receipt"].details.stored
    assert stored == '{\n  "a": "x\\u202ey",\n  "b": [\n    1\n  ]\n}'
    assert json.loads(stored) == {"a": "x\u202ey", "b": [1]}
    assert '<span class="k">' in response.content.decode()


@pytest.mark.parametrize(
    "metadata",
    [
        {f"k{n}": n for n in range(100)},
        {f"k{n}": "&<>\"'" * 18 for n in range(100)},
        {f"k{n}": "\U0001f389" * 80 for n in range(40)},
        {"\U0001f389" * 40 + str(n): {"\U0001f389" * 20: "&" * 80} for n in range(40)},
        {"list": [[1]] * 2_000},
        {"long": "& " * 8_000},
    ],
)
def test_large_metadata_does_not_make_a_heavy_page(
    client: Client, ana: Account, metadata: dict[str, Any]
) -> None:
    row = services.deposit(to_account=ana, amount=Decimal(1), metadata=metadata)
    response = client.get(url_of(row))
    assert len(response.content) < 60_000
    assert "As a file" in text_of(response)


def test_deep_metadata_is_shown(client: Client, ana: Account) -> None:
    deep: Any = "bottom"
    for _ in range(49):
        deep = {"a": deep}
    row = services.deposit(to_account=ana, amount=Decimal(1), metadata=deep)
    response = client.get(url_of(row))
    ((label, said, *_),) = response.context["receipt"].lines
    assert said == "bottom"
    assert len(label) <= 101


def test_links_lead_to_the_bank_for_staff_who_may_search_it(ana: Account, clerk: User) -> None:
    row = services.deposit(
        to_account=ana, amount=Decimal(1), metadata={"channel": "card", "category": "pay"}
    )
    page = of(clerk).get(url_of(row)).content.decode()
    assert asked_by(page) == {"has:meta.channel", 'meta.channel:"card"', "category:pay"}
    assert page.count("whose=bank") == 3
    reader = UserFactory(is_staff=True)
    reader.user_permissions.set(permissions("view_transaction", "view_contact_details"))
    page = of(reader).get(url_of(row)).content.decode()
    assert "Channel" in page
    assert asked_by(page) == set()


def test_every_link_of_a_receipt_finds_its_row(client: Client, ana: Account) -> None:
    row = services.deposit(
        to_account=ana, amount=Decimal(1), description="Asked for", metadata=SHAPES
    )
    services.deposit(to_account=ana, amount=Decimal(1), description="Another")
    annotate(
        transaction=row, owner=ana.user, text="Noted", tags=["food", "e\u0301t\u00e9", "x-1_y"]
    )
    page = client.get(url_of(row)).content.decode()
    asked = asked_by(page)
    assert {"tag:food", "tag:x-1_y"} <= asked
    assert len(asked) > 18
    for query in asked:
        found = client.get("/search/", {"q": query}).context["page"]
        assert not found.result.mistakes, query
        assert [hit.row for hit in found.hits] == [row], query
