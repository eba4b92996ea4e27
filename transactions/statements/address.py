"""The filter bar and the page links of an account statement. The URL contains all filters
and the page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.models import Account
from ledger.text.dates import short_date
from ledger.text.lines import shortened
from transactions.search.engine import mistakes_in
from transactions.search.language.parser import parse
from transactions.statements.forms import DatesForm, StatementForm, WordsForm
from transactions.statements.page import StatementPage

KEPT = ("start", "end", "direction", "q")

NO_FIELDS = SafeString("")


@dataclass(slots=True)
class Chip:
    """One control of the filter bar: a link, a menu of links (`options`), or a small form.

    The form consists of `fields`, which are HTML, and of hidden fields for the parameters in
    `keep`.
    """

    label: str
    url: str = ""
    active: bool = False
    options: list["Chip"] = field(default_factory=list)
    fields: SafeString = NO_FIELDS
    keep: list[tuple[str, str]] = field(default_factory=list)


class StatementAddress:
    """The URL of a statement, and URLs that differ from it in a filter or in the page."""

    def __init__(self, path: str, form: StatementForm) -> None:
        self.action = path
        self.form = form
        self.typed = form.data.get("q", "")
        self.params = {name: form.data[name] for name in KEPT if form.data.get(name)}
        if read := parse(self.params.pop("q", "")).text:
            self.params["q"] = read

    def url(self, **changes: Any) -> str:
        """Returns the URL with some parameters changed. Parameters with an empty value are
        removed.
        """
        params = {**self.params, **{name: str(value) for name, value in changes.items()}}
        query = urlencode({name: value for name, value in params.items() if value})
        return f"{self.action}?{query}" if query else self.action

    @property
    def is_plain(self) -> bool:
        """Whether the page shows the newest entries without a filter."""
        return not (self.params or self.on_paper or {"before", "after"} & set(self.form.data))

    @property
    def clear_url(self) -> str:
        """The URL without the filters, or "" if no filter is set."""
        return self.action if self.params else ""

    def mistakes(self, account: Account) -> list[tuple[str, list[Chip]]]:
        """Returns a message for each mistake in the typed search, with links to other searches."""
        return [
            (mistake.sentence, [Chip(query, self.url(q=query)) for query in mistake.suggestions])
            for mistake in mistakes_in(self.typed, account)
        ]

    @property
    def query(self) -> str:
        """The filters as a query string with a question mark, or "" without a filter."""
        return self.url()[len(self.action) :]

    @property
    def on_paper(self) -> bool:
        """Whether this is the long page for printing."""
        return bool(self.form.data.get("paper"))

    @property
    def print(self) -> bool:
        """Whether the page shows the print button."""
        return self.on_paper

    @property
    def actions(self) -> list[dict[str, Any]]:
        """The link at the end of the filter bar: to the page for printing, or back to the normal
        page.
        """
        paper = {"url": self.url(paper=1), "label": "For printing"}
        pages = {"url": self.url(), "label": "Page by page"}
        return [pages if self.on_paper else paper]

    def links(self, page: StatementPage) -> dict[str, str]:
        """Returns the URLs of the newest page, the next newer page and the next older page, or ""
        for a page that does not exist.
        """
        paper = {"paper": 1} if self.on_paper else {}
        return {
            "newest_url": self.url(),
            "newer_url": self.url(after=page.newer, **paper) if page.newer is not None else "",
            "older_url": self.url(before=page.older, **paper) if page.older is not None else "",
        }

    @property
    def chips(self) -> list[Chip]:
        """The controls of the filter bar, from left to right."""
        period = self._period()
        return [period, self._dates(period), *self._directions(), self._words()]

    def _period(self) -> Chip:
        options = [
            Chip(label, self.url(start=start, end=end), self._is_period(start, end))
            for label, start, end in periods(timezone.localdate())
        ]
        active = next((option for option in options if option.active), None)
        label = active.label if active else "Period"
        return Chip(label, active=bool(active and self._has("start")), options=options)

    def _dates(self, period: Chip) -> Chip:
        custom = (self._has("start") or self._has("end")) and not period.active
        return Chip(
            self._dates_label() if custom else "Dates",
            active=custom,
            fields=fields_of(DatesForm, self.form.data),
            keep=self._rest("start", "end"),
        )

    def _dates_label(self) -> str:
        """Returns the chosen period as text, such as "from 12 March" or "12 March to 3 April"."""
        filters = self.form.filters
        start = short_date(filters.start) if filters.start else ""
        end = short_date(filters.end) if filters.end else ""
        if start and end:
            return f"{start} to {end}"
        return f"from {start}" if start else f"to {end}" if end else "Dates"

    def _directions(self) -> Iterator[Chip]:
        for value, label in (("in", "Money in"), ("out", "Money out")):
            active = self.params.get("direction") == value
            yield Chip(label, self.url(direction="" if active else value), active)

    def _words(self) -> Chip:
        words = self.params.get("q", "")
        label = f"\N{LEFT DOUBLE QUOTATION MARK}{shortened(words)}\N{RIGHT DOUBLE QUOTATION MARK}"
        return Chip(
            label if words else "Find",
            active=bool(words),
            fields=fields_of(WordsForm, self.form.data),
            keep=self._rest("q"),
        )

    def _has(self, name: str) -> bool:
        return name in self.params

    def _is_period(self, start: Any, end: Any) -> bool:
        return (self.params.get("start", ""), self.params.get("end", "")) == (str(start), str(end))

    def _rest(self, *names: str) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.params.items() if name not in names]


def fields_of(form: type[forms.Form], data: Mapping[str, Any]) -> SafeString:
    """Returns the fields of a form as HTML, with values from the URL.

    Each process renders empty fields only once, because they are the same on every page. With
    DEBUG, the fields are always rendered, so that a change of a template becomes visible.
    """
    if settings.DEBUG or any(data.get(name) for name in form.base_fields):
        return _rendered(form(data))
    return _empty_fields(form)


@cache
def _empty_fields(form: type[forms.Form]) -> SafeString:
    return _rendered(form())


def _rendered(form: forms.Form) -> SafeString:
    return render_to_string("includes/_form.html", {"form": form, "submit": "Show"})


def periods(today: date) -> list[tuple[str, date | str, date | str]]:
    """Returns the usual periods: a label, the first day and the last day. A day is "" if the period
    has no limit.
    """
    first = today.replace(day=1)
    last_month_ends = first - timedelta(days=1)
    return [
        ("All time", "", ""),
        ("This month", first, today),
        ("Last month", last_month_ends.replace(day=1), last_month_ends),
        ("This year", today.replace(month=1, day=1), today),
    ]
