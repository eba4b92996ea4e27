"""The pages of the cookbook: all recipes, search results, and each recipe live."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cookbook import search
from cookbook.recipe import Recipe
from cookbook.recipes import BY_SLUG, GROUPS, RECIPES
from cookbook.runner.limiter import limited
from cookbook.runner.parameters import form_of
from cookbook.runner.run import AllBusy, NoPracticeBank, RecipeRun, run


def index(request: HttpRequest) -> HttpResponse:
    """All recipes by group, or the search results."""
    asked = request.GET.get("q", "").strip().replace("\x00", "")[: search.MOST_CHARACTERS]
    is_part = request.headers.get("HX-Target") == "recipes"
    template = "cookbook/_recipes.html" if is_part else "cookbook/index.html"
    return render(request, template, _answer(asked))


def missing(request: HttpRequest, slug: str) -> HttpResponse:
    """An address without a recipe: suggests similar ones."""
    asked = slug.replace("-", " ").replace("/", " ")[: search.MOST_CHARACTERS]
    context = {**_answer(asked), "is_missing": True, "near": search.near(slug)}
    return render(request, "cookbook/index.html", context, status=404)


def _answer(asked: str) -> dict[str, Any]:
    answer = {"groups": GROUPS, "many": len(RECIPES), "asked": asked}
    if asked:
        answer["found"] = found = search.find(asked)
        answer["meant"] = "" if found.every else search.meant(asked)
    return answer


def recipe(request: HttpRequest, slug: str) -> HttpResponse:
    """One recipe, run with the parameters of the address."""
    shown = BY_SLUG.get(slug)
    if shown is None:
        return missing(request, slug)
    form = form_of(shown, request.GET)
    ran: RecipeRun | None = None
    trouble = shown.missing and f"This recipe {shown.missing}; here it can only be read."
    if not trouble and form.is_valid():
        try:
            with limited():
                ran = run(shown, form.cleaned_data)
        except (NoPracticeBank, AllBusy) as error:
            trouble = str(error)
    context = {"recipe": shown, "form": form, "ran": ran, "trouble": trouble, **_neighbours(shown)}
    return render(request, "cookbook/recipe.html", context)


def _neighbours(shown: Recipe) -> dict[str, Recipe | None]:
    at = RECIPES.index(shown)
    return {
        "previous": RECIPES[at - 1] if at else None,
        "next": RECIPES[at + 1] if at + 1 < len(RECIPES) else None,
    }
