"""People in the admin. Staff help customers; only superusers change staff and rights."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from accounts import services
from accounts.admin_forms import PersonAddForm, PersonChangeForm
from accounts.admin_parts import STYLES, person_of
from accounts.admin_steps import CLOSE_SIGN_IN, RESTORE_SIGN_IN, ReasonedActions
from accounts.models import Account, User

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class SignInFilter(admin.SimpleListFilter):
    title = "sign-in"
    parameter_name = "active"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Active"), ("no", "Closed")]

    def queryset(
        self, _request: HttpRequest, people: models.QuerySet[User]
    ) -> models.QuerySet[User]:
        if self.value() in ("yes", "no"):
            return people.filter(deleted_at__isnull=self.value() == "yes")
        return people


@admin.register(User)
class UserAdmin(ReasonedActions, DjangoUserAdmin):  # type: ignore[type-arg]
    """Who signs in. Nobody is deleted; a sign-in is closed and can be restored.

    A member of staff who could change a colleague's address, password or rights could act
    as somebody else in the books, so all that is for superusers alone.
    """

    form = PersonChangeForm
    add_form = PersonAddForm
    list_display = ("email", "name", "account_count", "is_staff", "may_sign_in", "created_at")
    list_filter = ("is_staff", SignInFilter, "created_at")
    search_fields = ("email", "name")
    search_help_text = "A name or an e-mail address, or a part of one."
    ordering = ("-created_at",)
    show_full_result_count = False
    readonly_fields = ("account_count", "may_sign_in", "created_at", "deleted_at", "last_login")
    add_fieldsets = (
        (None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),
    )
    actions = ("close_sign_in", "restore_sign_in")

    class Media:
        css = {"all": (STYLES,)}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[User]:
        accounts = Account.objects.filter(user=OuterRef("pk")).order_by().values("user")
        counted = Subquery(accounts.annotate(number=Count("pk")).values("number"))
        people: models.QuerySet[User] = super().get_queryset(request)
        return people.annotate(accounts_held=Coalesce(counted, 0))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        secret = ("password",) if person_of(request).is_superuser else ()
        return (
            (None, {"fields": ("email", "name", *secret, "account_count")}),
            ("Rights", {"fields": RIGHTS}),
            ("Sign-in", {"fields": ("may_sign_in", "last_login", "created_at", "deleted_at")}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        rights = () if person_of(request).is_superuser else RIGHTS
        return (*self.readonly_fields, *rights)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or not self.refusal_for(request, obj))

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def refusal_for(self, request: HttpRequest, thing: User) -> str:
        by = person_of(request)
        if (thing.is_staff or thing.is_superuser) and not by.is_superuser:
            return "Only superusers change people who are staff."
        return ""

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """For superusers; a customer asks for a reset by e-mail, which nobody else reads."""
        if not person_of(request).is_superuser:
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Writes only what was changed: a person shut out meanwhile stays shut out."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        changed = {field.name for field in obj._meta.concrete_fields} & {*form.changed_data}
        if "email" in changed:
            services.change_email(user=obj, email=obj.email)
        obj.save(update_fields=changed - {"email"})

    @admin.display(description="Accounts", ordering="accounts_held")
    def account_count(self, person: User) -> str:
        url = reverse("admin:accounts_account_changelist")
        count = getattr(person, "accounts_held", 0)
        return format_html('<a href="{}?user__id__exact={}">{}</a>', url, person.pk, count)

    @admin.display(description="May sign in", boolean=True)
    def may_sign_in(self, person: User) -> bool:
        return person.is_active

    @admin.action(description="Close the sign-in", permissions=["change"])
    def close_sign_in(
        self, request: HttpRequest, chosen: models.QuerySet[User]
    ) -> HttpResponse | None:
        if chosen.filter(pk=person_of(request).pk).exists():
            self.message_user(request, "You cannot shut yourself out; nothing was done.", "error")
            return None
        return self.ask_and_do(request, chosen, CLOSE_SIGN_IN)

    @admin.action(description="Restore the sign-in", permissions=["change"])
    def restore_sign_in(
        self, request: HttpRequest, chosen: models.QuerySet[User]
    ) -> HttpResponse | None:
        return self.ask_and_do(request, chosen, RESTORE_SIGN_IN)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    """What each role may do: for superusers alone, whatever permissions somebody was given."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return bool(request.user.is_superuser)
