"""All recipes, in reading order."""

from cookbook.recipe import Recipe, RecipeGroup
from cookbook.recipes import (  # noqa: F401  a module adds its recipes to a group
    aggregation,
    aggregation_lists,
    basics,
    basics_conditions,
    basics_pages,
    constraints,
    constraints_across_rows,
    databases,
    fulltext,
    fulltext_filters,
    isolation,
    joins,
    joins_relations,
    joins_sets,
    jsonb,
    jsonb_documents,
    locks,
    queues,
    reading,
    reading_picked,
    schema,
    schema_by_hand,
    schema_extended,
    schema_fields,
    schema_newer,
    transactions,
    windows,
    windows_frames,
    windows_people,
    writing,
    writing_changes,
)

GROUPS: tuple[RecipeGroup, ...] = (
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
    databases.GROUP,
)
RECIPES: tuple[Recipe, ...] = tuple(recipe for group in GROUPS for recipe in group.recipes)
BY_SLUG: dict[str, Recipe] = {recipe.slug: recipe for recipe in RECIPES}
