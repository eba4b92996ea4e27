"""All recipes, in the groups and the order in which they are to be read."""

from ledger.cookbook.recipe import Group, Recipe
from ledger.cookbook.recipes import (
    aggregation,
    basics,
    constraints,
    fulltext,
    joins,
    jsonb,
    reading,
    schema,
    transactions,
    windows,
    writing,
)
from ledger.cookbook.recipes import isolation as isolation  # more of transactions
from ledger.cookbook.recipes import locks as locks

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
