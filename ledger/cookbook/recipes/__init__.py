"""All recipes, in the groups and the order in which they are to be read."""

from ledger.cookbook.recipe import Group, Recipe
from ledger.cookbook.recipes import (  # noqa: F401  some are more of another's group
    aggregation,
    aggregation_lists,  # noqa: F401  adds to its group
    basics,
    basics_conditions,  # noqa: F401  adds to its group
    basics_pages,  # noqa: F401  adds to its group
    constraints,
    fulltext,
    joins,
    jsonb,
    reading,
    schema,
    schema_by_hand,
    schema_extended,
    schema_newer,
    transactions,
    windows,
    windows_frames,  # noqa: F401  its recipes join those of windows
    writing,
    writing_changes,  # noqa: F401  adds to its group
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
