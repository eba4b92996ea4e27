"""The lists of people and accounts in the admin: the best matches of a search come first."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.admin.ranked_lists import RankedSearch
from accounts.groups import SUPPORT
from accounts.models import Account, Household, User
from accounts.name_search import CUT, NameSearch
from tests.accounts.admin_pages import ACCOUNTS
from tests.conftest import colleague, permissions, signed_in
from tests.factories import AccountFactory, UserFactory
from tests.many_people import crowd
from tests.plans import nodes_of_sql
from tests.transactions.table_files import json_of

pytestmark = pytest.mark.django_db
PEOPLE = reverse("admin:accounts_user_changelist")


@pytest.fixture
def anas() -> None:
    """The best match of "ana" is the oldest, so the order of the list would be the opposite."""
    for name, email in [
        ("Ana Ferreira", "af@example.com"),
        ("Anabel Ricci", "ab@example.com"),
        ("Mia-Ana Lindt", "ml@example.com"),
        ("Tom Anand", "ta@example.com"),
        ("Bo Chen", "ana@example.com"),
        ("Anna Berg", "berg@example.com"),
        ("Matteo Ricci", "manager2@example.com"),
    ]:
        AccountFactory(user=UserFactory(name=name, email=email))


def names_of(client: Client, url: str, **query: str) -> list[str]:
    """The names of the listed people, or of the holders of the listed accounts, in order."""
    response = client.get(url, query)
    assert response.status_code == 200
    rows = response.context["cl"].result_list
    return [row.name if isinstance(row, User) else row.user.name for row in rows]


RANKED = ["Ana Ferreira", "Anabel Ricci", "Mia-Ana Lindt", "Tom Anand", "Bo Chen", "Anna Berg"]


@pytest.mark.parametrize("url", [PEOPLE, ACCOUNTS])
@pytest.mark.parametrize("typed", ["ana", "ANA", "Aná", "ana -"])
def test_the_beginning_of_a_name_comes_before_words_addresses_and_misspelt_names(
    staff: Client, anas: None, url: str, typed: str
) -> None:
    assert names_of(staff, url, q=typed) == RANKED


def test_a_search_of_everything_has_the_order_of_the_list(staff: Client, anas: None) -> None:
    sections = staff.get(reverse("admin_search"), {"q": "ana"}).context["results"].sections
    people, accounts = ([hit.name for hit in section.hits] for section in sections[:2])
    assert people == RANKED
    assert accounts == [f"Everyday of {name}" for name in RANKED]


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("ferreira ana", ["Ana Ferreira"]),
        ('"ana ferreira"', ["Ana Ferreira"]),
        ('"ferreira ana"', []),
        ("ana fereira", ["Ana Ferreira"]),
        ("anna ferreria", []),  # trigrams do not find two letters in the wrong order
        ("ana ricci", ["Anabel Ricci"]),
        ("berg@exam", ["Anna Berg"]),
        ("& !", []),
        ("' \\", []),
        ("manager2", ["Matteo Ricci"]),
    ],
)
def test_each_word_must_match(staff: Client, anas: None, typed: str, names: list[str]) -> None:
    assert names_of(staff, PEOPLE, q=typed) == names_of(staff, ACCOUNTS, q=typed) == names


def test_a_name_with_accents_is_found_by_a_misspelt_one_without(staff: Client) -> None:
    AccountFactory(user__name="Jose\u0301 Ibáñez")
    assert names_of(staff, PEOPLE, q="jose ibanes") == ["José Ibáñez"]
    assert names_of(staff, PEOPLE, q="ibañez") == ["José Ibáñez"]


def test_no_list_compares_names_with_their_accents() -> None:
    lists = {
        f"{type(model_admin).__name__}: {path}"
        for model_admin in admin.site._registry.values()
        if not isinstance(model_admin, RankedSearch)
        for path in model_admin.search_fields
        if path.endswith("name")
    }
    assert lists == {"GroupAdmin: name"}, "add __unaccent__icontains"


def test_a_list_finds_a_name_without_its_accents(root: Client) -> None:
    Household.objects.create(name="Bjørnstad")
    listed = root.get(reverse("admin:accounts_household_changelist"), {"q": "bjornstad"})
    assert listed.context["cl"].result_count == 1


def test_the_order_that_a_user_chooses_is_kept(staff: Client, anas: None) -> None:
    page = staff.get(PEOPLE, {"q": "ana", "o": "1"})
    by_email = User.objects.filter(name__in=RANKED).order_by("email")
    assert list(page.context["cl"].result_list) == list(by_email)
    assert page.content.count(b"sorted ascending") == 1
    assert b"sorted descending" not in staff.get(PEOPLE, {"q": "ana"}).content
    assert b"sorted descending" in staff.get(PEOPLE).content


def test_the_file_of_a_list_has_the_order_of_the_list(staff: Client, anas: None) -> None:
    rows = json_of(staff, f"{PEOPLE}list.json", q="ana")
    assert [row["name"] for row in rows] == RANKED


def test_the_choice_of_an_owner_has_the_best_first(root: Client, anas: None) -> None:
    query = {"app_label": "accounts", "model_name": "account", "field_name": "user", "term": "ana"}
    choices = root.get(reverse("admin:autocomplete"), query).json()["results"]
    assert [choice["text"].partition(" (")[0] for choice in choices] == RANKED


def test_an_address_finds_only_as_a_whole_where_addresses_are_masked(anas: None) -> None:
    support = signed_in(colleague(SUPPORT, "Sue"))
    support_user = User.objects.get(name="Sue")
    assert not support_user.has_perm("accounts.view_contact_details")
    assert names_of(support, PEOPLE, q="ana") == [name for name in RANKED if name != "Bo Chen"]
    assert names_of(support, PEOPLE, q="manager2") == []
    assert names_of(support, PEOPLE, q="Manager2@example.com") == ["Matteo Ricci"]
    assert names_of(support, ACCOUNTS, q="manager2@example.com") == []


def test_an_address_changes_no_order_where_people_may_not_be_seen(client: Client) -> None:
    for email in ("ana@example.com", "bo@example.com"):
        AccountFactory(user=UserFactory(name="Zed Berg", email=email))
    person = UserFactory(is_staff=True)
    person.user_permissions.set(permissions("view_account", "view_contact_details"))
    client.force_login(person)
    for typed in ("zed", "berg ana", "ana"):
        rows = client.get(ACCOUNTS, {"q": typed}).context["cl"].result_list
        emails = [account.user.email for account in rows]
        assert emails == (["bo@example.com", "ana@example.com"] if typed == "zed" else [])


def test_a_number_and_a_name_find_an_account_together(staff: Client, anas: None) -> None:
    account = Account.objects.get(user__name="Ana Ferreira")
    for digits in (account.number, account.number[:5], account.number[-4:]):
        assert names_of(staff, ACCOUNTS, q=f"ana {digits}") == ["Ana Ferreira"]
    assert names_of(staff, ACCOUNTS, q=f"ricci {account.number}") == []


def test_parts_of_a_number_find_nothing_where_numbers_are_masked(anas: None) -> None:
    auditor = signed_in(colleague(SUPPORT, "Sue"))
    account = Account.objects.get(user__name="Ana Ferreira")
    for digits, many in ((account.number[:7], 0), (account.number[-6:], 0), (account.number, 1)):
        assert len(names_of(auditor, ACCOUNTS, q=digits)) == many
        assert len(names_of(auditor, ACCOUNTS, q=f"ferreira {digits}")) == many


def test_more_words_than_are_searched_get_a_message(staff: Client) -> None:
    response = staff.get(PEOPLE, {"q": "a b c d e f g h i"})
    assert [str(message) for message in get_messages(response.wsgi_request)] == [CUT]


@pytest.mark.parametrize("url", [PEOPLE, ACCOUNTS])
def test_any_text_is_answered(staff: Client, url: str) -> None:
    for typed in ("%", "_", "\\", '"', "'a", ":*", "a" * 900, "x " * 400):
        assert staff.get(url, {"q": typed}).status_code == 200, typed


def test_names_in_a_bank_of_many_are_found_through_indexes(
    django_assert_num_queries: Any,
) -> None:
    AccountFactory(user__name="Grace Hopper")
    crowd(20_000)
    for typed in ("grace", "hoper", "gra hoper"):
        names = NameSearch([typed.split()], addresses=True)
        with django_assert_num_queries(2) as captured:
            (person,) = User.objects.filter(names.people(misspelt=True))
            (account,) = Account.objects.filter(names.accounts(misspelt=True))
        assert (person.name, account.user_id) == ("Grace Hopper", person.pk)
        nodes = [node for query in captured for node in nodes_of_sql(query["sql"], None)]
        assert {"users_search", "users_similar_search"} <= {
            node.get("Index Name") for node in nodes
        }
        assert "Seq Scan" not in {node["Node Type"] for node in nodes}, typed
