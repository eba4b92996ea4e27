"""Compiles a queryset once for all arguments of the same shape. Later calls only replace the
values.

Compiling the querysets of a search page takes Django longer than Postgres needs for the answers:
without this module, the page needs 71 ms of CPU time instead of 35 ms. `CompiledOnce` keeps the SQL
for each shape: see `ledger.db.queries.shapes`.

Note [Checked once]: the first call compiles the queryset with other values. Each of these values is
unique, so its position among the parameters can be found. Then the real values are put at these
positions. The SQL is kept only if the result equals the SQL that Django compiles from the real
values. Each call compiles the queryset if the results differ, if the SQL is too long, or if the
arguments have no shape.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from random import SystemRandom
from threading import Lock
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from ledger.db.queries.compiled_sql import compiled
from ledger.db.queries.shapes import NoShape, refilled, shape_of

# Limits in characters of SQL: for one SQL statement, and for all SQL statements that a queryset
# keeps in a process. With Django's query object, a SQL statement needs about 40 bytes per
# character, so a queryset needs at most 8 MB.
MAX_LENGTH, MAX_KEPT = 20_000, 200_000
# From Django 6.1 on, a queryset contains a setting for how its rows load deferred fields.
FETCH_MODE = getattr(QuerySet(), "_fetch_mode", None)
MAX_VALUES = 100  # two calls with the same number of ids are rare above this number
Statement = tuple[str, tuple[Any, ...]]


class FilledCompiler(SQLCompiler):
    """A compiler whose SQL can run again with other parameters."""

    filled: Statement | None = None

    def as_sql(self, *options: Any, **named: Any) -> Any:
        return self.filled or super().as_sql(*options, **named)

    def with_statement(self, statement: Statement) -> "FilledCompiler":
        """Returns a copy of this compiler that runs `statement` on this thread's connection."""
        clone = copy(self)
        clone.filled, clone.connection = statement, connections[DEFAULT_DB_ALIAS]
        return clone


@dataclass(frozen=True, slots=True)
class Template:
    """The compiled SQL of a queryset. `places` maps the position of a parameter in `params` to the
    index of its value among the values of the arguments.
    """

    model: type[Model]
    compiler: FilledCompiler
    sql: str
    params: tuple[Any, ...]
    places: dict[int, int]

    def statement(self, values: Sequence[Any]) -> Statement:
        """Returns the SQL and its parameters for these values."""
        params = list(self.params)
        for place, number in self.places.items():
            params[place] = values[number]
        return self.sql, tuple(params)

    def rows(self, values: Sequence[Any]) -> list[Any]:
        """Runs the SQL with these values, and returns the model instances."""
        compiler = self.compiler.with_statement(self.statement(values))
        queryset = SimpleNamespace(
            db=DEFAULT_DB_ALIAS,
            model=self.model,
            query=SimpleNamespace(get_compiler=lambda **_: compiler),
            _known_related_objects={},
            _fetch_mode=FETCH_MODE,
        )
        return list(ModelIterable(queryset))  # type: ignore[arg-type]


class CompiledOnce:
    """A wrapper for a function that returns a queryset of whole rows. The wrapper compiles the
    queryset once per shape of the arguments (see `shapes`).

    The function may use its arguments only to build the queryset. From a model instance among the
    arguments, the function may use only the primary key. Other values in the SQL, such as a module
    constant, are read once per shape.
    """

    def __init__(self, build: Callable[..., "QuerySet[Any, Any]"]) -> None:
        self.build = build
        self.templates: OrderedDict[Hashable, Template | None] = OrderedDict()
        self.kept = 0  # total number of characters of SQL
        self._lock = Lock()

    def rows(self, *arguments: Any) -> list[Any]:
        """Returns the rows of the queryset for these arguments."""
        template, values = self._template(arguments)
        return list(self.build(*arguments)) if template is None else template.rows(values)

    def statement(self, *arguments: Any) -> Statement | None:
        """Returns the SQL and the parameters for these arguments. Returns None if Django knows
        without a query that the result is empty.
        """
        template, values = self._template(arguments)
        if template is None:
            return compiled(self.build(*arguments))
        return template.statement(values)

    def _template(self, arguments: tuple[Any, ...]) -> tuple[Template | None, list[Any]]:
        values: list[Any] = []
        try:
            # Django puts the time zone into the SQL for months and days.
            shape = timezone.get_current_timezone_name(), shape_of(arguments, values)
        except NoShape:
            return None, []
        if len(values) > MAX_VALUES:
            return None, []
        try:
            with self._lock:
                template = self.templates[shape]
                self.templates.move_to_end(shape)
        except KeyError:
            template = self._checked(arguments, values)
            self._keep(shape, template if _length(template) <= MAX_LENGTH else None)
        return template, values

    def _keep(self, shape: Hashable, template: Template | None) -> None:
        """Stores a template. If all templates together are too large, removes the templates that
        were not used for the longest time.
        """
        with self._lock:
            if shape not in self.templates:  # another thread may have been faster
                self.templates[shape] = template
                self.kept += _length(template)
            while self.kept > MAX_KEPT:
                _, oldest = self.templates.popitem(last=False)
                self.kept -= _length(oldest)

    def _checked(self, arguments: tuple[Any, ...], values: list[Any]) -> Template | None:
        """Compiles the queryset and checks the result as in Note [Checked once]. Returns a template
        for this shape, or None if each call must compile the queryset.
        """
        numbers = {other_value(value): number for number, value in enumerate(values)}
        queryset = self.build(*refilled(arguments, iter(numbers)))
        compiler = FilledCompiler(queryset.query, connections[DEFAULT_DB_ALIAS], DEFAULT_DB_ALIAS)
        try:
            sql, params = compiler.as_sql()
        except EmptyResultSet:
            return None
        places = {
            place: numbers[param]
            for place, param in enumerate(params)
            if isinstance(param, Hashable) and param in numbers
        }
        # The connection belongs to this thread, and must not live longer than the thread.
        del compiler.connection
        template = Template(queryset.model, compiler, sql, tuple(params), places)
        expected = compiled(self.build(*arguments))
        return template if _are_same(template.statement(values), expected) else None


def _length(template: Template | None) -> int:
    """Returns the length of the template's SQL in characters, or a small number for None."""
    return len(template.sql) if template else 500


def _are_same(one: Statement, other: Statement | None) -> bool:
    """Returns whether two SQL statements have the same text and parameters. Parameters of different
    types, such as 1 and True, are different.
    """
    return one == other and [*map(type, one[1])] == [*map(type, other[1])]


def other_value(value: Any) -> Any:
    """Returns a random value of the same type as `value`. The random value is almost certainly
    unique in the query.
    """
    if isinstance(value, UUID):
        return uuid4()
    if isinstance(value, Decimal):
        return Decimal(SystemRandom().randrange(10**14)) / 10**4
    if isinstance(value, datetime):
        return datetime.fromtimestamp(SystemRandom().randrange(10**15) / 10**6, UTC)
    return uuid4().hex
