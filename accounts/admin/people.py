"""Admin pages for people and groups. `accounts.groups` defines the permissions of each group, and
who may add people to it.
"""

from typing import Any, ClassVar

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.core.context import request_context
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db import transaction as db_transaction
from django.db.models import Count, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from accounts import services
from accounts.admin.actions import (
    CLOSE_SIGN_IN,
    RESTORE_SIGN_IN,
    REVOKE_TOKENS,
    SIGN_OUT,
    ReasonedActions,
)
from accounts.admin.forms import PersonAddForm, PersonChangeForm, PersonPasswordForm
from accounts.admin.giving import GroupsByTwo, pending_groups_html
from accounts.admin.history import LockedChanges, ObjectHistory
from accounts.admin.list_files import ListFiles
from accounts.admin.masking import masked_address, sees_contact_details
from accounts.admin.parts import (
    STYLES,
    ReadOnly,
    date_filter,
    day_cell,
    moment_cell,
    person_of,
)
from accounts.admin.ranked_lists import RankedSearch
from accounts.admin.reads import readers_of
from accounts.admin.tokens import tokens_of
from accounts.groups import may_take_all_groups_of
from accounts.memberships import offered
from accounts.models import Account, User, UserQuerySet
from accounts.name_search import NameSearch
from ledger.text.lines import counted

RIGHTS = ("is_staff", "groups")
FORGOTTEN = (
    "The mail has a link to a page where they choose a password. Later, they get a new link with "
    '"Forgotten your password?" on the sign-in page.'
)
NEW_PERSON = f"The person gets a mail at this address. {FORGOTTEN}"
THEIR_OWN = (
    "Customers change their email address themselves and confirm it by mail. They change the "
    'password with "Forgotten your password?" on the sign-in page.'
)

BY_TWO = "A manager must approve a group that may move money, approve requests or add groups."
OTHER_GROUPS = (
    "You can remove any of these groups. You can add a group if you have all its rights. "
    f"Superusers can add the other groups. {BY_TWO}"
)
NONE_TO_GIVE = (
    "You cannot add groups here, because you do not have all rights of any group. A superuser can "
    "add groups, and so can the operator of the server with manage.py give_group."
)
MASKED_SEARCH = "Words of a name, or their first letters, or a whole email address."


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
class UserAdmin(
    ListFiles,
    GroupsByTwo,
    ObjectHistory,
    LockedChanges,
    ReasonedActions,
    RankedSearch,
    DjangoUserAdmin,  # type: ignore[type-arg]
):
    """The admin pages of people. People are never deleted, but their sign-in can be closed and
    opened again.

    Only superusers change addresses and passwords, because such a change makes it possible to act
    as another person. New people choose a password with a link in a mail, which staff never see.
    Users cannot change their own rights, and can add people only to groups that `groups_given_by`
    returns. Superusers are created only by `manage.py createsuperuser`.
    """

    form = PersonChangeForm
    add_form = PersonAddForm
    change_password_form = PersonPasswordForm
    change_user_password_template = "admin/accounts/user/set_password.html"  # noqa: S105
    history_subject = "person"
    add_form_template = None  # Django's own form requires a password
    list_display = ("name", "email", "account_count", "is_staff", "may_sign_in", "joined")
    list_display_links = ("name", "email")
    list_filter = ("is_staff", SignInFilter, ("created_at", date_filter("date of joining")))
    search_help_text = "Words of a name or of an email address, or their first letters."
    ordering = ("-created_at",)
    show_full_result_count = False
    readonly_fields = (
        "accounts_link", "may_sign_in", "joined_at", "closed_at", "last_sign_in", "is_superuser",
        "masked_email", "read_by", "access_tokens",
    )  # fmt: skip
    add_fieldsets = ((None, {"fields": ("email", "name", "reason"), "description": NEW_PERSON}),)
    actions = ("sign_out", "revoke_tokens", "close_sign_in", "restore_sign_in")
    autocomplete_fields = ("household",)
    rows_template = "admin/accounts/user/_rows.html"
    list_file_values: ClassVar = {"joined": "created_at"}

    class Media:
        css = {"all": (STYLES,)}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[User]:
        accounts = Account.objects.filter(user=OuterRef("pk")).order_by().values("user")
        counted = Subquery(accounts.annotate(number=Count("pk")).values("number"))
        people: UserQuerySet = super().get_queryset(request).shown()  # type: ignore[attr-defined]
        opens_accounts = person_of(request).has_perm("accounts.view_account")
        return people.annotate(
            accounts_held=Coalesce(counted, 0), accounts_open=Value(opens_accounts)
        )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        listed = super().get_changelist_instance(request)
        if not sees_contact_details(person_of(request)):
            listed.search_help_text = MASKED_SEARCH
        return listed

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        by = person_of(request)
        giving = {}
        if by.has_perm("accounts.give_groups"):
            words = OTHER_GROUPS if offered(by, obj).exists() else NONE_TO_GIVE
            rule = BY_TWO if by.is_superuser else words
            giving["description"] = rule + pending_groups_html(obj)
        rights = [("Rights", {"fields": RIGHTS, **giving})] if sees_rights(by) else []
        log = ("read_by",) if by.has_perm("accounts.view_read") else ()
        times = ("may_sign_in", "last_sign_in", "joined_at", "closed_at")
        tokens = ("access_tokens",) if by.has_perm("accounts.change_user") else ()
        sign_in = ("Sign-in", {"fields": (*times, *tokens, *log)})
        if not by.is_superuser:
            email = "email" if sees_contact_details(by) else "masked_email"
            reason = ("reason",) if self.has_change_permission(request, obj) else ()
            home = ("household",) if by.has_perm("accounts.view_household") else ()
            fields = (email, "name", *home, "accounts_link", *reason)
            first = {"fields": fields, "description": THEIR_OWN}
            return ((None, first), *rights, sign_in)
        first = {"fields": ("email", "reason", "name", "household", "password", "accounts_link")}
        rights = [("Rights", {"fields": (*RIGHTS, "is_superuser"), **giving})]
        return ((None, first), *rights, sign_in)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.readonly_fields
        by = person_of(request)
        email = () if by.is_superuser else ("email",)
        may_give = by.has_perm("accounts.give_groups") and obj.pk != by.pk
        if not may_give:
            # A change of the household could be used to avoid the rules about households
            fixed: tuple[str, ...] = (*RIGHTS, "household")
        else:
            fixed = () if offered(by, obj).exists() else ("groups",)  # there is no group to choose
        return (*self.readonly_fields, *email, *fixed)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Returns the form class. The field for groups offers the person's current groups, and the
        groups to which this user may add people.
        """
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        if obj is not None and "groups" in form.base_fields:
            form.base_fields["groups"].queryset = offered(person_of(request), obj)
        return form

    def get_list_display(self, request: HttpRequest) -> Any:
        by = person_of(request)
        columns = _without_rights(request, self.list_display)
        return columns if sees_contact_details(by) else _masked(columns)

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        return [name for name in (*self.list_display_links, "masked_email") if name in list_display]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return _without_rights(request, self.list_filter)

    def names(self, request: HttpRequest, typed: list[str]) -> NameSearch:
        return NameSearch([typed], addresses=sees_contact_details(person_of(request)))

    def matching(self, _request: HttpRequest, typed: str, names: NameSearch) -> tuple[Q, Any]:
        """Returns the condition and the rank. Users who may not see addresses find only whole
        addresses, so they cannot guess an address part by part.
        """
        is_address = Q(email=typed.strip().lower())
        return is_address | names.people(misspelt=True), names.person_rank()

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Serves the history page. Refuses users who may not see addresses, because the history
        contains addresses.

        Raises: PermissionDenied.
        """
        if not sees_contact_details(person_of(request)):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or not self.refusal_for(request, obj))

    def _add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Serves the page for adding a person. The right to add people is enough. Django's own page
        also requires the right to change people.
        """
        return admin.ModelAdmin.add_view(self, request, form_url, extra_context)

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def refusal_for(self, request: HttpRequest, thing: User) -> str:
        by = person_of(request)
        if by.pk != thing.pk and by.is_close_to(thing):
            return "This person lives in your household. A colleague has to do this."
        if by.is_superuser:
            return ""
        if thing.is_superuser or not may_take_all_groups_of(by, thing):
            return "Only superusers change people in this person's groups."
        return ""

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Serves the page for superusers. Refuses all other users. Customers reset their password
        by mail.

        Raises: PermissionDenied.
        """
        if not person_of(request).is_superuser:
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Saves a person. A new person gets a mail with a link to choose a password."""
        if not change:
            obj.set_unusable_password()
            super().save_model(request, obj, form, change)
            db_transaction.on_commit(lambda: _send_password_link(request, obj), robust=True)
            self.message_user(request, f"We are sending a mail to {obj.email}. {FORGOTTEN}")
            return
        if "email" in form.changed_data:
            services.change_email(user=obj, email=obj.email)
        super().save_model(request, obj, form, change)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """Returns the text for Django's log: the changed fields and the reason. If the email
        address was changed, the text also contains the old and the new address.
        """
        if add or not form.cleaned_data.get("reason"):
            return super().construct_change_message(request, form, formsets, add)
        changes = [
            f"Changed {form.fields[name].label if name in form.fields else name}."
            for name in form.changed_data
            if name not in ("email", "reason")
        ]
        if "email" in form.changed_data:
            changes.append(f"Email: {form.initial['email']} became {form.cleaned_data['email']}.")
        return " ".join([*changes, f"Reason: {form.cleaned_data['reason']}"])

    @admin.display(description="Who read their data")
    def read_by(self, person: User) -> str:
        return readers_of(person)

    @admin.display(description="Access tokens")
    def access_tokens(self, person: User) -> str:
        return tokens_of(person)

    @admin.display(description="Email")
    def masked_email(self, person: User) -> str:
        return masked_address(person.email)

    @admin.display(description="Accounts", ordering="accounts_held")
    def account_count(self, person: User) -> str:
        return _linked(person, str(getattr(person, "accounts_held", 0)))

    @admin.display(description="Accounts")
    def accounts_link(self, person: User) -> str:
        return _linked(person, counted(getattr(person, "accounts_held", 0), "account"))

    @admin.display(description="Since", ordering="created_at")
    def joined(self, person: User) -> str:
        return day_cell(person.created_at)

    @admin.display(description="Since")
    def joined_at(self, person: User) -> str:
        return moment_cell(person.created_at)

    @admin.display(description="Sign-in closed")
    def closed_at(self, person: User) -> str:
        return moment_cell(person.deleted_at)

    @admin.display(description="Last sign-in")
    def last_sign_in(self, person: User) -> str:
        return moment_cell(person.last_login)

    @admin.display(description="May sign in", boolean=True)
    def may_sign_in(self, person: User) -> bool:
        return person.is_active

    @admin.action(description="Sign out everywhere", permissions=["change"])
    def sign_out(self, request: HttpRequest, chosen: models.QuerySet[User]) -> HttpResponse | None:
        return self.ask_and_do(request, chosen, SIGN_OUT)

    @admin.action(description="Revoke the access tokens", permissions=["change"])
    def revoke_tokens(
        self, request: HttpRequest, chosen: models.QuerySet[User]
    ) -> HttpResponse | None:
        return self.ask_and_do(request, chosen, REVOKE_TOKENS)

    @admin.action(description="Close the sign-in", permissions=["change"])
    def close_sign_in(
        self, request: HttpRequest, chosen: models.QuerySet[User]
    ) -> HttpResponse | None:
        return self.ask_and_do(request, chosen, CLOSE_SIGN_IN)

    @admin.action(description="Restore the sign-in", permissions=["change"])
    def restore_sign_in(
        self, request: HttpRequest, chosen: models.QuerySet[User]
    ) -> HttpResponse | None:
        return self.ask_and_do(request, chosen, RESTORE_SIGN_IN)


def _linked(person: User, words: str) -> str:
    """Returns the text `words`, as a link to the person's accounts if the user may see the
    accounts.
    """
    if not getattr(person, "accounts_open", False):
        return words
    url = reverse("admin:accounts_account_changelist")
    return format_html('<a href="{}?user__id__exact={}">{}</a>', url, person.pk, words)


def _without_rights(request: HttpRequest, names: Any) -> list[Any]:
    """Returns the names of columns or filters. If the user may not see rights, the names in RIGHTS
    are left out.
    """
    if sees_rights(person_of(request)):
        return list(names)
    return [name for name in names if name not in RIGHTS]


def sees_rights(reader: User) -> bool:
    """Returns whether the user may see who is staff, and the groups of people."""
    return reader.has_perm("accounts.give_groups") or reader.has_perm("auth.view_group")


def _masked(columns: list[Any]) -> list[Any]:
    return ["masked_email" if name == "email" else name for name in columns]


def _send_password_link(request: HttpRequest, person: User) -> None:
    """Sends a new person the link with which they choose a password."""
    token = default_token_generator.make_token(person)
    with request_context(request):
        adapter = get_adapter()
        url = adapter.get_reset_password_from_key_url(f"{user_pk_to_url_str(person)}-{token}")
        adapter.send_mail(
            "account/email/added_by_bank",
            person.email,
            {"user": person, "password_reset_url": url},
        )


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(ListFiles, ObjectHistory, ReadOnly, DjangoGroupAdmin):
    """The admin pages of groups and their permissions. The pages are read-only, because
    `accounts.groups` defines the permissions.
    """

    history_subject = "group"
