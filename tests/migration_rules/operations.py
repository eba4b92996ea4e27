"""The rules for operations of Django's and of django-pgtrigger."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import models
from django.db.migrations import operations as django_operations
from django.db.models.functions import Now
from pgtrigger.migrations import AddTrigger

from tests.migration_rules import sql
from tests.migration_rules.context import SPREAD_BY, Context

Broken = Iterator[tuple[str, str]]


def add_field(operation: Any, context: Context) -> Broken:
    field, name = operation.field, f"{operation.model_name}.{operation.name}"
    yield from _of_keys(field, name)
    if context.is_new(operation.model_name) or field.many_to_many:
        return
    has_default = field.db_default is not models.NOT_PROVIDED
    if isinstance(field, models.GeneratedField):
        yield "rewrites", f"{name} is computed for each row while nobody may write"
    elif has_default and not isinstance(field.db_default, models.Value | Now | int | str | bool):
        yield "rewrites", f"the default of {name} differs by row, so each row is written again"
    elif not field.null and not has_default:
        yield "old-code-works", f"{name} is NOT NULL without db_default: old code cannot insert"
    if field.unique or field.db_index:
        yield "index-concurrently", f"{name} brings an index, built while nobody may write"


def alter_field(operation: Any, context: Context) -> Broken:
    name = f"{operation.model_name}.{operation.name}"
    new: Any = operation.field
    old: Any = context.model(operation.model_name).get_field(operation.name)
    if (new.unique and not old.unique) or context.is_new(operation.model_name):
        yield from _of_keys(new, name)
    if context.is_new(operation.model_name):
        return
    if _type_of(old) != _type_of(new) and not _grows(old, new):
        yield "rewrites", f"the type of {name} changes, so each row is written again"
    if old.null and not new.null:
        yield "rewrites", f"{name} becomes NOT NULL: each row is read while nobody may write"
    if (new.unique or new.db_index) and not (old.unique or old.db_index):
        yield "index-concurrently", f"{name} brings an index, built while nobody may write"


def add_index(operation: Any, context: Context) -> Broken:
    is_ready = isinstance(operation, AddIndexConcurrently) or context.is_new(operation.model_name)
    if not is_ready:
        yield "index-concurrently", f"{operation.index.name} is built while nobody may write"


def add_constraint(operation: Any, context: Context) -> Broken:
    constraint = operation.constraint
    yield from _of_constraint(constraint)
    if context.is_new(operation.model_name):
        return
    if isinstance(constraint, models.UniqueConstraint | ExclusionConstraint):
        yield "index-concurrently", f"{constraint.name} is built while nobody may write"
    elif not isinstance(operation, AddConstraintNotValid):
        yield "validate-later", f"{constraint.name} reads each row while nobody may write"


def create_model(operation: Any, context: Context) -> Broken:
    for name, field in operation.fields:
        yield from _of_keys(field, f"{operation.name}.{name}")
    for constraint in operation.options.get("constraints", ()):
        yield from _of_constraint(constraint)
    for fields in operation.options.get("unique_together", ()):
        yield from _of_unique(fields, f"{operation.name}: {', '.join(fields)}")


def change_names(operation: Any, context: Context) -> Broken:
    yield "old-code-works", f"{operation.describe()}: old code still asks for the old name"


def add_trigger(operation: Any, context: Context) -> Broken:
    for rule, detail in sql.not_to_spread(operation.trigger.install_sql):
        yield rule, f"the trigger {operation.trigger.name}: {detail}"


BY_OPERATION: list[tuple[type | tuple[type, ...], Callable[[Any, Context], Broken]]] = [
    (django_operations.CreateModel, create_model),
    (django_operations.AddField, add_field),
    (django_operations.AlterField, alter_field),
    (django_operations.AddIndex, add_index),
    (django_operations.AddConstraint, add_constraint),
    (AddTrigger, add_trigger),
    (
        (
            django_operations.AlterModelTable,
            django_operations.DeleteModel,
            django_operations.RemoveField,
            django_operations.RenameField,
            django_operations.RenameModel,
        ),
        change_names,
    ),
]


def _of_keys(field: Any, name: str) -> Broken:
    """Ids come from Python, and no other value is unique in the whole bank."""
    if isinstance(field, models.AutoField):  # BigAutoField and SmallAutoField too
        yield "no-sequences", f"{name} is numbered by one sequence"
    if field.unique and not field.primary_key:
        yield from _of_unique([name.rpartition(".")[2]], name)


def _of_constraint(constraint: Any) -> Broken:
    if isinstance(constraint, ExclusionConstraint):
        equal = [each for each, operator in constraint.expressions if operator == "="]
        yield from _of_unique([each for each in equal if isinstance(each, str)], constraint.name)
    if not isinstance(constraint, models.UniqueConstraint):
        return
    if constraint.deferrable:
        yield "no-deferrable", f"{constraint.name} is checked at COMMIT"
    yield from _of_unique(constraint.fields, constraint.name)


def _of_unique(fields: Any, name: str) -> Broken:
    if not SPREAD_BY & set(fields):
        yield "one-key", f"{name} is unique in the whole bank, not within one account"


def _type_of(field: Any) -> tuple[Any, ...]:
    """What makes the type of the column."""
    sizes = ("max_length", "max_digits", "decimal_places")
    return type(field).__name__, *(getattr(field, size, None) for size in sizes)


def _grows(old: Any, new: Any) -> bool:
    """Whether only the longest text becomes longer, or unlimited."""
    texts = (models.CharField, models.TextField)
    if not (isinstance(old, texts) and isinstance(new, texts)):
        return False
    return new.max_length is None or (old.max_length or float("inf")) <= new.max_length
