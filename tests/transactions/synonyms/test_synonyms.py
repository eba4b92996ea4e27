"""Words such as "coffee" also find payments of a category or of a kind of shop."""

import csv
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.groups import AUDITOR, MANAGER, SUPPORT, ensure_groups
from accounts.models import User
from ledger.db.ids import uuid7
from ledger.db.queries.compiled_once import CompiledOnce
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of
from tests.transactions.search.shared import booked, context_of, pay
from transactions.categories.services import give_category
from transactions.models import Entry, Transaction
from transactions.scope import Scope, scope_for
from transactions.search import engine
from transactions.search.engine import entries_with, find
from transactions.search.suggestions import suggest
from transactions.synonyms.matches import synonyms_of
from transactions.synonyms.models import Synonym

pytestmark = pytest.mark.django_db
KETTLE = {"channel": "card", "merchant": {"name": "Kettle", "mcc": "5814"}}


@pytest.fixture
def shops(ana: User) -> dict[str, Transaction]:
    """Ana's payments at a shop with the code of restaurants, with its code as a number, of the
    category, with the word itself, and with the code's digits elsewhere; a stranger's payment.
    """
    everyday, _pot = scope_for(ana).accounts
    stranger = AccountFactory(user__name="Zelenka Stranger")
    drafts = {
        "hers": pay(0, "900", "Opening", to=everyday),
        "theirs": pay(0, "900", "Opening", to=stranger),
        "code": pay(1, "4", "Kettle", everyday, metadata=KETTLE),
        "number": pay(2, "5", "Bristol", everyday, metadata={"merchant": {"mcc": 5812}}),
        "category": pay(3, "6", "Casa Pinho", everyday, metadata={"category": "Restaurant"}),
        "word": pay(4, "7", "Coffee beans", everyday, metadata={"category": "groceries"}),
        "digits": pay(5, "8", "Invoice 5814", everyday, metadata={"invoice": "5814"}),
        "secret": pay(6, "9", "Kettle", stranger, metadata=KETTLE),
    }
    return dict(zip(drafts, booked(*drafts.values()), strict=True))


def found(scope: Scope, text: str, sort: str = "") -> list[str]:
    return [row.description for row in find(scope, text, sort=sort).rows]


def test_a_word_also_finds_categories_and_codes_after_itself(
    scope: Scope, shops: dict[str, Transaction]
) -> None:
    assert found(scope, "coffee") == ["Coffee beans", "Casa Pinho", "Bristol", "Kettle"]
    assert found(scope, "Coffee beans") == ["Coffee beans"]
    assert found(scope, "coffee kettle") == ["Kettle"]
    assert found(scope, "coffee", "largest")[0] == "Coffee beans"


@pytest.mark.parametrize("text", ['"coffee"', "coffe", "ref:coffee", "to:coffee"])
def test_only_a_whole_word_has_synonyms(
    text: str, scope: Scope, shops: dict[str, Transaction]
) -> None:
    expected = {"ref:coffee": [], "to:coffee": ["Coffee beans"]}
    assert found(scope, text) == expected.get(text, ["Coffee beans"])


def test_a_negated_word_leaves_out_only_the_word(
    scope: Scope, shops: dict[str, Transaction]
) -> None:
    assert "Kettle" in found(scope, "-coffee")
    assert "Coffee beans" not in found(scope, "-coffee")


def test_the_page_shows_which_synonym_found_a_row(
    customer: Client, shops: dict[str, Transaction]
) -> None:
    page = context_of(customer, q="coffee")
    shown = [[label for label in hit.badges if "also" in label] for hit in page.hits]
    assert shown == [[], *[["also: Restaurant"]] * 3]
    (hint,) = page.mistakes
    assert [link.label for link in hint["links"]] == ['"coffee"']
    assert not [*context_of(customer, q="beans").mistakes]


def test_the_hint_is_shown_if_a_synonym_found_a_row(
    scope: Scope, shops: dict[str, Transaction], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find(scope, "coffee").mistakes
    assert not find(scope, "coffee beans").mistakes
    monkeypatch.setattr(engine, "PAGE", 1)
    page = find(scope, "coffee or invoice", sort="newest")
    assert page.mistakes, "more pages follow"
    assert [row.description for row in page.rows] == ["Invoice 5814"]


@pytest.mark.parametrize(("text", "labels"), [("coffee", 3), ("kettle or coffee", 2), ("beans", 0)])
def test_a_statement_shows_which_synonym_found_an_entry(
    text: str, labels: int, customer: Client, scope: Scope, shops: dict[str, Transaction]
) -> None:
    everyday, _pot = scope.accounts
    page = text_of(customer.get(f"/accounts/{everyday.pk}/", {"q": text}))
    assert page.count("also: Restaurant") == labels
    shown = [label for hit in context_of(customer, q=text).hits for label in hit.badges]
    assert shown.count("also: Restaurant") == labels


def test_a_rule_finds_its_payments_again(scope: Scope, shops: dict[str, Transaction]) -> None:
    """The category is that of the bank, so an own category changes nothing."""
    before = found(scope, "coffee")
    for name, category in (("category", "gifts"), ("digits", "restaurant")):
        rows = Transaction.objects.filter(pk=shops[name].pk)
        give_category(owner=scope.reader, rows=rows, category=category, change=uuid7())
    assert found(scope, "coffee") == before


def test_a_row_names_each_synonym_once_and_none_for_its_own_words(
    scope: Scope, shops: dict[str, Transaction]
) -> None:
    everyday, _pot = scope.accounts
    ride = {"category": "Restaurant", "merchant": {"name": "Coffee cab", "mcc": "4121"}}
    booked(pay(9, "4", "Ride", everyday, metadata=ride))
    names = {row.description: synonyms_of(row) for row in find(scope, "coffee taxi").rows}
    assert names == {"Ride": ["Taxi"]}
    names = {row.description: synonyms_of(row) for row in find(scope, "lunch dinner").rows}
    assert names["Kettle"] == ["Restaurant"]


def test_direct_hits_come_first_however_old_they_are(
    scope: Scope, shops: dict[str, Transaction], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RANKED", 1)
    monkeypatch.setattr(engine, "_rows", CompiledOnce(engine._rows.build))
    everyday, _pot = scope.accounts
    booked(pay(9, "4", "Kettle", everyday, metadata=KETTLE))
    assert found(scope, "coffee") == ["Coffee beans"]


def test_a_row_with_all_words_comes_before_a_synonym(scope: Scope, ana: User) -> None:
    everyday, _pot = scope.accounts
    lisbon = {"merchant": {"name": "Coffee House", "city": "Lisbon"}}
    drafts = pay(0, "900", "Opening", to=everyday), pay(1, "4", "x", everyday, metadata=lisbon)
    dinner = pay(2, "5", "Dinner Lisbon", everyday, metadata={"category": "restaurant"})
    booked(*drafts, dinner)
    assert found(scope, "coffee lisbon") == ["x", "Dinner Lisbon"]


def test_a_code_with_a_zero_at_its_beginning_is_found_as_a_number(
    scope: Scope, shops: dict[str, Transaction]
) -> None:
    Synonym.objects.create(name="Vet", words=["vet"], merchant_codes=["0742"])
    everyday, _pot = scope.accounts
    kinds: list[Any] = ["0742", 742]
    booked(*(pay(9, str(n), f"Dr. {n}", everyday, metadata={"merchant": {"mcc": kinds[n - 1]}})
             for n in (1, 2)))  # fmt: skip
    assert sorted(found(scope, "vet")) == ["Dr. 1", "Dr. 2"]


def test_a_typed_word_is_compared_as_the_index_does(
    scope: Scope, shops: dict[str, Transaction]
) -> None:
    Synonym.objects.create(name="Sandwich", words=["smorrebrod"], merchant_codes=["5814"])
    for typed in ("smørrebrød", "SMORREBROD", "smorrebrod!"):
        assert found(scope, typed) == ["Kettle"], typed


def test_the_sql_is_compiled_once(
    scope: Scope, shops: dict[str, Transaction], monkeypatch: pytest.MonkeyPatch
) -> None:
    Synonym.objects.create(name="Vet", words=["vet"], merchant_codes=["5814", "5812"])
    Synonym.objects.create(name="Zoo", words=["apes"], merchant_codes=["5814"])
    found(scope, "vet")
    rows = engine._rows
    built: list[Any] = []
    monkeypatch.setattr(rows, "build", lambda *arguments: built.append(arguments))
    assert found(scope, "apes") == ["Kettle"]
    assert not built


@pytest.mark.parametrize("text", ["coffee-4711", "coffee@example.com", "COFFEE/2024-001"])
def test_a_word_within_a_reference_is_not_expanded(
    text: str, scope: Scope, shops: dict[str, Transaction]
) -> None:
    assert found(scope, text) == []


def test_the_first_words_of_a_query_are_expanded(
    scope: Scope, shops: dict[str, Transaction]
) -> None:
    assert "Kettle" in found(scope, "a1 or a2 or a3 or a4 or coffee")
    assert "Kettle" not in found(scope, "a1 or a2 or a3 or a4 or a5 or coffee")


def test_a_word_has_five_synonyms_at_most(scope: Scope, shops: dict[str, Transaction]) -> None:
    for n in range(9):
        Synonym.objects.create(name=f"Toys {n}", words=["toys"], merchant_codes=["5814"])
    result = find(scope, "toys")
    assert [row.description for row in result.rows] == ["Kettle"]
    (hint,) = result.mistakes
    assert hint.sentence.count("Toys") == 5


def test_counts_files_and_statements_find_the_same_rows(
    customer: Client, ana: User, scope: Scope, shops: dict[str, Transaction]
) -> None:
    everyday, _pot = scope_for(ana).accounts
    result = find(scope, "coffee")
    assert (result.facets.count, result.facets.totals[0].money_out) == (4, 22)
    entries = entries_with(Entry.objects.for_account(everyday), "coffee", everyday)
    assert {entry.transaction_id for entry in entries} == {row.pk for row in result.rows}
    lines = customer.get("/search/results.csv", {"q": "coffee"}).getvalue().decode()
    assert len([*csv.reader(lines.splitlines())]) == 1 + 4


def test_the_whole_bank_is_found_by_the_same_words(
    ana: User, shops: dict[str, Transaction]
) -> None:
    assert sorted(found(Scope(ana, is_bank=True), "coffee")) == [
        "Bristol", "Casa Pinho", "Coffee beans", "Kettle", "Kettle"
    ]  # fmt: skip


def test_synonyms_are_never_suggested(scope: Scope, shops: dict[str, Transaction]) -> None:
    """A suggestion comes from the reader's own rows."""
    assert suggest(scope, find(scope, "chemst").query).queries == []
    assert find(scope, "chemist").rows == []


class TestAdmin:
    @pytest.fixture
    def manager(self, client: Client) -> Client:
        return self.signed_in(client, MANAGER)

    def signed_in(self, client: Client, group: str) -> Client:
        ensure_groups()
        person = UserFactory(is_staff=True)
        person.groups.add(Group.objects.get(name=group))
        client.force_login(person)
        return client

    def save(self, client: Client, **changes: str) -> Any:
        typed = {
            "name": "Toys",
            "words": "Toys, Legô,toys,",
            "categories": "Games, Cafe\u0301",
            "merchant_codes": "",
        }
        return client.post(reverse("admin:synonyms_synonym_add"), typed | changes)

    def test_a_synonym_is_stored_as_the_search_compares_it(self, manager: Client) -> None:
        assert self.save(manager, merchant_codes="5945").status_code == 302
        saved = Synonym.objects.get(name="Toys")
        assert (saved.words, saved.categories) == (["lego", "toys"], ["café", "games"])
        assert saved.merchant_codes == ["5945"]

    @pytest.mark.parametrize(
        "changes",
        [
            {"words": "two words"},
            {"words": ""},
            {"words": ",".join(f"w{n}" for n in range(61))},
            {"words": "w" * 41},
            {"words": "👍"},
            {"categories": ",".join(f"c{n}" for n in range(6))},
            {"categories": "🍕"},
            {"categories": "c" * 61},
            {"merchant_codes": ",".join(str(n) for n in range(5000, 5031))},
            {"name": "\u200b"},
            {"merchant_codes": "594"},
            {"merchant_codes": "59455"},
            {"categories": ""},
            {"name": ""},
        ],
    )
    def test_a_form_with_an_error_stores_nothing(
        self, changes: dict[str, str], manager: Client
    ) -> None:
        before = Synonym.objects.count()
        answer = self.save(manager, **changes)
        assert answer.status_code == 200
        assert answer.context["errors"]
        assert Synonym.objects.count() == before

    def test_the_list_shows_words_and_can_be_searched(self, manager: Client) -> None:
        listed = text_of(manager.get(reverse("admin:synonyms_synonym_changelist"), {"q": "lunch"}))
        assert "Restaurant" in listed
        assert "Hotel" not in listed
        assert "Restaurant" in text_of(
            manager.get(reverse("admin:synonyms_synonym_changelist"), {"q": "café"})
        )

    @pytest.mark.parametrize(("group", "status"), [(SUPPORT, 403), (AUDITOR, 200)])
    def test_who_sees_them(self, group: str, status: int, client: Client) -> None:
        staff = self.signed_in(client, group)
        assert staff.get(reverse("admin:synonyms_synonym_changelist")).status_code == status
        assert staff.get(reverse("admin:synonyms_synonym_add")).status_code == 403


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("synonym_has_words", {"words": []}),
        ("synonym_has_words", {"name": ""}),
        ("synonym_is_small", {"words": ["a"] * 61}),
        ("synonym_is_small", {"categories": ["a"] * 6}),
        ("synonym_is_small", {"merchant_codes": ["5812"] * 31}),
        ("synonym_finds_something", {"categories": [], "merchant_codes": []}),
        ("merchant_codes_have_four_digits", {"merchant_codes": ["58a2"]}),
        ("merchant_codes_have_four_digits", {"merchant_codes": ["5812", ""]}),
    ],
)
def test_the_database_refuses_half_a_synonym(constraint: str, changes: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Synonym.objects.filter(name="Restaurant").update(**changes)
    assert Synonym.objects.filter(name="Restaurant").exists()
