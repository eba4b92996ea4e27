"""The pages of the cookbook: the first page with the search, a page for each group, and a page for
each recipe.
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cookbook import search
from cookbook.exercises import EXERCISES, exercises_of
from cookbook.first_page import OrmLine, lines
from cookbook.practice.readiness import NoPracticeBank, PracticeBankInProgress
from cookbook.recipe import Recipe
from cookbook.recipes import BY_SLUG, GROUPS, RECIPES
from cookbook.runner.limiter import limited
from cookbook.runner.page import page
from cookbook.runner.parameters import form_of
from cookbook.runner.run import AllBusy, RecipeRun, run


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Shows all groups with the features of their recipes. With `?q=`, shows the recipes that match
    the query.
    """
    query = request.GET.get("q", "").strip().replace("\x00", "")[: search.MAX_CHARACTERS]
    is_part = request.headers.get("HX-Target") == "recipes"
    template = "cookbook/_recipes.html" if is_part else "cookbook/index.html"
    return page(request, template, _index_context(query))


@require_safe
def group(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the recipes of one group with the questions that they answer."""
    chosen = next((each for each in GROUPS if each.slug == slug), None)
    if chosen is None:
        raise Http404
    return render(request, "cookbook/group.html", {"group": chosen, "groups": GROUPS})


def not_found(request: HttpRequest, slug: str) -> HttpResponse:
    """Returns a page with status 404 for an unknown recipe. The page lists recipes with a similar
    name or with the same words.
    """
    query = slug.replace("-", " ").replace("/", " ")[: search.MAX_CHARACTERS]
    context = {**_index_context(query), "is_not_found": True, "similar": search.similar(slug)}
    return render(request, "cookbook/index.html", context, status=404)


def _index_context(query: str) -> dict[str, Any]:
    context: dict[str, Any] = {
        "groups": GROUPS,
        "recipe_count": len(RECIPES),
        "exercise_count": len(EXERCISES),
        "query": query,
        "trouble": None,
    }
    if query:
        context["matches"] = matches = search.find(query)
        context["suggestion"] = "" if matches.every else search.suggestion(query)
    else:
        context["lines"], context["trouble"] = _lines()
    return context


def _lines() -> tuple[tuple[OrmLine, ...], PracticeBankInProgress | None]:
    """Returns the table for the top of the page, and the exception that makes the page reload.

    The table is empty if there is no practice bank. The exception is None if the page does not need
    to reload.
    """
    try:
        with limited():
            return lines(), None
    except PracticeBankInProgress as error:
        return (), error
    except (NoPracticeBank, AllBusy):
        return (), None


@require_safe
def recipe(request: HttpRequest, slug: str) -> HttpResponse:
    """Runs a recipe with the parameters in the URL, and shows the result."""
    chosen = BY_SLUG.get(slug)
    if chosen is None:
        return not_found(request, slug)
    form = form_of(chosen, request.GET)
    ran: RecipeRun | None = None
    trouble: object = None
    if chosen.missing:
        trouble = f"This recipe {chosen.missing}, so it cannot run here."
    elif form.is_valid():
        try:
            with limited():
                ran = run(chosen, form.cleaned_data)
        except (NoPracticeBank, AllBusy) as error:
            trouble = error
    return page(
        request,
        "cookbook/recipe.html",
        {
            "recipe": chosen,
            "form": form,
            "ran": ran,
            "trouble": trouble,
            "exercises": exercises_of(slug),
            **_neighbours(chosen),
        },
    )


def _neighbours(chosen: Recipe) -> dict[str, Recipe | None]:
    position = RECIPES.index(chosen)
    return {
        "previous": RECIPES[position - 1] if position else None,
        "next": RECIPES[position + 1] if position + 1 < len(RECIPES) else None,
    }
