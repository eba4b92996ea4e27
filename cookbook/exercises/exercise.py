"""Defines an exercise of the learning path: a question about the practice bank, with its solution.

    PART = PathPart("locks", "Locks", "…", recipes=("deadlock", …))

    @PART.exercise("Lock order", asks="…", uses=(Account,), hints=("…",), recipes=("deadlock",))
    def accounts_in_lock_order() -> QuerySet[Account, Any]:
        ...

The function returns the queryset of the solution. Its rows are the right answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, models
from django.db import transaction as db_transaction
from django.db.models import QuerySet
from django.urls import reverse

from cookbook.recipe import PrintedFunction, Recipe
from cookbook.recipes import BY_SLUG

Solution = Callable[[], "QuerySet[Any, Any]"]


@dataclass(frozen=True)
class Exercise(PrintedFunction):
    """One exercise: the function that returns the solution, with its texts.

    - `asks`: the question, which names the columns of the answer.
    - `uses`: the models of the tables that the answer needs.
    - `is_ordered`: the order of the rows counts.
    - `index`: the index that the plan of the answer must use. With `is_index_only`, the plan must
      have an Index Only Scan.
    - `note`: a sentence to read with the solution.
    """

    part: "PathPart"
    title: str
    asks: str
    uses: tuple[type[models.Model], ...]
    hints: tuple[str, ...]
    recipe_slugs: tuple[str, ...]
    is_ordered: bool = False
    index: str = ""
    is_index_only: bool = False
    note: str = ""

    @property
    def url(self) -> str:
        return reverse("cookbook:exercise", args=[self.slug])

    @property
    def recipes(self) -> list[Recipe]:
        """The recipes that explain what the exercise needs."""
        return [BY_SLUG[slug] for slug in self.recipe_slugs]

    @property
    def columns(self) -> list[tuple[str, list[tuple[str, str | None]]]]:
        """The tables that the answer needs, each with the names and types of its columns."""
        return [(model._meta.db_table, _columns_of(model)) for model in self.uses]

    @property
    def sql(self) -> str:
        """The SQL of the solution, with its values."""
        with db_transaction.atomic():  # Django requires a transaction to compile FOR UPDATE
            return _sql_of(self.function())

    @property
    def read_only_sql(self) -> str:
        """The SQL of the solution without locks, for a read-only transaction."""
        solution = self.function().all()
        solution.query.select_for_update = False
        return _sql_of(solution)


def _columns_of(model: type[models.Model]) -> list[tuple[str, str | None]]:
    return [(str(field.column), _type_of(field)) for field in model._meta.concrete_fields]


def _type_of(field: Any) -> str | None:
    """Returns the type of a column. A generated column has the type of its output."""
    column: models.Field[Any, Any] = getattr(field, "output_field", field)
    return column.db_type(connection)


def _sql_of(solution: "QuerySet[Any, Any]") -> str:
    operations: Any = connection.ops
    return str(operations.compose_sql(*solution.query.sql_with_params()))


@dataclass
class PathPart:
    """A part of the learning path: its recipes in reading order, and then its exercises."""

    slug: str
    title: str
    about: str
    recipe_slugs: tuple[str, ...]
    exercises: list[Exercise] = field(default_factory=list)

    @property
    def recipes(self) -> list[Recipe]:
        """The recipes of the part in reading order."""
        return [BY_SLUG[slug] for slug in self.recipe_slugs]

    def exercise(
        self, title: str, *, recipes: tuple[str, ...], **words: Any
    ) -> Callable[[Solution], Solution]:
        """Returns a decorator that adds a function to the exercises of this part and returns the
        function unchanged. The keyword arguments are fields of `Exercise`.
        """

        def add(function: Solution) -> Solution:
            self.exercises.append(Exercise(function, self, title, recipe_slugs=recipes, **words))
            return function

        return add
