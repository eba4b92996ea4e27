"""The cookbook in `manage.py shell`: `recipes`, and `cook` to run one and see what came of it."""

from collections.abc import Callable, Iterator
from typing import Any

from ledger.cookbook.recipe import Recipe
from ledger.cookbook.recipes import BY_SLUG, GROUPS
from ledger.cookbook.running import Ran, run
from ledger.cookbook.showing import Shown
from ledger.templatetags.sql_layout import lay_out

BANNER = """\
Everything the bank has is here: its models, services and reports, Django's expressions (F, Q, Sum,
Count, Window, ...) and the cookbook. Three lines to try:

    Account.objects.values("currency").annotate(kept=Sum("balance")).order_by("-kept")
    cook(recipes.spent_by_category, most=5)      # in the practice bank; nothing stays
    recipes                                      # every recipe there is
"""


class Recipes:
    """Every recipe's function by its name: `recipes.lost_update`."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        recipe = BY_SLUG.get(name.replace("_", "-"))
        if recipe is None:
            raise AttributeError(f"There is no recipe {name}; type `recipes` to see them all.")
        return recipe.function

    def __dir__(self) -> list[str]:
        return [recipe.function.__name__ for recipe in BY_SLUG.values()]

    def __repr__(self) -> str:
        return "\n".join(
            line
            for group in GROUPS
            for line in (
                f"{group.title}",
                *(f"    {recipe.function.__name__:32} {recipe.title}" for recipe in group.recipes),
            )
        )


recipes = Recipes()


def cook(function: Callable[..., Any], **values: Any) -> None:
    """Runs a recipe in the practice bank and prints its source, its SQL and its result.

    As on its page, nothing that it does stays. `values` are its arguments.
    """
    recipe = BY_SLUG[function.__name__.replace("_", "-")]
    print(f"{recipe.source}\n")
    if recipe.missing:
        print(f"It {recipe.missing}; here it can only be read.")
        return
    for line in _lines(recipe, run(recipe, values)):
        print(line)


def _lines(recipe: Recipe, ran: Ran) -> Iterator[str]:
    for section in ran.sections:
        if section.title:
            yield f"-- {section.title}"
        for query in section.queries:
            yield f"{lay_out(query.sql)}\n"
    for step in ran.steps:
        yield f"-- {step.session.title()}"
        yield from (lay_out(query.sql) for query in step.queries)
        if step.outcome or step.error:
            yield f"-> {step.error or step.outcome}"
    for table in ran.tables:
        yield from _rows(table)
    if ran.stopped or ran.error:
        yield ran.stopped or f"Postgres refused it: {ran.error}"
    yield f"\nNotice: {recipe.notice}"


def _rows(table: Shown) -> Iterator[str]:
    if table.title:
        yield f"{table.title}:"
    lines = ([table.columns] if table.has_head else []) + table.rows
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()
    if table.more:
        yield f"... and {table.more} more"
