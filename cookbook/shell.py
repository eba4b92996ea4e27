"""The names `recipes` and `cook` in `manage.py shell`. `cook` runs a recipe."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, get_type_hints

from django.forms import Form

from cookbook.recipe import Recipe, RecipeGroup
from cookbook.recipes import BY_SLUG, GROUPS
from cookbook.runner.parameters import form_of
from cookbook.runner.rendering import RenderedTable
from cookbook.runner.run import RecipeRun, run
from cookbook.runner.timeline import written
from cookbook.search import find
from ledger.text.sql_layout import lay_out

BANNER = """\
Everything the bank has is here: its models, services and reports, Django's expressions (F, Q, Sum,
Count, Window, ...) and the cookbook. Three lines to try:

    Account.objects.values("currency").annotate(total=Sum("balance")).order_by("-total")
    cook(recipes.spent_by_category, most=5)      # in the practice bank; nothing stays
    recipes                                      # every recipe there is
"""
NO_ASYNC = "cook runs no async functions, because their queries would change your bank."
UNTYPED = "Write the types of the arguments as in the recipe: {} has none."
NO_RECIPE = "There is no recipe {}; type `recipes` to see them all."


class Recipes:
    """An object whose attributes are the functions of all recipes, such as
    `recipes.lost_update`.
    """

    def __call__(self, query: str) -> None:
        """Searches the cookbook, as on its page. Prints the recipes with all words of the query, or
        else the recipes with some of the words.
        """
        found = find(query)
        lines = map(_line, found.every or found.some)
        print("\n".join(lines) or f"No recipe matches {query!r}; type `recipes` to see them all.")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        recipe = _named(name)
        if recipe is None:
            raise AttributeError(NO_RECIPE.format(name))
        return recipe.function

    def __dir__(self) -> list[str]:
        return [recipe.name for recipe in BY_SLUG.values()]

    def __repr__(self) -> str:
        return "\n".join(
            line
            for group in GROUPS
            for line in (
                f"{group.title}",
                *map(_line, group.recipes),
            )
        )


recipes = Recipes()


def _line(recipe: Recipe) -> str:
    return f"    {recipe.name:32} {recipe.title}"


def _named(function: str) -> Recipe | None:
    """Returns the recipe whose function has this name, or None."""
    return BY_SLUG.get(function.replace("_", "-"))


def cook(function: Callable[..., Any] | str, **values: Any) -> None:
    """Runs a recipe in the practice bank and rolls back, as on the recipe's page. Prints its source
    code, its SQL and its result. `values` are the arguments of the recipe.

    A function of your own also runs there. If it has the name of a recipe, such as a pasted recipe
    that you have changed, it runs in the same way as this recipe. Only queries on the shell's
    connection run there: queries of threads and of async code change your bank.
    """
    name = function if isinstance(function, str) else getattr(function, "__name__", repr(function))
    recipe = _named(name)
    if inspect.iscoroutinefunction(function):
        print(NO_ASYNC)
    elif recipe is None and (inspect.isfunction(function) or inspect.ismethod(function)):
        own = Recipe(function, RecipeGroup("", "", ""), "", "", (), "", "", writes=True)
        _print(_lines(own, run(own, values)))
    elif recipe is None:
        print(NO_RECIPE.format(name))
    else:
        if inspect.isfunction(function) and function is not recipe.function:
            recipe = replace(recipe, function=function)
        else:
            print(f"{recipe.source}\n")
        if recipe.missing:
            print(f"It {recipe.missing}, so it cannot run here.")
            return
        if untyped := inspect.signature(recipe.function).parameters.keys() - get_type_hints(
            recipe.function
        ):
            print(UNTYPED.format(", ".join(sorted(untyped))))
            return
        form = _form(recipe, values)
        _print(list(_errors(form, values)) or _lines(recipe, run(recipe, form.cleaned_data)))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _form(recipe: Recipe, values: dict[str, Any]) -> Form:
    """Returns the form of the recipe's page with these arguments."""
    parameters = inspect.signature(recipe.function).parameters.items()
    given = {name: part.default for name, part in parameters if part.default is not part.empty}
    given |= values
    return form_of(
        recipe,
        {name: value if isinstance(value, bool) else str(value) for name, value in given.items()},
    )


def _errors(form: Form, values: dict[str, Any]) -> Iterator[str]:
    """Yields a message for each error in the arguments. The messages are the same as on the
    page.
    """
    takes = " and ".join(form.fields) or "no arguments"
    yield from (f"It takes {takes}, not {name}." for name in values if name not in form.fields)
    for name, messages in form.errors.items():
        yield from (f"{name}: {message}" for message in messages)


def _lines(recipe: Recipe, ran: RecipeRun) -> Iterator[str]:
    for section in ran.sections:
        if section.title:
            yield f"-- {section.title}"
        for query in section.queries:
            yield f"{lay_out(query.sql)};"
            yield f"-- {query.error}\n" if query.error else ""
    yield from written(ran.steps, with_outcomes=True)
    if ran.stored:
        yield ran.stored
    for table in ran.tables:
        yield from _rows(table)
    if ran.stopped or ran.error:
        yield ran.stopped or f"Postgres refused it: {ran.error}"
    if recipe.notice:
        yield f"\nNotice: {recipe.notice}"
        yield f"Pitfall: {recipe.pitfall}"


def _rows(table: RenderedTable) -> Iterator[str]:
    if table.title:
        yield f"{table.title}:"
    lines = ([table.columns] if table.has_head else []) + table.rows
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()
    if table.more:
        yield f"... and {table.more} more"
