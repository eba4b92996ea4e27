"""Writes docs/columns.md, a list of the columns of the tables users, accounts and transactions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, models
from django.db.models.fields import NOT_PROVIDED

from accounts.models import Account, User
from transactions.models import Transaction

FILE: Path = settings.BASE_DIR / "docs" / "columns.md"
CORE: tuple[type[models.Model], ...] = (User, Account, Transaction)
HEAD = """\
# Columns of users, accounts and transactions

`manage.py write_columns` writes this page from the models. [schema.md](schema.md) lists what the
database refuses. Python fills in `default`. Postgres computes a generated column.
"""
CHAPTER = """
## {table}

{comment}.

| column | type | null | default | about |
|---|---|---|---|---|
"""


def page() -> str:
    """Returns the whole page in Markdown."""
    return HEAD + "".join(chapter(model) for model in CORE)


def chapter(model: type[models.Model]) -> str:
    """Returns the section about one table. The section has a row for each column, in the order of
    the model.
    """
    meta = model._meta
    head = CHAPTER.format(table=meta.db_table, comment=meta.db_table_comment)
    return head + "".join(f"|{'|'.join(cells_of(field))}|\n" for field in meta.concrete_fields)


def cells_of(field: Any) -> Iterator[str]:
    """Yields the cells that describe a database column in one row of the Markdown table."""
    kind = str(field.db_parameters(connection)["type"]).replace(", ", ",")
    may_be_null = field.null and not field.generated
    cells = (
        f"`{field.column}`",
        f"{kind} generated" if field.generated else kind,
        "null" if may_be_null else "",
        default_of(field),
        ". ".join(about(field)),
    )
    yield from (f" {cell} " if cell else " " for cell in cells)


def default_of(field: Any) -> str:
    """Returns the default of a field of a model, such as `uuid7()`, or "" if there is none."""
    if field.default is NOT_PROVIDED:
        return ""
    default = getattr(field.default, "value", field.default)  # the value of a choice
    return f"`{default.__name__}()`" if callable(default) else f"`{default!r}`"


def about(field: Any) -> Iterator[str]:
    """Yields texts about a field: primary key or unique, the table to which the field refers, the
    possible values, and the field's `db_comment` and `help_text`.
    """
    if field.primary_key:
        yield "Primary key"
    elif field.unique:
        yield "Unique"
    if field.remote_field:
        yield f"Refers to `{field.related_model._meta.db_table}`"
    if field.choices:
        yield "One of " + ", ".join(f"`{value}`" for value, _label in field.choices)
    yield from (text.rstrip(".") for text in (field.db_comment, str(field.help_text)) if text)


class Command(BaseCommand):
    """The command `manage.py write_columns`."""

    help = "Writes docs/columns.md from the models; a test compares the two."

    def handle(self, *args: Any, **options: Any) -> None:
        """Writes docs/columns.md."""
        FILE.write_text(page())
        self.stdout.write(f"Written: {FILE}.")
