"""The cookbook's pages, as a customer sees them."""

import re
from html import unescape
from threading import BoundedSemaphore
from typing import Any

import pytest
from django.conf import settings
from django.forms import CharField, DateField, DecimalField, Field, IntegerField
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from accounts.models import User
from cookbook import first_page
from cookbook.files import file_in_the_bank
from cookbook.in_the_bank import USES
from cookbook.recipe import Recipe, RecipeGroup
from cookbook.recipes import GROUPS, RECIPES
from cookbook.runner import limiter, run
from cookbook.runner.parameters import form_of
from ledger.db.queries.plan_tree import tree_of
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of

pytestmark = pytest.mark.usefixtures("practice_bank", "db")
INDEX = "/cookbook/"
# Both queries of these recipes use an index.
WITH_INDEX_TWICE = {"unspent-by-partial-index", "worth-by-covering-index", "week-by-brin"}


@pytest.fixture
def customer(client: Client) -> Client:
    client.force_login(UserFactory(name="Custard Example"))
    return client


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.slug)
def test_a_recipe_shows_its_source_its_sql_and_its_result(customer: Client, recipe: Recipe) -> None:
    response = customer.get(recipe.url)
    assert response.status_code == 200
    text, reader = text_of(response), response.wsgi_request.user
    assert isinstance(reader, User)
    assert recipe.function.__name__ in text
    if recipe.missing:
        assert recipe.missing in text
        assert response.context["ran"] is None
        return
    ran = response.context["ran"]
    assert (ran.error, ran.queries > 0) == ("", True)
    assert "What to notice" in text
    assert (settings.BASE_DIR / recipe.file).is_file()
    assert recipe.file in text
    assert all(tree_of(query.plan) for query in ran.work.queries if query.plan)
    assert len(response.content) < 60_000
    use = USES.get(recipe.slug)
    assert ("In the bank" in text) == (use is not None)
    if use:
        assert use.file in text
        assert (f'href="{use.url}"' in response.content.decode()) == bool(use.url_for(reader))


@pytest.mark.parametrize(
    ("slug", "sql"),
    [
        ("visits-of-a-partitioned-table", "CREATE TABLE visit_log_q1 PARTITION OF visit_log"),
        ("visits-of-a-materialized-view", "CREATE MATERIALIZED VIEW visits_of_countries"),
        ("newest-entries-of-a-view", "CREATE VIEW entries AS SELECT"),
        ("reminders-of-one-reader", "CREATE POLICY own_reminders ON reminders"),
        ("posted-row-is-final", "BEFORE UPDATE ON"),
        ("books-by-search-vector-field", "CREATE TRIGGER words_of_book"),
        ("places-by-custom-configuration", "CREATE TEXT SEARCH CONFIGURATION english_unaccent"),
        ("basket-by-db-cascade", "ON DELETE CASCADE"),
    ],
)
def test_what_sql_created_is_on_the_page(customer: Client, slug: str, sql: str) -> None:
    page = customer.get(f"{INDEX}{slug}/").content.decode()
    code = page.partition('id="recipe-creation"')[2].partition("</pre>")[0]
    assert sql in " ".join(unescape(re.sub("<[^>]+>", "", code)).split())


@pytest.mark.parametrize(
    "slug", ["box-rented-once-at-a-time", "change-places", "one-main-favourite"]
)
def test_a_model_whose_meta_is_the_lesson_comes_first(customer: Client, slug: str) -> None:
    page = customer.get(f"{INDEX}{slug}/").content.decode()
    assert page.index('id="recipe-model"') < page.index('id="recipe-code"')
    assert "Models that exist only in the practice bank" not in page


@pytest.mark.parametrize(
    "slug",
    [
        *("visit-by-hash-index", "visits-by-gist-index", "visits-by-sp-gist-index"),
        *("vouchers-by-functional-index", "unspent-by-partial-index", "worth-by-covering-index"),
        *("places-by-gin-trgm-ops", "week-by-brin", "parcels-by-bloom-index"),
    ],
)
def test_a_recipe_about_an_index_compares_its_plans(customer: Client, slug: str) -> None:
    response = customer.get(f"{INDEX}{slug}/")
    plans = response.context["ran"].compared_plans
    assert len(plans) >= 2
    assert len({"Seq Scan" in plan for plan in plans}) == 2 or slug in WITH_INDEX_TWICE
    assert "The plans compared" in text_of(response)


@pytest.mark.parametrize(
    ("slug", "warns"),
    [
        ("limit-for-all", True),  # writes
        ("lost-commit", True),  # commits
        ("parcels-by-validate-constraint", True),  # in a separate database
        ("rent-so-far", False),
    ],
)
def test_a_recipe_that_changes_rows_warns_before_it_is_pasted(
    customer: Client, slug: str, warns: bool
) -> None:
    page = customer.get(f"/cookbook/{slug}/").content.decode()
    assert (f"cook({slug.replace('-', '_')})" in page) == warns


@pytest.mark.parametrize("part", ["file", "in-the-bank"])
def test_the_file_of_a_recipe_opens_at_its_line(customer: Client, part: str) -> None:
    page = customer.get("/cookbook/select-for-update/").content.decode()
    assert f'href="/cookbook/select-for-update/{part}/#here"' in page
    response = customer.get(f"/cookbook/select-for-update/{part}/").content.decode()
    line = response.partition('<span id="here"></span>')[2].partition("\n")[0]
    expected = {"file": "@GROUP.recipe(", "in-the-bank": ".select_for_update("}[part]
    assert expected in line


def test_the_line_of_a_file_is_code() -> None:
    shown = file_in_the_bank("statement-with-running-total")
    assert shown is not None
    assert "frame=RowRange(" in shown.text.splitlines()[shown.line - 1]


@pytest.mark.parametrize(
    "address", ["nothing/file", "add-contact/in-the-bank", "nothing/in-the-bank"]
)
def test_a_file_that_no_recipe_names_is_not_found(customer: Client, address: str) -> None:
    assert customer.get(f"/cookbook/{address}/").status_code == 404


def test_the_index_has_every_recipe_and_the_lab(customer: Client) -> None:
    page = customer.get(INDEX).content.decode()
    for recipe in RECIPES:
        assert f'href="{recipe.url}"' in page
    assert 'href="/cookbook/lab/"' in page
    assert len(page) < 60_000


def test_the_index_names_the_feature_of_each_recipe_under_its_group(customer: Client) -> None:
    page = customer.get(INDEX).content.decode()
    for group in GROUPS:
        section = page[page.index(f'id="group-{group.slug}"') :].partition("</section>")[0]
        links = re.findall(r'<li><a href="([^"]+)">([^<]+)</a>', section.replace("<wbr>", ""))
        assert links == [(recipe.url, escape(recipe.feature)) for recipe in group.recipes]
        assert f'<a href="{group.url}">' in section


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.slug)
def test_a_group_has_its_recipes_with_their_questions(customer: Client, group: RecipeGroup) -> None:
    page = customer.get(group.url).content.decode()
    for recipe in group.recipes:
        assert f'<a href="{recipe.url}">{escape(recipe.title)}</a>' in page
        assert escape(recipe.asks) in page
    for other in GROUPS:
        assert f'href="{other.url}"' in page


def test_an_unknown_group_is_not_found(customer: Client) -> None:
    assert customer.get("/cookbook/groups/nothing/").status_code == 404


def test_a_question_is_answered_in_the_address(customer: Client) -> None:
    response = customer.get(INDEX, {"q": "lost update"})
    found = response.context["matches"]
    assert found.every[0].slug == "lost-update"
    text = text_of(response)
    assert f"{len(found.every)} recipes match “lost update”" in text
    after = text.partition("Recipes with some of the words")[2]
    assert found.some[0].title in after
    assert found.every[0].title not in after
    part = customer.get(INDEX, {"q": "lost update"}, headers={"HX-Target": "recipes"})
    assert "<html" not in part.content.decode()


def test_what_nobody_has_written_about_says_so_and_what_may_be_meant(customer: Client) -> None:
    text = text_of(customer.get(INDEX, {"q": "uddate"}))
    assert "No recipe matches “uddate”" in text
    assert "Did you mean update ?" in text
    assert "docs/django.md" in text
    assert "docs/other-guides.md" in text
    assert "docs/django.md" not in text_of(customer.get(INDEX, {"q": "lost update"}))
    page = customer.get(INDEX, {"q": "<script>alert(1)</script>\x00"}).content.decode()
    assert "<script>alert" not in page


def test_a_query_that_no_recipe_matches_gets_a_message_before_partial_matches(
    customer: Client,
) -> None:
    text = text_of(customer.get(INDEX, {"q": "index serializers"}))
    before, _, after = text.partition("Recipes with some of the words")
    assert "No recipe matches “index serializers”" in before
    assert "index" in after


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("0", "Type a whole number from 1 to 50."),
        ("51", "Type a whole number from 1 to 50."),
        ("9" * 400, "Type a whole number from 1 to 50."),
        ("many", "Type a whole number from 1 to 50."),
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


@pytest.mark.parametrize("name", ["dedlock", "a/deadlok", "no.such"])
def test_an_address_without_a_recipe_says_so_and_offers_others(customer: Client, name: str) -> None:
    response = customer.get(f"{INDEX}{name}/")
    assert response.status_code == 404
    assert response.context["is_not_found"]
    assert 'name="q"' in response.content.decode()
    assert ('href="/cookbook/deadlock/"' in response.content.decode()) == (name != "no.such")


def test_an_address_without_its_last_slash_still_leads_on(customer: Client) -> None:
    assert customer.get("/cookbook/deadlock").headers["Location"] == "/cookbook/deadlock/"


def test_a_visitor_signs_in_first(client: Client) -> None:
    assert client.get(INDEX).status_code == 302
    assert client.get(RECIPES[0].url).status_code == 302


def test_without_a_practice_bank_the_page_says_who_makes_it(
    customer: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr("cookbook.practice.readiness.is_current", lambda: False)
    response = customer.get(RECIPES[0].url)
    assert response.status_code == 200
    assert "manage.py practice_bank" in text_of(response)
    assert reverse("cookbook:index") in response.content.decode()


@pytest.mark.parametrize(
    "address",
    [INDEX, RECIPES[0].url, f"{INDEX}lab/", f"{INDEX}lab/?try=all", f"{INDEX}lab/accounts/"],
)
def test_while_the_practice_bank_is_being_built_pages_say_so_and_load_again(
    customer: Client, monkeypatch: Any, address: str
) -> None:
    assert "Refresh" not in customer.get(address).headers
    first_page.lines.cache_clear()
    monkeypatch.setattr("cookbook.practice.readiness.is_current", lambda: False)
    monkeypatch.setattr("cookbook.practice.readiness._is_being_built", lambda: True)
    response = customer.get(address)
    assert response.status_code == 200
    assert "is being built" in text_of(response)
    assert int(response.headers["Refresh"]) > 0
    assert 'role="alert"' not in response.content.decode()


def test_where_there_is_no_room_the_page_says_so_and_others_go_on(
    customer: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr(limiter, "_room", BoundedSemaphore(1))
    monkeypatch.setattr(limiter, "SECONDS", 0.01)
    with limiter.limited():
        response = customer.get(RECIPES[0].url)
        assert "Try again in a moment" in text_of(response)
        assert response.context["ran"] is None
        assert customer.get(INDEX).status_code == 200
    assert customer.get(RECIPES[0].url).context["ran"]


def test_a_plan_keeps_its_lines_and_its_indents(customer: Client) -> None:
    response = customer.get(f"{INDEX}plan-of-a-page/")
    guessed, measured = response.context["ran"].tables
    assert guessed.text.startswith("Limit ")
    assert "\n  ->  Index Scan Backward" in measured.text
    page = response.content.decode()
    shown = re.findall(r'<pre class="code code--wide"[^>]*aria-label="(\w+)">([^<]*)</pre>', page)
    assert [title for title, _ in shown] == ["Guessed", "Measured"]
    assert "\n  -&gt;  Index Scan Backward" in shown[0][1]


@pytest.mark.parametrize(
    ("slug", "given"),
    [
        ("newest-entries-of-a-view", {"email": "nobody@example.com"}),
        ("worth-by-covering-index", {"code": "GIFT-99999"}),
        ("cash-by-day-in-raw-sql", {"currency": "XXX"}),
        ("reached-by-money", {"email": "nobody@example.com"}),
        ("spent-old-and-new", {"code": "none"}),
    ],
)
def test_what_is_not_there_is_an_empty_answer(
    customer: Client, slug: str, given: dict[str, str]
) -> None:
    response = customer.get(f"{INDEX}{slug}/", given)
    assert response.status_code == 200
    ran = response.context["ran"]
    assert ran is None or (ran.error, ran.stopped) == ("", "")


# The least and the most that each kind of parameter may be, and texts that somebody may try.
EXTREMES: dict[type[Field], tuple[str, ...]] = {
    DateField: ("0001-01-01", "9999-12-31"),
    DecimalField: ("-9999999999999999.9999", "0", "9999999999999999.9999"),
    CharField: ("", "nobody", "x" * 200, "'", "%s{}\\", "(((", "é😀"),
}


@pytest.mark.parametrize(
    "recipe",
    [
        recipe
        for recipe in RECIPES
        if not recipe.commits and recipe.slug != "too-slow" and form_of(recipe, {}).fields
    ],
    ids=lambda recipe: recipe.slug,
)
def test_no_parameter_brings_a_recipe_down_or_makes_it_long(recipe: Recipe) -> None:
    if recipe.missing:
        pytest.skip(recipe.missing)
    usual = form_of(recipe, {}).data
    for name, field in form_of(recipe, {}).fields.items():
        extremes = EXTREMES.get(type(field), ())
        if type(field) is IntegerField:
            extremes = (str(field.min_value), str(field.max_value))
        for value in extremes:
            form = form_of(recipe, {**usual, name: value})
            assert form.is_valid(), (name, value)
            ran = run.run(recipe, form.cleaned_data)
            assert not ran.stopped, (name, value)
            assert sum(len(table.rows) + table.more for table in ran.tables) <= 5_000


def test_days_without_bounds_are_not_made(customer: Client) -> None:
    response = customer.get(f"{INDEX}cash-by-day-in-raw-sql/", {"days": "367"})
    assert "from 1 to 366" in text_of(response)
    assert response.context["ran"] is None
