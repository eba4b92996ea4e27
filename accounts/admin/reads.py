"""The page of the read log, and the latest reads of a person's data on the page of this person."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from accounts.admin.history import people_called
from accounts.admin.log_pages import LogAdmin
from accounts.admin.page_names import name_of_page
from accounts.admin.parts import link_to, moment_cell
from accounts.models import Read, User
from accounts.models.read import MAX_PEOPLE as MAX_PEOPLE_OF_A_READ
from ledger.text.dates import end_of_day, start_of_day
from ledger.text.queries import Parameter, parameters_of

SHOWN_ON_A_PERSON = 5
MAX_NAMESAKES = 1_000  # the maximum number of people that the filter may match
NAMED = 8  # the number of people that are listed in a row


class ReadFilter(forms.Form):
    """The filters of the page of the read log. Empty fields have no effect."""

    by = forms.CharField(label="Read by", max_length=200, required=False)
    whose = forms.CharField(label="Whose data", max_length=200, required=False)
    page = forms.CharField(label="Page", max_length=100, required=False)
    day = forms.DateField(
        label="Day", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean_whose(self) -> list[UUID] | None:
        """Returns the ids of all people who match, or None if the field is empty.

        Raises: ValidationError if more than MAX_NAMESAKES people match.
        """
        words = self.cleaned_data["whose"]
        if not words:
            return None
        ids = list(people_called(words).values_list("pk", flat=True)[: MAX_NAMESAKES + 1])
        if len(ids) > MAX_NAMESAKES:
            raise forms.ValidationError(
                f"More than {MAX_NAMESAKES:,} people have this in their name. Enter more of the "
                "name, an email address or an id.",
                code="too_many",
            )
        return ids

    def apply(self, reads: models.QuerySet[Read]) -> models.QuerySet[Read]:
        """Returns the reads that match all filled-in fields."""
        wanted = self.cleaned_data
        if wanted["by"]:
            reads = reads.filter(reader__in=people_called(wanted["by"]))
        if wanted["whose"] is not None:
            # A row contains at most MAX_PEOPLE_OF_A_READ people. If a page showed more people, it
            # may also have shown the people in this filter.
            named = Q(people__overlap=wanted["whose"])
            reads = reads.filter(named | Q(people__len__gte=MAX_PEOPLE_OF_A_READ))
        if wanted["page"]:
            reads = reads.filter(path__icontains=wanted["page"])
        if wanted["day"]:
            day = wanted["day"]
            reads = reads.filter(read_at__gte=start_of_day(day), read_at__lt=end_of_day(day))
        return reads


@admin.register(Read)
class ReadAdmin(LogAdmin):
    title = "Reads"
    filter_class = ReadFilter
    newest = Read.objects.select_related("reader").order_by("-read_at", "-id")
    time = "read_at"
    page_template = "admin/accounts/read/reads.html"

    def rows(self, page: list[Any], request: HttpRequest) -> Any:
        return {"reads": _with_people(page)}


def _with_people(reads: Sequence[Read]) -> list[tuple[Read, str, list[Parameter], str, int]]:
    """Returns a tuple with five values for each read: the read, the name of its page, the
    parameters of its query string, links to the people whose data was shown, and the number of
    people without a link.
    """
    ids = {id for read in reads for id in read.people[:NAMED]}
    names: Mapping[UUID, User] = User.objects.shown().in_bulk(list(ids))
    rows: list[tuple[Read, str, list[Parameter], str, int]] = []
    for read in reads:
        links = [(link_to(names[id]),) for id in read.people[:NAMED] if id in names]
        people = format_html_join(", ", "{}", links)
        more = max(0, len(read.people) - NAMED)
        rows.append((read, name_of_page(read.path), parameters_of(read.query), people, more))
    return rows


def readers_of(person: User) -> str:
    """Returns HTML with the latest reads of a person's data, and a link to the page with all reads.
    Returns "nobody" if nobody has read the data.
    """
    reads = Read.objects.filter(people__contains=[person.pk]).select_related("reader")
    lines = format_html_join(
        "",
        "<li>{}: {}, {}</li>",
        (
            (moment_cell(read.read_at), read.reader, name_of_page(read.path) or read.path)
            for read in reads.order_by("-read_at", "-id")[:SHOWN_ON_A_PERSON]
        ),
    )
    if not lines:
        return "nobody"
    url = f"{reverse('admin:accounts_read_changelist')}?whose={person.pk}"
    return format_html('<ul class="readers">{}</ul><a href="{}">All reads</a>', lines, url)
