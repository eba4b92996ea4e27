"""The views of the cookbook, without a practice bank."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.http import Http404
from django.test import RequestFactory

from cookbook import views
from cookbook.lab import views as lab_views
from cookbook.lab.attempt_runner import Outcome
from cookbook.lab.attempts import ATTEMPTS
from cookbook.lab.attempts.attempt import NOT_NULL
from cookbook.lab.views import LeftOutColumns, _left_out
from cookbook.practice.readiness import NoPracticeBank, PracticeBankInProgress
from cookbook.recipe import Recipe
from cookbook.recipes import GROUPS, RECIPES
from cookbook.runner.parameters import form_of
from cookbook.runner.run import AllBusy

FIRST = RECIPES[0]


@pytest.fixture(autouse=True)
def without_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each view returns its template and context."""

    def shown(_request: object, template: str, context: Any, status: int = 200) -> Any:
        return template, context, status

    monkeypatch.setattr(views, "render", shown)
    monkeypatch.setattr(views, "page", shown)
    monkeypatch.setattr(views, "lines", lambda: ("the table",))
    monkeypatch.setattr(views, "run", lambda recipe, values: (recipe, values))


def index(query: str = "", **headers: str) -> Any:
    return views.index(RequestFactory().get("/", {"q": query} if query else {}, headers=headers))


def recipe(slug: str, **parameters: str) -> Any:
    return views.recipe(RequestFactory().get("/", parameters), slug)


def test_every_page_is_only_read() -> None:
    refused: Any
    for view in (views.index, views.group, views.recipe, lab_views.lab, lab_views.lab_table):
        refused = view(RequestFactory().post("/"))  # type: ignore[call-arg]
        assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD"), view


@pytest.mark.django_db
def test_a_search_replaces_the_list_alone() -> None:
    whole, context, _status = index()
    assert (context["lines"], context["trouble"]) == (("the table",), None)
    assert (context["groups"], context["recipe_count"]) == (GROUPS, len(RECIPES))
    found, context, _status = index(" window\x00 ", **{"hx-target": "recipes"})
    assert (whole, found) == ("cookbook/index.html", "cookbook/_recipes.html")
    assert context["query"] == "window"
    assert context["matches"].every
    assert context["suggestion"] == ""
    assert index("window", **{"hx-target": "other"})[0] == whole
    assert index("windwo")[1]["suggestion"] != ""


@pytest.mark.parametrize("error", [PracticeBankInProgress, NoPracticeBank, AllBusy])
def test_without_a_practice_bank_the_index_has_no_table_and_a_recipe_says_why(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    refusal = error("Not now.")

    @contextmanager
    def refuse() -> Iterator[None]:
        raise refusal
        yield

    monkeypatch.setattr(views, "limited", refuse)
    context = index()[1]
    said = refusal if error is PracticeBankInProgress else None
    assert (context["lines"], context["trouble"]) == ((), said)
    context = recipe(FIRST.slug)[1]
    assert (context["ran"], context["trouble"]) == (None, refusal)


def test_a_recipe_runs_with_the_parameters_of_the_address_between_its_neighbours() -> None:
    for place in (0, 1, len(RECIPES) - 1):
        chosen = RECIPES[place]
        template, context, status = recipe(chosen.slug)
        assert (template, status) == ("cookbook/recipe.html", 200)
        assert (context["recipe"], context["trouble"]) == (chosen, None)
        assert context["ran"] == (chosen, context["form"].cleaned_data)
        assert context["previous"] == (RECIPES[place - 1] if place else None)
        assert context["next"] == (RECIPES[place + 1] if place + 1 < len(RECIPES) else None)


def test_a_recipe_that_cannot_run_here_is_only_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recipe, "missing", "needs Postgres 99")
    context = recipe(FIRST.slug)[1]
    assert context["ran"] is None
    assert "needs Postgres 99" in context["trouble"]


def test_a_recipe_with_wrong_parameters_does_not_run() -> None:
    chosen = next(each for each in RECIPES if "limit" in form_of(each, {}).fields)
    context = recipe(chosen.slug, limit="many")[1]
    assert (context["ran"], context["trouble"]) == (None, None)
    assert context["form"].errors.keys() == {"limit"}


@pytest.mark.django_db
def test_an_unknown_recipe_is_not_found_with_similar_ones_and_an_unknown_group_without() -> None:
    template, context, status = recipe(FIRST.slug + "x")
    assert (template, status) == ("cookbook/index.html", 404)
    assert context["is_not_found"]
    assert FIRST in context["similar"]
    request = RequestFactory().get("/")
    assert views.group(request, GROUPS[1].slug)[1] == {"group": GROUPS[1], "groups": GROUPS}  # type: ignore[index]
    with pytest.raises(Http404):
        views.group(request, "nothing")


def test_columns_that_were_left_out_are_grouped_by_what_refused_them() -> None:
    one, two, three = [attempt for attempt in ATTEMPTS if attempt.state == NOT_NULL][:3]
    named = [Outcome(each, NOT_NULL, each.refused_by) for each in (one, two)]
    let_in, other = Outcome(three), Outcome(replace(three, rule="x"), NOT_NULL, "another")
    assert all(outcome.as_expected for outcome in named)
    assert _left_out([named[0], let_in, named[1], other]) == [
        LeftOutColumns([one.rule, two.rule], named[0]),
        LeftOutColumns([three.rule], let_in),
        LeftOutColumns(["x"], other),
    ]
