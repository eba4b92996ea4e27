"""The page with the history of all objects, and the pages with the history of one object."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db import IntegrityError, models
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from accounts import current_access
from accounts.admin.change_labels import ACTIONS, SUBJECTS
from accounts.admin.changes_in_words import in_words
from accounts.admin.log_pages import LogAdmin, newest_page
from accounts.admin.parts import person_of
from accounts.models import Change, User
from accounts.name_search import NameSearch
from ledger.db.history.facts import set_reason
from ledger.db.retry import sqlstate
from ledger.text.dates import end_of_day, start_of_day

UNIQUE_VIOLATION = "23505"


def people_called(words: str) -> models.QuerySet[User]:
    """Returns the people whose name contains all words, or whose id or email address is `words`."""
    try:
        called = Q(pk=UUID(words.strip()))
    except ValueError:
        names = NameSearch([words.split()], addresses=False)
        called = Q(email__iexact=words) | names.people()
    people: models.QuerySet[User] = User.objects.filter(called)
    return people


class HistoryFilter(forms.Form):
    """The filters of the history page. Empty fields have no effect."""

    by = forms.CharField(label="Made by", max_length=200, required=False)
    subject = forms.ChoiceField(
        label="About",
        required=False,
        choices=[("", "Everything"), *((name, label) for name, (label, _) in SUBJECTS.items())],
    )
    about = forms.CharField(label="Id of the object", max_length=40, required=False)
    action = forms.ChoiceField(
        label="What", required=False, choices=[("", "Every change"), *ACTIONS.items()]
    )
    day = forms.DateField(
        label="Day", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    proof = forms.ChoiceField(
        label="Proof", required=False, choices=[("", "Proved or not"), ("no", "Not proved")]
    )

    def apply(self, changes: models.QuerySet[Change]) -> models.QuerySet[Change]:
        """Returns the changes that match all filled-in fields."""
        wanted = self.cleaned_data
        if wanted["by"]:
            changes = changes.filter(person__in=people_called(wanted["by"]))
        if wanted["subject"]:
            changes = changes.filter(table_name__in=SUBJECTS[wanted["subject"]][1])
        if wanted["about"]:
            changes = changes.filter(about=wanted["about"].strip())
        if wanted["action"]:
            changes = changes.filter(action=wanted["action"])
        if wanted["day"]:
            day = wanted["day"]
            changes = changes.filter(
                changed_at__gte=start_of_day(day), changed_at__lt=end_of_day(day)
            )
        if wanted["proof"]:
            changes = changes.filter(proved=False)
        return changes


@admin.register(Change)
class ChangeAdmin(LogAdmin):
    title = "History"
    filter_class = HistoryFilter
    newest = Change.objects.select_related("person").order_by("-changed_at", "-id")
    time = "changed_at"
    page_template = "admin/accounts/change/history.html"

    def rows(self, page: list[Any], request: HttpRequest) -> Any:
        return {"changes": in_words(page, person_of(request))}


class ReasonedChanges(admin.ModelAdmin):  # type: ignore[type-arg]
    """Admin pages that store the reason of a `ReasonedForm` in the history. The field is hidden
    from users who may only view the row.
    """

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fields = super().get_fields(request, obj)
        may_save = obj is None or self.has_change_permission(request, obj)
        return [name for name in fields if may_save or name != "reason"]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """Serves the page. If the database refuses a duplicate value that another request has
        inserted in the meantime, serves the page again, so that the form shows the error at the
        field.
        """
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except IntegrityError as error:
            if sqlstate(error) != UNIQUE_VIOLATION:
                raise
        return super().changeform_view(request, object_id, form_url, extra_context)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        set_reason(form.cleaned_data.get("reason", ""))
        return super().save_form(request, form, change)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Inserts the row, or updates only the columns that were changed on the page. Other columns
        may have changed in the meantime, and the web role may not write all of them.
        """
        if change:
            columns = {field.name for field in obj._meta.concrete_fields}
            obj.save(update_fields=columns & {*form.changed_data})
        else:
            obj.save(force_insert=True)


class LockedChanges(ReasonedChanges):
    """Admin pages that lock the row before a form is processed or the row is deleted. The form is
    then compared with the current row, and is refused if the user may no longer use the admin. This
    mixin is for pages that save in Django's database transaction.
    """

    def _changeform_view(
        self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any
    ) -> Any:
        if request.method == "POST" and object_id is not None:
            self._lock(request, object_id)
        page = (request, object_id, form_url, extra_context)
        return super()._changeform_view(*page)  # type: ignore[misc]

    def _delete_view(self, request: HttpRequest, object_id: str, extra_context: Any) -> Any:
        if request.method == "POST":
            self._lock(request, object_id)
        return super()._delete_view(request, object_id, extra_context)  # type: ignore[misc]

    def _lock(self, request: HttpRequest, object_id: str) -> None:
        row = self.get_object(request, unquote(object_id))
        rows = self.model._base_manager.filter(pk=row and row.pk)
        rows.select_for_update(no_key=True).first()
        current_access.refuse_if_ended()


class ObjectHistory(admin.ModelAdmin):  # type: ignore[type-arg]
    """Admin pages of a model. The history page lists the changes of the object, and then Django's
    log. Only users who may see the history see the changes.
    """

    history_subject: str

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = dict(extra_context or {})
        if request.user.has_perm("accounts.view_change"):
            _, tables = SUBJECTS[self.history_subject]
            about = object_id.removesuffix("/")
            changes = Change.objects.filter(table_name__in=tables, about=about)
            newest = changes.select_related("person").order_by("-changed_at", "-id")
            page, older = newest_page(newest, "changed_at", request)
            context |= {
                "changes": in_words(page, person_of(request)),
                "older": older,
                "shows_changes": True,
            }
        return super().history_view(request, object_id, context)
