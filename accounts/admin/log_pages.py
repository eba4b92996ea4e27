"""Logs in the admin, such as the history and the reads. Each log has one page, with the newest rows
first.
"""

import uuid
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.admin.parts import CheckedKeys, ReadOnly
from ledger.text.dates import moment_in_utc

PAGE_SIZE = 50


class LogAdmin(ReadOnly, CheckedKeys):
    """An admin page that shows a log and a form with filters. Single rows have no pages."""

    title: str
    filter_class: Any  # a form whose `apply` filters the rows
    newest: models.QuerySet[Any]
    time: str  # the column by which the rows are sorted
    page_template: str

    def rows(self, page: list[Any], request: HttpRequest) -> dict[str, Any]:
        """Returns the template variables for the rows of a page."""
        raise NotImplementedError

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        form, found = self.filter_class(request.GET), self.newest.all()
        # If a filter is invalid, show no rows, because unfiltered rows would look like matches.
        found = form.apply(found) if form.is_valid() else found.none()
        page, older = newest_page(found, self.time, request)
        context = {
            **self.admin_site.each_context(request),
            "title": self.title,
            "opts": self.opts,
            "form": form,
            **self.rows(page, request),
            "older": older,
            "is_first": "before" not in request.GET,
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.page_template, context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        raise PermissionDenied


def newest_page(
    rows: models.QuerySet[Any], time: str, request: HttpRequest
) -> tuple[list[Any], str]:
    """Returns a page of rows, newest first, and the query string of the next page ("" on the last
    page). The query string contains the position of the last row, so later pages are not slower.
    """
    if start := _position(request.GET.get("before", "")):
        moment, id = start
        rows = rows.filter(Q(**{f"{time}__lt": moment}) | Q(**{time: moment, "id__lt": id}))
    found = list(rows[: PAGE_SIZE + 1])
    if len(found) <= PAGE_SIZE:
        return found, ""
    last, query = found[PAGE_SIZE - 1], request.GET.copy()
    query["before"] = f"{getattr(last, time).isoformat()}_{last.pk}"
    return found[:PAGE_SIZE], query.urlencode()


def _position(text: str) -> tuple[datetime, uuid.UUID] | None:
    """Returns the time and the id from the text "time_id", or None if the text is invalid."""
    time, _, id = text.partition("_")
    try:
        moment = moment_in_utc(time)
        return (moment, uuid.UUID(id)) if moment else None
    except ValueError:
        return None
