"""The personal data of each app. An app registers its data in its module `personal_data`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from accounts.models import User
from transactions.privacy.traces import Erased, Logged, Traces

AT_A_TIME = 2000  # number of rows in memory
Row = Sequence[Any]
KeptRow = tuple[str, str]  # the kind of data and its retention period, both in words


@dataclass(frozen=True, slots=True)
class DataSection:
    """A kind of data in a person's download: a name, the columns, and a function that yields the
    rows.

    The values of a row are in the order of the columns. Other people appear as on the account
    statement: their names are shown, but not their accounts.
    """

    name: str
    columns: tuple[str, ...]
    rows: Callable[[User], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file in the download, as the value of a cell: the path in the ZIP file, and a function that
    reads the content.
    """

    path: str
    read: Callable[[], bytes]


def _nothing(_about: Any) -> tuple[()]:
    return ()


def _none_old(_now: datetime) -> dict[str, int]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """An app's part of the download, retention and erasure of personal data.

    For the download and for retention:
    - `sections`: the sections of the download.
    - `kept`: returns each kind of data with its retention period, in words.
    - `delete_old`: deletes rows after their retention period, and returns the number of deleted
      rows by kind.

    For the erasure of a person:
    - `delete_outside`: deletes data that is stored outside the database. Runs before all other
      steps.
    - `rows`: returns rows to delete, from tables whose rows may change.
    - `texts`: returns texts to erase.
    - `logged`: returns objects whose entries in the admin log may contain the person's name.
    - `never_change`: tables whose rows otherwise never change. An erasure disables their triggers.
    - `never_lifted`: triggers of these tables that an erasure does not disable.
    - `locked_first`: for a model, the rows of other tables to lock before rows of this model are
      erased.

    `on_leaving` is called when a person leaves the bank, before the person's sign-in is closed.
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
    """Registers an app's personal data for the download, the page "Privacy",
    erasure and retention.
    """
    REGISTERED.append(data)


def all_sections() -> list[DataSection]:
    """Returns all sections of the download."""
    return [section for data in REGISTERED for section in data.sections]


def read(rows: "QuerySet[Any, Any]", *columns: Any) -> Iterator[Row]:
    """Yields the values of these columns in `rows`. Keeps at most AT_A_TIME rows in memory."""
    return iter(rows.values_list(*columns).iterator(chunk_size=AT_A_TIME))
