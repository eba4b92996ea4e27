"""The views of the cookbook, without a practice bank."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import Http404
from django.test import RequestFactory

from cookbook import search, views
from cookbook.lab import views as lab_views
from cookbook.lab.attempt_runner import AttemptResults, Outcome
from cookbook.lab.attempts import ATTEMPTS, WITHOUT_THE_RIGHT
from cookbook.lab.attempts.attempt import NOT_NULL
from cookbook.lab.rules import Rule
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

    def find(query: str) -> Any:
        return SimpleNamespace(every=[FIRST] if query == "window" else [])

    monkeypatch.setattr(Recipe, "missing", "")  # it asks the server for its version
    monkeypatch.setattr(search, "find", find)
    monkeypatch.setattr(search, "suggestion", lambda query: f"not {query}")
    monkeypatch.setattr(views, "render", shown)
    monkeypatch.setattr(views, "page", shown)
    monkeypatch.setattr(views, "lines", lambda: ("the table",))
    monkeypatch.setattr(views, "run", lambda recipe, values: (recipe, values))


def index(query: str = "", **headers: str) -> Any:
    return views.index(RequestFactory().get("/", {"q": query} if query else {}, headers=headers))


def recipe(slug: str, **parameters: str) -> Any:
    return views.recipe(RequestFactory().get("/", parameters), slug)


def test_a_search_replaces_the_list_alone() -> None:
    whole, context, _status = index()
    assert (context["lines"], context["trouble"]) == (("the table",), None)
    assert (context["groups"], context["recipe_count"]) == (GROUPS, len(RECIPES))
    found, context, _status = index(" window\x00 ", **{"hx-target": "recipes"})
    assert (whole, found) == ("cookbook/index.html", "cookbook/_recipes.html")
    assert context["query"] == "window"
    assert (context["matches"].every, context["suggestion"]) == ([FIRST], "")
    assert index("window", **{"hx-target": "other"})[0] == whole
    assert index("windwo")[1]["suggestion"] == "not windwo"
    longest = "x" * search.MAX_CHARACTERS
    assert index(f"{longest}y")[1]["query"] == longest


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


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lab, whose attempts are all refused as they should be, and what it counted."""
    counted = list[str]()

    def run(attempts: Any) -> AttemptResults:
        return AttemptResults(
            [Outcome(each, each.refused_with, each.refused_by) for each in attempts], 0.0
        )

    def shown(_request: object, template: str, context: Any) -> Any:
        return template, context

    monkeypatch.setattr(lab_views, "page", shown)
    monkeypatch.setattr(lab_views, "run_attempts", run)
    monkeypatch.setattr(lab_views, "run_attempts_on_real_books", run)
    monkeypatch.setattr(lab_views, "count_run", lambda _person: counted.append("all"))
    monkeypatch.setattr(lab_views, "count_try", lambda _person: counted.append("one"))
    monkeypatch.setattr(lab_views, "require", lambda: counted.append("none"))
    monkeypatch.setattr(lab_views, "rules_of_the_books", lambda: [RULE])
    return counted


TABLE = ATTEMPTS[0].table
OF_TABLE = [attempt for attempt in ATTEMPTS if attempt.table == TABLE]
ONE = next(attempt for attempt in OF_TABLE if attempt.state != NOT_NULL)
RULE = Rule(TABLE, ONE.rule, "check", "CHECK (true)")


def lab(chosen: str = "", table: str = "") -> Any:
    request: Any = RequestFactory().get("/", {"try": chosen} if chosen else {})
    request.user = SimpleNamespace(pk=1)
    return lab_views.lab_table(request, table) if table else lab_views.lab(request)


def test_the_lab_tries_what_the_address_names(tried: list[str]) -> None:
    template, context = lab()
    assert template == "cookbook/lab.html"
    assert (context["tried"], context["parts"], context["trouble"]) == (None, [], None)
    assert [rule.outcome for rule in context["first"]] == [None] * len(WITHOUT_THE_RIGHT)
    assert [rule.attempt for rule in context["first"]] == [*WITHOUT_THE_RIGHT]
    assert sum(count for _table, count in context["tables"]) == context["count"] == len(ATTEMPTS)
    everything = lab("all")[1]
    assert len(everything["tried"].outcomes) == len(ATTEMPTS)
    parts = everything["parts"]
    assert [part.table for part in parts] == [table for table, _count in everything["tables"]]
    shown = [len(part.outcomes) + sum(len(it.columns) for it in part.left_out) for part in parts]
    assert shown == [count for _table, count in everything["tables"]]
    assert all(rule.outcome for rule in everything["first"])
    one = lab(WITHOUT_THE_RIGHT[0].slug)[1]
    assert [bool(rule.outcome) for rule in one["first"]][:2] == [True, False]
    assert [context["unknown"], everything["unknown"], one["unknown"]] == [""] * 3
    assert lab("nothing")[1]["unknown"] == "nothing"
    assert tried == ["none", "all", "one", "none"]


def test_a_table_of_the_lab_has_its_rules_and_the_attempt_of_the_address(
    tried: list[str],
) -> None:
    template, context = lab(table=TABLE)
    assert (template, context["table"]) == ("cookbook/lab_table.html", TABLE)
    rules = context["tested"] + context["columns"]
    assert {rule.attempt for rule in rules} == {*OF_TABLE}
    assert {rule.attempt.state for rule in context["columns"]} <= {NOT_NULL}
    assert [rule.rule for rule in rules if rule.attempt == ONE] == [RULE]
    assert not any(rule.outcome for rule in rules)
    chosen = lab(ONE.slug, TABLE)[1]
    assert [rule.attempt for rule in chosen["tested"] if rule.outcome] == [ONE]
    assert (chosen["broke"], chosen["unknown"], chosen["trouble"]) == (False, "", None)
    assert lab("nothing", TABLE)[1]["unknown"] == "nothing"
    assert tried == ["none", "none", "one", "none"]
    with pytest.raises(Http404):
        lab(table="sessions")


@pytest.mark.parametrize("error", [NoPracticeBank, AllBusy])
def test_the_lab_says_why_it_tries_nothing(
    tried: list[str], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    refusal = error("Not now.")

    def refuse(*_given: object) -> None:
        raise refusal

    monkeypatch.setattr(lab_views, "run_attempts", refuse)
    everything, table = lab("all")[1], lab(ONE.slug, TABLE)[1]
    assert (everything["tried"], everything["trouble"]) == (None, refusal)
    assert (table["trouble"], table["broke"]) == (refusal, False)
    is_tried = any(rule.outcome for rule in everything["first"])
    assert is_tried == (error is NoPracticeBank)


def test_a_long_definition_of_a_rule_is_cut() -> None:
    most = lab_views.MAX_DEFINITION
    assert lab_views.TestedRule(ONE).definition == ""
    for length, shown in ((most, "x" * most), (most + 1, f"{'x' * most} … (601 characters)")):
        rule = Rule(TABLE, ONE.rule, "check", "x" * length)
        assert lab_views.TestedRule(ONE, rule).definition == shown
