"""Saves a row without overwriting columns that other processes have changed since the row was
read.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Self

from django.db import models


class SavesChangedColumns(models.Model):
    """An abstract model whose `save()` writes only the columns that were changed on the instance.

    Django and allauth call `save()` on a User that the request read much earlier. Django's `save()`
    would overwrite newer values of other columns.
    """

    _as_read: Mapping[str, Any] = {}  # column values as last read or written

    class Meta:
        abstract = True

    def save(self, *, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        """Saves the changed columns.

        Raises: DatabaseError if `update_fields` are given and the row was deleted.
        """
        only = None if update_fields is None else list(update_fields)
        super().save(update_fields=only, **options)
        self._note_as_read(only)

    @classmethod
    def from_db(cls, *arguments: Any, **options: Any) -> Self:
        row = super().from_db(*arguments, **options)
        row._as_read = row.__dict__.copy()
        return row

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Any] | None = None,
    ) -> None:
        only = None if fields is None else list(fields)
        super().refresh_from_db(using, only, from_queryset)
        self._note_as_read(only)

    def changed_columns(self) -> set[str]:
        """Returns the names of the fields whose value has changed since the row was last read or
        written.
        """
        loaded, before = self.__dict__, self._as_read
        return {
            field.name
            for field in self._meta.concrete_fields
            if field.attname in loaded
            and (field.attname not in before or before[field.attname] != loaded[field.attname])
        }

    def _note_as_read(self, only: Collection[str] | None = None) -> None:
        """Remembers the values of the fields in `only`, or of all loaded fields if `only` is
        None.
        """
        names = {
            field.attname
            for field in self._meta.concrete_fields
            if only is None or field.name in only or field.attname in only
        }
        loaded = {name: self.__dict__[name] for name in names & self.__dict__.keys()}
        self._as_read = {**self._as_read, **loaded}
