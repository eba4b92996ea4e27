"""No recipe runs a program that a reader types: Postgres may not be able to stop it."""

from typing import get_type_hints

import pytest

from cookbook.recipe import Recipe
from cookbook.recipes import RECIPES
from cookbook.runner.parameters import form_of
from cookbook.runner.run import run

# A syntax error in a JSON path, a regular expression, a tsquery, LIKE and SQL; as text, no error.
BROKEN_PROGRAM = "((\\"
SYNTAX_ERRORS = {"42601", "2201B", "22025"}
TEXTS = [
    pytest.param(recipe, name, id=f"{recipe.slug}-{name}")
    for recipe in RECIPES
    for name, hint in get_type_hints(recipe.function).items()
    if hint is str and name != "return"
]


@pytest.mark.usefixtures("practice_bank", "db")
@pytest.mark.parametrize(("recipe", "name"), TEXTS)
def test_a_text_of_a_reader_is_no_program(recipe: Recipe, name: str) -> None:
    if recipe.missing:
        pytest.skip(f"this recipe {recipe.missing}")
    form = form_of(recipe, {name: BROKEN_PROGRAM})
    assert form.is_valid(), form.errors
    ran = run(recipe, form.cleaned_data)
    assert ran.queries
    assert ran.error.partition(" ")[0] not in SYNTAX_ERRORS
