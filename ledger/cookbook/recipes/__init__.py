"""All recipes, in the groups and the order in which they are to be read."""

from ledger.cookbook.recipe import Group, Recipe
from ledger.cookbook.recipes import (
    aggregation,
    basics,
    constraints,
    constraints_across_rows,  # noqa: F401  adds to the group of constraints
    fulltext,
    joins,
    jsonb,
    reading,
    schema,
    transactions,
    windows,
    windows_frames,  # noqa: F401  its recipes join those of windows
    writing,
)

GROUPS: tuple[Group, ...] = (
    basics.GROUP,
    aggregation.GROUP,
    joins.GROUP,
    transactions.GROUP,
    constraints.GROUP,
    jsonb.GROUP,
    windows.GROUP,
    fulltext.GROUP,
    writing.GROUP,
    reading.GROUP,
    schema.GROUP,
)
RECIPES: tuple[Recipe, ...] = tuple(recipe for group in GROUPS for recipe in group.recipes)
BY_SLUG: dict[str, Recipe] = {recipe.slug: recipe for recipe in RECIPES}
