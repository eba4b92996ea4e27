"""Each exercise with its texts, its solution, and its answer."""

from typing import Any

import pytest

from cookbook.exercises import EXERCISES, PARTS, exercises_of
from cookbook.exercises.checking import MAX_ROWS, check
from cookbook.exercises.exercise import Exercise, PathPart, Solution
from cookbook.practice.bank import OF_EXERCISES
from cookbook.practice.role import as_cookbook_role
from cookbook.templatetags.cookbook import whole_source

pytestmark = pytest.mark.usefixtures("practice_bank", "db")
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda each: each.slug)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.slug)
def test_a_part_has_recipes_and_at_least_four_exercises_about_them(part: PathPart) -> None:
    assert len(part.exercises) >= 4
    assert len(set(part.recipe_slugs)) == len(part.recipes) > 0
    practised = {recipe.slug for each in part.exercises for recipe in each.recipes}
    assert practised & set(part.recipe_slugs)
    assert all(exercises_of(slug) for slug in practised)


def test_the_path_begins_with_ten_recipes() -> None:
    assert [part.slug for part in PARTS] == ["first", "locks", "indexes", "search", "windows"]
    assert len(PARTS[0].recipes) == 10


def answer_of(solution: Solution) -> list[Any]:
    """The rows of a solution, read as the cookbook's role. This role can also take locks."""
    with as_cookbook_role(writes=True):
        return [tuple(row.values()) for row in solution()]


@each_exercise
def test_the_solution_is_accepted_and_runs_where_it_is_pasted(exercise: Exercise) -> None:
    checked = check(exercise, exercise.read_only_sql)
    assert checked.result.problem is None
    assert checked.is_right, (checked.difference, checked.result.plan)
    assert 0 < len(checked.result.rows) < MAX_ROWS
    width = len(checked.result.columns)
    assert all(len(columns) != width for _table, columns in exercise.columns)  # not SELECT *
    namespace: dict[str, Any] = {}
    exec(whole_source(exercise), namespace)  # noqa: S102  source of our own
    pasted = answer_of(namespace[exercise.function.__name__])
    assert len(pasted) == len(checked.result.rows)
    assert {len(row) for row in pasted} == {width}


def test_every_exercise_has_an_answer_of_several_rows_that_no_other_has() -> None:
    found = {each.slug: tuple(answer_of(each.function)) for each in EXERCISES}
    assert [slug for slug, rows in found.items() if len(rows) < 2] == []
    assert len(set(found.values())) == len(EXERCISES)


@each_exercise
def test_an_exercise_has_hints_and_names_what_its_answer_needs(exercise: Exercise) -> None:
    assert len(exercise.hints) >= 2
    assert exercise.recipes
    assert exercise.index in exercise.asks
    assert "ORDER BY" in exercise.sql or not exercise.is_ordered


def test_the_explorer_reads_no_table_that_no_exercise_uses() -> None:
    used = {table for exercise in EXERCISES for table, _columns in exercise.columns}
    assert used == set(OF_EXERCISES)


def test_solutions_about_locks_take_locks() -> None:
    locking = [each.sql for each in PARTS[1].exercises if "FOR " in each.sql]
    assert any("SKIP LOCKED" in sql for sql in locking)
    assert any("FOR NO KEY UPDATE" in sql for sql in locking)
    assert not any("FOR " in each.read_only_sql for each in PARTS[1].exercises)
