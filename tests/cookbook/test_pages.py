"""The cookbook's pages, as a customer sees them."""

import re
from threading import BoundedSemaphore
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from ledger.cookbook import running, turns
from ledger.cookbook.recipe import Recipe
from ledger.cookbook.recipes import RECIPES
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of

pytestmark = pytest.mark.usefixtures("practice_bank", "db")
INDEX = "/cookbook/"


@pytest.fixture
def customer(client: Client) -> Client:
    client.force_login(UserFactory(name="Custard Example"))
    return client


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.slug)
def test_a_recipe_shows_its_source_its_sql_and_its_result(customer: Client, recipe: Recipe) -> None:
    response = customer.get(recipe.url)
    assert response.status_code == 200
    text = text_of(response)
    assert recipe.function.__name__ in text
    if recipe.missing:
        assert f"This recipe {recipe.missing}; here it can only be read." in text
        return
    ran = response.context["ran"]
    assert (ran.error, ran.queries > 0) == ("", True)
    assert "What to notice" in text
    assert len(response.content) < 60_000


def test_the_index_has_every_recipe_and_the_lab(customer: Client) -> None:
    page = customer.get(INDEX).content.decode()
    for recipe in RECIPES:
        assert f'href="{recipe.url}"' in page
    assert 'href="/cookbook/lab/"' in page
    assert len(page) < 60_000


def test_a_question_is_answered_in_the_address(customer: Client) -> None:
    response = customer.get(INDEX, {"q": "lost update"})
    assert response.context["found"][0].slug == "lost-update"
    assert "“lost update”" in text_of(response)
    part = customer.get(INDEX, {"q": "lost update"}, headers={"HX-Target": "recipes"})
    assert "<html" not in part.content.decode()


def test_what_nobody_has_written_about_says_so_and_what_may_be_meant(customer: Client) -> None:
    text = text_of(customer.get(INDEX, {"q": "uddate"}))
    assert "No recipe has these words" in text
    assert "Did you mean update ?" in text
    page = customer.get(INDEX, {"q": "<script>alert(1)</script>\x00"}).content.decode()
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("0", "Give a whole number from 1 to 50."),
        ("51", "Give a whole number from 1 to 50."),
        ("9" * 400, "Give a whole number from 1 to 50."),
        ("many", "Give a whole number from 1 to 50."),
    ],
)
def test_a_parameter_that_cannot_be_is_said_and_nothing_run(
    customer: Client, given: str, sentence: str
) -> None:
    response = customer.get(f"{INDEX}spent-by-category/", {"most": given})
    assert text_of(response).count(sentence) == 1
    assert response.context["ran"] is None


def test_a_parameter_is_used_and_in_the_line_for_the_shell(customer: Client) -> None:
    response = customer.get(f"{INDEX}spent-by-category/", {"most": "2"})
    assert len(response.context["ran"].tables[0].rows) == 2
    code = re.sub("<[^>]+>", "", response.content.decode())
    assert "cook(recipes.spent_by_category, most=2)" in code


def test_nobody_elses_rows_are_ever_in_it(customer: Client) -> None:
    stranger: User = UserFactory(name="Strangely Named", email="strange@example.com")
    AccountFactory(user=stranger, name="Strangepot", balance=123_456)
    for recipe in RECIPES:
        page = customer.get(recipe.url).content.decode()
        for secret in ("Strange", "strange@", "Custard@", "123456.0000", "123,456"):
            assert secret not in page.replace("Custard Example", ""), recipe.slug


def test_an_address_without_a_recipe_is_not_found(customer: Client) -> None:
    assert customer.get(f"{INDEX}nothing-of-the-kind/").status_code == 404


def test_a_visitor_signs_in_first(client: Client) -> None:
    assert client.get(INDEX).status_code == 302
    assert client.get(RECIPES[0].url).status_code == 302


def test_without_a_practice_bank_the_page_says_who_makes_it(
    customer: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr(running, "is_current", lambda: False)
    response = customer.get(RECIPES[0].url)
    assert response.status_code == 200
    assert "manage.py practice_bank" in text_of(response)
    assert reverse("cookbook:index") in response.content.decode()


def test_where_there_is_no_room_the_page_says_so_and_others_go_on(
    customer: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr(turns, "_room", BoundedSemaphore(1))
    monkeypatch.setattr(turns, "SECONDS", 0.01)
    with turns.turn():
        response = customer.get(RECIPES[0].url)
        assert "Others are running recipes" in text_of(response)
        assert response.context["ran"] is None
        assert customer.get(INDEX).status_code == 200
    assert customer.get(RECIPES[0].url).context["ran"]
