"""The learning path: its parts with their recipes and exercises, in reading order."""

from cookbook.exercises import first, indexes, locks, search, windows
from cookbook.exercises.exercise import Exercise, PathPart

PARTS: tuple[PathPart, ...] = (first.PART, locks.PART, indexes.PART, search.PART, windows.PART)
EXERCISES: tuple[Exercise, ...] = tuple(each for part in PARTS for each in part.exercises)
BY_SLUG: dict[str, Exercise] = {exercise.slug: exercise for exercise in EXERCISES}


def exercises_of(recipe_slug: str) -> list[Exercise]:
    """Returns the exercises that practise this recipe."""
    return [exercise for exercise in EXERCISES if recipe_slug in exercise.recipe_slugs]
