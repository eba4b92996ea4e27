"""Mixins, fields, filters and HTML of columns that several admin pages use."""

import logging
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import BadRequest, ValidationError
from django.db import DataError, models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import localtime

from accounts.models import User
from ledger.text.dates import clock_seconds, day_mark, long_date
from ledger.text.lines import tidy_reason
from ledger.text.money import NO_BREAK, NOTHING, figure
from ledger.web.request_counts import route_of

logger = logging.getLogger(__name__)
STYLES = "admin_staff.css"
# Errors for values in a URL that a query cannot use, such as the year -1 or a NUL byte.
NO_VALUES = (DataError, ValueError, OverflowError)
COMPARISONS = ("exact", "isnull", "gte", "lt")  # lookups of Django's own filters


class ReadOnly:
    """Mixin for models that can only be viewed in the admin."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReasonField(forms.CharField):
    """A form field for a reason, which must contain a letter or a digit. Extra spaces are removed,
    except from texts of more than LONGEST_UNTIDY characters, which the field refuses anyway.
    """

    LONGEST_UNTIDY = 1_000  # characters, including line ends of two characters and extra spaces

    def __init__(self, *, rows: int = 2, **options: Any) -> None:
        super().__init__(max_length=500, widget=forms.Textarea(attrs={"rows": rows}), **options)

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        return tidy_reason(text) if len(text) <= self.LONGEST_UNTIDY else text


class ShownFilters(admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin list that accepts only filters that the page shows and filters in links from other
    pages.

    Django's list accepts any field and relation of the model. A user could then query data that no
    page shows, such as the people with a second factor.
    """

    linked_lookups: tuple[str, ...] = ()  # lookups in links from other pages

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in self.linked_lookups or any(
            _belongs_to(lookup, shown) for shown in self.get_list_filter(request)
        )


class KeyedSelect(AutocompleteSelect):
    """A select for a foreign key. It ignores a submitted value that cannot be a key, such as an
    invalid UUID. Django's select would fail.
    """

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        return super().optgroups(name, [each for each in value if self._is_key(each)], attr)

    def _is_key(self, value: str) -> bool:
        try:
            self.field.target_field.to_python(value)
        except ValidationError:
            return False
        return True


class CheckedKeys(ShownFilters):
    """Admin pages that do not fail with a server error if a request contains an invalid value.
    Django's pages fail on an invalid value of `autocomplete_fields`, on an empty `_to_field`, on
    `_saveasnew`, and on a filter with a value that a query cannot use.

    Facets are disabled, because they count rows that the read log does not record.
    """

    show_facets = admin.ShowFacets.NEVER

    def _changeform_view(self, request: HttpRequest, *page: Any) -> Any:
        if "_saveasnew" in request.POST and not self.save_as:
            raise BadRequest("This form cannot save a row as a new row.")
        return super()._changeform_view(request, *page)  # type: ignore[misc]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Returns the list.

        Raises: IncorrectLookupParameters for a value that a query cannot use. Django then redirects
        to the list without filters, with the parameter `ERROR_FLAG`. In a request without filters
        or with `ERROR_FLAG`, the original error is raised, because it is then a bug.
        """
        try:
            return super().get_changelist_instance(request)
        except NO_VALUES as error:
            if not request.GET or ERROR_FLAG in request.GET:
                raise
            log_unusable(request, error)
            raise IncorrectLookupParameters from error

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        return super().get_object(request, object_id, from_field or None)

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = KeyedSelect(db_field, self.admin_site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class AsksApproval(admin.ModelAdmin):  # type: ignore[type-arg]
    """Admin pages that may request approval instead of saving. After a request for approval, the
    message "was changed successfully" is not shown.
    """

    @staticmethod
    def note_asked(request: HttpRequest) -> None:
        """Records on this HTTP request that the user has requested an approval."""
        request.ledger_asked = True  # type: ignore[attr-defined]

    @staticmethod
    def was_asked(request: HttpRequest) -> bool:
        """Returns whether the user has requested an approval in this HTTP request."""
        return getattr(request, "ledger_asked", False)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if self.was_asked(request):
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", obj.pk)
        return super().response_change(request, obj)


def log_unusable(request: HttpRequest, error: Exception) -> None:
    """Logs that a query could not use a value of the URL. The value itself is not logged."""
    logger.warning("%s: a filter could not be used: %s", route_of(request), type(error).__name__)


def _belongs_to(lookup: str, shown: Any) -> bool:
    """Returns whether a query parameter belongs to this item of Django's `list_filter`."""
    if isinstance(shown, type) and issubclass(shown, admin.SimpleListFilter):
        return lookup == shown.parameter_name
    field: str = shown[0] if isinstance(shown, tuple | list) else shown
    name, _, comparison = lookup.rpartition("__")
    return lookup == field or (name == field and comparison in COMPARISONS)


def date_filter(name: str) -> type[admin.DateFieldListFilter]:
    """Returns a class for a date filter with the title "By <name>" instead of the name of the
    column.
    """

    class Named(admin.DateFieldListFilter):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.title = name

    return Named


def amount_cell(amount: Decimal | None, currency: str) -> str:
    """Returns an amount as HTML for a column. Amounts are right-aligned, and highlighted if they
    are below zero.
    """
    below = " amount--below" if amount is not None and amount < 0 else ""
    return format_html('<span class="amount{}">{}</span>', below, figure(amount, currency))


def moment_cell(moment: datetime | None) -> str:
    """Returns a time as HTML, such as "20 November 2026, 08:33:12", or `NOTHING` for None. A line
    break is possible only before the hour.
    """
    if moment is None:
        return NOTHING
    here = localtime(moment)
    day = f"{long_date(here)},".replace(" ", NO_BREAK)
    iso = here.isoformat()
    return format_html('<time datetime="{}">{} {}</time>', iso, day, clock_seconds(here))


def day_cell(moment: datetime) -> str:
    """Returns a day as HTML, such as "20 Nov 2026". A line break is possible only before the year.
    The tooltip contains the full date and the time.
    """
    here = localtime(moment)
    day = f"{day_mark(here).replace(' ', NO_BREAK)} {here.year}"
    at = f"{long_date(here)}, {clock_seconds(here)}"
    return format_html('<time datetime="{}" title="{}">{}</time>', here.isoformat(), at, day)


def link_to(thing: models.Model | None, text: str = "") -> str:
    """Returns a link to the admin page of an object, with the object's name or `text` as its label.
    Returns "" for None.
    """
    if thing is None:
        return ""
    label, model = thing._meta.app_label, thing._meta.model_name
    url = reverse(f"admin:{label}_{model}_change", args=[thing.pk])
    return format_html('<a href="{}">{}</a>', url, text or str(thing))


def person_of(request: HttpRequest) -> User:
    """Returns the signed-in user. The admin ensures that a user is signed in."""
    return cast("User", request.user)
