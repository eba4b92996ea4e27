"""Lists of the admin as downloadable files, see Note [Tables as files]."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from html import unescape
from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from accounts.admin.parts import NO_VALUES, CheckedKeys
from accounts.models.read import MAX_PEOPLE
from ledger.text.money import NOTHING
from ledger.web.table_files import (
    DataTable,
    figure_cell,
    paths_of_files,
    refused,
    table_response,
)

MAX_ROWS = MAX_PEOPLE
TOO_MANY = (
    f"A file can have up to {MAX_ROWS} rows, and this list has more. Search or filter the list "
    "first."
)
NO_FILTER = "The filters of this address cannot be read. Start again from the list."


class ListFiles(CheckedKeys):
    """An admin list that can be downloaded as CSV or JSON. The file contains the columns of the
    list and all rows that match the search and the filters.
    """

    has_list_files = True
    # Maps a column to an attribute of the row, which the file contains instead of the formatted
    # text.
    list_file_values: ClassVar[Mapping[str, str]] = {}

    def get_urls(self) -> list[URLPattern]:
        view = require_safe(self.admin_site.admin_view(self.list_file))
        name = f"{self.opts.app_label}_{self.opts.model_name}_list"
        return [*paths_of_files("list", view, name), *super().get_urls()]

    def list_file(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """Returns the list as a file. Reads all rows before the response begins, so that the read
        log records all of them.
        """
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        try:
            listed = self.get_changelist_instance(request)
            rows = list(listed.queryset[: MAX_ROWS + 1])
        except (IncorrectLookupParameters, *NO_VALUES):
            return refused(NO_FILTER, kind)
        if len(rows) > MAX_ROWS:
            return refused(TOO_MANY, kind)
        columns = [str(name) for name in listed.list_display if name != "action_checkbox"]
        return table_response(self._table(columns, rows), kind)

    def _table(self, columns: Iterable[str], rows: Iterable[Any]) -> DataTable:
        labels = [label_for_field(name, self.model, self) for name in columns]
        names = [str(label).lower().replace(" ", "_") for label in labels]
        cells = ([self._cell(name, row) for name in columns] for row in rows)
        return DataTable(str(self.opts.verbose_name_plural).replace(" ", "-"), names, cells)

    def _cell(self, name: str, row: Any) -> Any:
        if attribute := self.list_file_values.get(name):
            value = getattr(row, attribute)
        else:
            _field, _attribute, value = lookup_field(name, row, self)
        if isinstance(value, Decimal):
            return figure_cell(value, row.currency)
        if isinstance(value, SafeString):
            value = " ".join(unescape(strip_tags(value)).split())
        return None if value in ("", NOTHING) else value
