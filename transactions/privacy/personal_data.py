"""What apps keep of people. Each app registers it in its module `personal_data`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from accounts.models import User
from transactions.privacy.traces import Erased, Logged, Traces

AT_A_TIME = 2000  # rows that are held in memory
Row = Sequence[Any]
KeptRow = tuple[str, str]  # what, and how long


@dataclass(frozen=True, slots=True)
class DataSection:
    """A kind of data in the download: its name, its columns, and its rows, which are read as they
    are written, with values in the order of the columns. Other people appear as on the statement:
    by name, never by account.
    """

    name: str
    columns: tuple[str, ...]
    rows: Callable[[User], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file among the cells of a row: its name in a ZIP file, and what reads it."""

    path: str
    read: Callable[[], bytes]


def _nothing(_about: Any) -> tuple[()]:
    return ()


def _none_old(_now: datetime) -> dict[str, int]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """Data of an app. For everybody: sections of the download; how long each kind is kept, in
    words; and what is deleted when its time is over, which returns how many rows, by what they are.

    Of a person who is erased: what is deleted outside the database, before anything else is; the
    rows that are deleted, of tables that may change; texts, and what the log of the admin names.
    Tables whose rows never change otherwise, so that their triggers are lifted (`never_change`),
    and the triggers of these that stay (`never_lifted`).
    Of rows that are erased a few at a time, those that are locked before (`locked_first`).
    When somebody leaves, before their sign-in is closed: what ends at once (`on_leaving`).
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
    """Adds this to the download, the page "Privacy", erasure and the end of keeping times."""
    REGISTERED.append(data)


def all_sections() -> list[DataSection]:
    """Every section of the download."""
    return [section for data in REGISTERED for section in data.sections]


def read(rows: "QuerySet[Any, Any]", *columns: Any) -> Iterator[Row]:
    """These columns of the rows, some of which are in memory at a time."""
    return iter(rows.values_list(*columns).iterator(chunk_size=AT_A_TIME))
