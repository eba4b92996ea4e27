"""Separates arguments into their values and their shape, which is everything else. Arguments with
the same shape have the same SQL. See `CompiledOnce`.

Values are ids, amounts, times, and texts in search queries. The number of ids, the names of lookups
and all other texts are part of the shape.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import (
    CombinedSearchQuery,
    SearchConfig,
    SearchQuery,
    SearchVectorField,
)
from django.db import DEFAULT_DB_ALIAS
from django.db.models import CharField, F, Func, Model, Q, Value

from ledger.db.queries.conditions import IsListed, TextAt
from ledger.db.queries.tsqueries import MatchesText
from ledger.db.queries.words import Contains, LowerText

CONSTANTS = (str, int, float, bool, date, type(None))
# Lookups that do not change their value. Other lookups change it, for example `contains` escapes
# it. Therefore their value is part of the shape.
PLAIN_LOOKUPS = ("exact", "in", "gt", "gte", "lt", "lte")
# Expressions, with the attributes that affect their SQL. The expressions inside them affect the SQL
# too.
ATTRIBUTES: Mapping[Any, tuple[str, ...]] = {
    CombinedSearchQuery: ("connector",),
    SearchQuery: ("function", "invert"),
    MatchesText: (),
    LowerText: (),
    Contains: (),
    IsListed: (),
    TextAt: ("path",),
}
TEXT = CharField()  # the field that Django uses for a str value
Shape = Any  # any hashable object
Parts = tuple[Any, Sequence[Any]]


class NoShape(Exception):
    """An error for arguments without a shape. Arguments have no shape if the SQL may depend on one
    of their values.
    """


def shape_of(node: Any, values: list[Any]) -> Shape:
    """Returns the shape of the arguments in `node`, which is everything except their values.
    Appends the values to the list `values`.

    Raises NoShape if the SQL may depend on a value.
    """
    if _is_value(node):
        values.append(node)
        return type(node)
    if _is_text(node):
        values.append(node.value)
        return Value
    kind, parts = _parts(node)
    return kind, *[shape_of(part, values) for part in parts]


def refilled(node: Any, values: Iterator[Any]) -> Any:
    """Returns a copy of `node` with other values. The values have the same order as in
    `shape_of`.
    """
    if _is_value(node):
        return next(values)
    if _is_text(node):
        return Value(next(values))
    return _rebuilt(node, [refilled(part, values) for part in _parts(node)[1]])


def _is_value(node: Any) -> bool:
    if isinstance(node, datetime):
        return node.tzinfo is not None
    return type(node) in (UUID, Decimal)


def _is_text(node: Any) -> bool:
    if type(node) is not Value or not isinstance(node.value, str):
        return False
    return type(vars(node).get("output_field", TEXT)) is CharField


def _is_constant(node: Any) -> bool:
    return isinstance(node, CONSTANTS) and not isinstance(node, datetime)


def _parts(node: Any) -> Parts:
    """Returns a pair: the shape of this node without its children, and the child nodes.

    Raises NoShape.
    """
    if _is_constant(node):
        return (type(node), node), ()
    if isinstance(node, tuple | list):
        return type(node), node
    if isinstance(node, Model):
        return node.__class__, (node.pk,)
    if isinstance(node, Q):
        return _parts_of_q(node)
    if is_dataclass(node):
        return node.__class__, [getattr(node, each.name) for each in fields(node)]
    return _parts_of_expression(node)


def _parts_of_q(node: Q) -> Parts:
    names: list[str] = []
    parts: list[Any] = []
    for child in node.children:
        name, value = child if isinstance(child, tuple) else ("", child)
        _, is_path, lookup = name.rpartition("__")
        if is_path and lookup not in PLAIN_LOOKUPS and not _is_constant(value):
            raise NoShape
        names.append(name)
        parts.append(value)
    return (Q, node.connector, node.negated, *names), parts


def _parts_of_expression(node: Any) -> Parts:
    if type(node) is F:
        return (F, vars(node)["name"]), ()
    for kind, attributes in ATTRIBUTES.items():
        if isinstance(node, kind):
            own = [getattr(node, name) for name in attributes]
            return (type(node), *own), node.get_source_expressions()
    if isinstance(node, SearchConfig):
        (config,) = node.get_source_expressions()
        if _is_text(config):
            return (SearchConfig, config.value), ()
    if type(node) is Func and type(vars(node).get("output_field")) is SearchVectorField:
        return (Func, node.function, *sorted(node.extra.items())), node.get_source_expressions()
    raise NoShape


def _rebuilt(node: Any, parts: list[Any]) -> Any:
    """Returns a copy of the node whose child nodes are `parts`."""
    if not _parts(node)[1]:
        return node
    if isinstance(node, tuple | list):
        return type(node)(parts)
    if isinstance(node, Model):
        # This is an instance with only a primary key, and reading other fields fails. It is created
        # with Django's own from_db, because the from_db of a model may record that a row was read,
        # and no row was read here.
        make = Model.from_db.__func__  # type: ignore[attr-defined]
        return make(node.__class__, DEFAULT_DB_ALIAS, [node._meta.pk.attname], parts)
    if isinstance(node, Q):
        names = [child[0] if isinstance(child, tuple) else "" for child in node.children]
        pairs = zip(names, parts, strict=True)
        children = [(name, part) if name else part for name, part in pairs]
        return Q.create(children, node.connector, negated=node.negated)
    if is_dataclass(node):
        return node.__class__(*parts)
    clone = node.copy()
    clone.set_source_expressions(parts)
    return clone
