"""Admin pages for households: people who live together."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join

from accounts.admin.forms import ReasonedForm
from accounts.admin.history import LockedChanges, ObjectHistory
from accounts.admin.list_files import ListFiles
from accounts.admin.parts import link_to
from accounts.models import Household
from ledger.text.money import NOTHING


class HouseholdForm(ReasonedForm):
    class Meta:
        model = Household
        fields = ("name",)


@admin.register(Household)
class HouseholdAdmin(ListFiles, ObjectHistory, LockedChanges):
    """The admin pages of households. Staff who may change people can add and rename households, but
    cannot delete them. A person is added to a household on the admin page of the person.
    """

    list_display = ("name",)
    search_fields = ("name__unaccent__icontains",)
    search_help_text = "A part of the name."
    form = HouseholdForm
    history_subject = "household"
    ordering = ("name", "pk")
    readonly_fields = ("people",)
    fields = ("name", "people", "reason")
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="People")
    def people(self, household: Household) -> str:
        members = household.members.shown().order_by("name")
        lines = ((link_to(person),) for person in members)
        return format_html_join("", "<div>{}</div>", lines) or NOTHING
