"""How an analyst, who may not see names, searches for accounts in the whole bank."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.groups import ANALYSTS
from accounts.models import Account, User
from accounts.numbers import LENGTH
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of
from tests.transactions.search.shared import LEFT_OUT, booked, names_of, pay, search_for
from transactions.models import Transaction
from transactions.scope import BANK, Scope, scope_for
from transactions.search.engine import find
from transactions.search.language.fields import FIELDS
from transactions.search.sql import name_lookup
from transactions.search.sql.name_lookup import SIDES

pytestmark = pytest.mark.django_db
Books = dict[str, Transaction]


@pytest.fixture
def analyst(client: Client, db: Any) -> Client:
    person: User = UserFactory(name="Analyst")
    person.groups.add(Group.objects.get(name=ANALYSTS))
    client.force_login(person)
    return client


@pytest.fixture
def blind(ana: User) -> Scope:
    ana.groups.add(Group.objects.get(name=ANALYSTS))
    return scope_for(ana, BANK)


@pytest.fixture
def number(mara: Account) -> str:
    """Mara's number, whose last digits nobody else has."""
    for place, account in enumerate(Account.objects.all()):
        account.number = f"4821093755{place:02}"
        account.save(update_fields=["number"])
    mara.refresh_from_db()
    return mara.number


def test_the_end_of_a_number_finds_its_account(blind: Scope, books: Books, number: str) -> None:
    seeing = Scope(blind.reader, is_bank=True)
    for scope, lengths in ((blind, (3, 4)), (seeing, (3, 4, 6, LENGTH))):
        for length in lengths:
            typed = f"account:{number[-length:]}"
            assert search_for(scope, typed, books) == ["hers", "rent", "back", "secret"]
            assert find(scope, typed).mistakes == []
    assert find(seeing, f"account:{number[-2:]}").rows == []
    assert find(seeing, f"to:{number[-6:]}").rows == []


@pytest.mark.parametrize("field", ["", *(f"{name}:" for name in FIELDS)])
def test_a_reader_without_numbers_finds_nothing_by_hidden_digits(
    blind: Scope, books: Books, number: str, field: str
) -> None:
    """Otherwise a search for each further digit would spell the number out."""
    for length in (5, LENGTH):
        right = number[-length:]
        wrong = f"{9 - int(right[0])}{right[1:]}"
        for sign in ("", "-"):
            found, other = (find(blind, f"{sign}{field}{typed}") for typed in (right, wrong))
            assert names_of(found, books) == names_of(other, books)
            assert len(found.mistakes) == len(other.mistakes)
            assert found.facets.count == other.facets.count


@pytest.mark.parametrize("field", ["account", *SIDES])
def test_hidden_digits_are_a_mistake(blind: Scope, number: str, field: str) -> None:
    (mistake,) = find(blind, f"{field}:{number}").mistakes
    assert mistake.is_applied


def test_a_number_ending_with_too_many_accounts_needs_more_digits(
    blind: Scope, mara: Account, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_lookup, "MOST_NAMED", 1)
    seeing = Scope(blind.reader, is_bank=True)
    Account.objects.filter(pk=mara.pk).update(number="100000004321")
    Account.objects.filter(pk=AccountFactory().pk).update(number="200000004321")
    for scope in (blind, seeing):
        found = find(scope, "account:4321")
        (mistake,) = found.mistakes
        assert "end in 4321" in mistake.sentence
        assert found.rows == []
    assert len(find(seeing, "account:100000004321").rows) == 4


def test_names_are_refused_and_every_example_answers(analyst: Client, books: Books) -> None:
    said = text_of(analyst.get("/search/", {"q": "account:everyday", "whose": "bank"}))
    assert "You may not see names" in said
    assert LEFT_OUT not in said
    page = analyst.get("/search/", {"whose": "bank"}).context["page"]
    examples = [example["query"] for example in page.examples]
    assert next(each for each in examples if each.startswith("account:"))[8:].isdigit()
    for example in page.examples:
        found = analyst.get(example["url"]).context["page"].result
        assert not found.mistakes, example
    (by_account,) = [each for each in page.examples if each["query"].startswith("account:")]
    assert analyst.get(by_account["url"]).context["page"].hits


def test_every_example_answers_staff_too(staff: Client, books: Books) -> None:
    page = staff.get("/search/", {"whose": "bank"}).context["page"]
    for example in page.examples:
        mistakes = staff.get(example["url"]).context["page"].result.mistakes
        assert all(mistake.is_advice for mistake in mistakes), example


def test_money_goes_in_and_out_of_the_bank(staff: Client, books: Books) -> None:
    query = {"q": "salary or rent or groceries", "whose": "bank"}
    hits = staff.get("/search/", query).context["page"].hits
    directions = {hit.row.pk: hit.direction for hit in hits}
    assert directions[books["salary"].pk] == "in"
    assert directions[books["groceries"].pk] == "out"
    assert directions[books["rent"].pk] == "own"


def test_me_is_a_mistake_in_the_bank(blind: Scope, mara: Account, books: Books) -> None:
    User.objects.filter(pk=mara.user_id).update(name="Mehmet Mara")
    for scope in (blind, Scope(blind.reader, is_bank=True)):
        found = find(scope, "to:me")
        (mistake,) = found.mistakes
        assert mistake.sentence.startswith("to:me ")
        assert mistake.is_applied
        assert found.rows == []
    seeing = Scope(blind.reader, is_bank=True)
    assert search_for(seeing, "to:meh", books) == ["hers", "rent", "secret"]
    assert search_for(seeing, 'from:"mehmet"', books) == ["back"]


def test_me_means_the_reader_and_no_other_name(scope: Scope, mara: Account, books: Books) -> None:
    User.objects.filter(pk=mara.user_id).update(name="Mehmet Mara")
    (metro,) = booked(pay(9, "2", "Metro me", scope.accounts[0]))
    books = {**books, "metro": metro}
    assert search_for(scope, "to:me", books) == ["salary", "saved", "back"]
    assert search_for(scope, "to:met", books) == ["metro"]
    assert search_for(scope, 'to:"me"', books) == ["metro"]


def test_descriptions_match_as_names_if_names_are_shown(blind: Scope, books: Books) -> None:
    assert search_for(Scope(blind.reader, is_bank=True), "to:corner", books) == ["groceries"]
    assert search_for(blind, "to:corner", books) == []
    assert search_for(blind, "from:salary", books) == []


def test_a_number_does_not_match_descriptions(scope: Scope, mara: Account, books: Books) -> None:
    """A search for an account by number must not find texts that mention the number."""
    (about,) = booked(pay(9, "2", f"For {mara.number}", scope.accounts[0]))
    books = {**books, "about": about}
    assert search_for(scope, f"to:{mara.number}", books) == ["rent"]
    assert search_for(scope, mara.number, books) == ["about"]


def test_without_names_words_match_nothing_and_the_page_says_why(
    analyst: Client, blind: Scope, mara: Account, books: Books
) -> None:
    assert search_for(blind, "hare", books) == []
    assert search_for(blind, "mara", books) == []
    said = text_of(analyst.get("/search/", {"q": "hare", "whose": "bank"}))
    assert "You may not see names" in said
    assert "Hare and Hound" not in said
