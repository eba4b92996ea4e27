"""Converts the return value of a recipe to tables that a page can show."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Model

from accounts.models import Account, User
from ledger.db.json_numbers import ExactNumberEncoder
from transactions.models import Entry, Transaction

MAX_ROWS = 20
# These models have up to twenty columns. The page shows only these columns if a recipe returns
# whole rows.
COLUMNS: dict[type[Model], tuple[str, ...]] = {
    Transaction: ("created_at", "description", "amount", "currency", "category", "status"),
    Entry: ("created_at", "direction", "description", "amount", "currency", "balance"),
    Account: ("number", "name", "currency", "balance", "status"),
    User: ("name", "email", "created_at"),
}


@dataclass(slots=True)
class RenderedTable:
    """A table, or a list of single values if `columns` is empty.

    `figures` contains the indexes of the columns with numbers, starting at 0. `more` is the number
    of rows that are not shown.
    """

    title: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    more: int = 0
    figures: list[int] = field(default_factory=list)

    @property
    def has_head(self) -> bool:
        """Whether at least one column has a name."""
        return any(self.columns)

    @property
    def text(self) -> str:
        """The whole table as one text if its line breaks or indentation matter, as in a query plan,
        and "" otherwise.
        """
        if any(len(row) != 1 for row in self.rows):
            return ""
        lines = [line for (cell,) in self.rows for line in cell.splitlines() or [""]]
        is_laid_out = len(lines) > len(self.rows) or any(line.startswith(" ") for line in lines)
        return "\n".join(lines) if is_laid_out and not self.has_head else ""


def tables_of(value: Any) -> list[RenderedTable]:
    """Returns the return value of a recipe as tables: one table, or one table for each entry of a
    dict. Evaluates querysets one after the other.
    """
    if isinstance(value, Mapping) and any(_is_rows(part) for part in value.values()):
        return [_table(str(title), part) for title, part in value.items()]
    return [_table("", value)]


def _is_rows(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | Model)


def _table(title: str, value: Any) -> RenderedTable:
    if isinstance(value, Mapping):
        return _rows(title, [(str(name), part) for name, part in value.items()])
    if not _is_rows(value):
        if isinstance(value, Model):
            return _rows(title, [value])
        return RenderedTable(title, [], [[as_text(value)]])
    return _rows(title, list(value))


def _rows(title: str, rows: list[Any]) -> RenderedTable:
    columns, cells = _cells(rows)
    return RenderedTable(
        title,
        columns,
        [[as_text(cell) for cell in row] for row in cells[:MAX_ROWS]],
        max(0, len(rows) - MAX_ROWS),
        [place for place, column in enumerate(zip(*cells, strict=True)) if _are_numbers(column)],
    )


def _are_numbers(column: Iterable[Any]) -> bool:
    known = [value for value in column if value is not None]
    return bool(known) and all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in known
    )


def _cells(rows: list[Any]) -> tuple[list[str], list[list[Any]]]:
    first = rows[0] if rows else None
    if isinstance(first, Mapping):
        return list(first), [list(row.values()) for row in rows]
    if isinstance(first, Model):
        columns = _columns_of(first)
        return columns, [[getattr(row, column) for column in columns] for row in rows]
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return list(first._fields), [list(row) for row in rows]
    if isinstance(first, tuple | list):
        return [""] * len(first), [list(row) for row in rows]
    return [], [[row] for row in rows]


def _columns_of(row: Model) -> list[str]:
    """Returns the names of the loaded fields and of the annotations."""
    fields = [item.attname for item in row._meta.concrete_fields]
    deferred = row.get_deferred_fields()
    wanted = COLUMNS.get(type(row), tuple(fields))
    if not deferred.isdisjoint(wanted):
        wanted = tuple(name for name in fields if name not in deferred)
    extra = [name for name in vars(row) if name not in fields and not name.startswith("_")]
    return [*wanted, *extra]


def as_text(value: Any) -> str:
    """Returns a value as a text for developers."""
    if isinstance(value, str):
        return value
    if isinstance(value, Model):
        return ", ".join(f"{name} {as_text(getattr(value, name))}" for name in _columns_of(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dict | list | tuple):
        try:
            return json.dumps(value, cls=ExactNumberEncoder, ensure_ascii=False)
        except TypeError:
            return repr(value)
    return str(value)
