"""The personal data that apps store. Each app registers its data in its module `personal_data`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from accounts.models import User
from transactions.privacy.traces import Erased, Logged, Traces

AT_A_TIME = 2000  # rows in memory
Row = Sequence[Any]
KeptRow = tuple[str, str]  # the kind of data, and its retention period


@dataclass(frozen=True, slots=True)
class DataSection:
    """A kind of data in the download: its name, its columns, and a function that yields its rows
    with values in the order of the columns. Other people appear as on the statement, by name and
    without their account.
    """

    name: str
    columns: tuple[str, ...]
    rows: Callable[[User], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file in a cell of a row: its path in a ZIP file, and a function that reads it."""

    path: str
    read: Callable[[], bytes]


def _nothing(_about: Any) -> tuple[()]:
    return ()


def _none_old(_now: datetime) -> dict[str, int]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """The personal data of an app.

    For the download and retention:
    `sections`: the sections of the download.
    `kept`: each kind of data with its retention period, in words.
    `delete_old`: deletes rows after the retention period; returns the number of rows by kind.

    For the erasure of a person:
    `delete_outside`: deletes data outside the database. It runs before all other steps.
    `rows`: rows to delete, of tables whose rows may change.
    `texts`: texts to erase.
    `logged`: objects whose entries in the admin log may name the person.
    `never_change`: tables whose rows never change otherwise, so their triggers are lifted.
    `never_lifted`: triggers of these tables that are not lifted.
    `locked_first`: rows to lock before the rows of a model that are erased a few at a time.

    `on_leaving` runs when a person leaves, before their sign-in is closed.
    """

    sections: tuple[DataSection, ...] = ()
    kept: Callable[[], list[KeptRow]] = list
    delete_old: Callable[[datetime], dict[str, int]] = _none_old
    delete_outside: Callable[[User], object] = _nothing
    rows: Callable[[User], Iterable[QuerySet[Any]]] = _nothing
    texts: Callable[[Traces], Iterable[Erased]] = _nothing
    logged: Callable[[Traces], Iterable[Logged]] = _nothing
    never_change: tuple[str, ...] = ()
    never_lifted: tuple[str, ...] = ()
    on_leaving: Callable[[User], object] = _nothing
    locked_first: dict[type[Model], Callable[[QuerySet[Any]], QuerySet[Any]]] = field(
        default_factory=dict
    )


REGISTERED: list[PersonalData] = []  # in the order of INSTALLED_APPS


def register(data: PersonalData) -> None:
    """Registers the data for the download, the page "Privacy", the erasure and retention."""
    REGISTERED.append(data)


def all_sections() -> list[DataSection]:
    """Returns every section of the download."""
    return [section for data in REGISTERED for section in data.sections]


def read(rows: "QuerySet[Any, Any]", *columns: Any) -> Iterator[Row]:
    """Returns an iterator over these columns of the rows, which keeps AT_A_TIME rows in memory."""
    return iter(rows.values_list(*columns).iterator(chunk_size=AT_A_TIME))
