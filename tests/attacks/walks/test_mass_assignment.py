"""Fields that a form does not have change nothing, for any sender and any form.

Every form on the pages of a customer and of each group is sent with its required values, and also
with the columns of people, accounts and transactions.
"""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts.groups import MANAGER, OPERATIONS, PEOPLE_ADMIN
from accounts.models import Account, Household, User
from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.forms import PageForm
from tests.attacks.people import attempt_of, is_alive
from tests.attacks.walks.site import WalkedSite
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
GUARDED: dict[type[Any], tuple[str, ...]] = {
    User: (
        "email", "is_staff", "is_superuser", "deleted_at", "household_id", "password",
        "session_version",
    ),
    Account: (
        "user_id", "number", "currency", "status", "balance", "held", "overdraft_limit",
        "transfer_limit", "daily_limit",
    ),
    Transaction: ("amount", "status", "created_by_id", "from_account_id", "to_account_id"),
    User.groups.through: ("user_id", "group_id"),
    User.user_permissions.through: ("user_id", "permission_id"),
}  # fmt: skip
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
PASSWORD = "quiet river over nine stones"
NEW_ADDRESS = "second@example.com"
# Forms that must be saved for each kind of person, by a part of their address.
SAVED = {
    "customer": ("/accounts/open/",),
    OPERATIONS: ("/user/add/", "/account/add/", "/account/<id>/change/"),
    MANAGER: ("/account/<id>/change/",),
    PEOPLE_ADMIN: ("/user/add/", "/user/<id>/change/"),
    "superuser": (
        "/user/add/", "/account/add/", "/account/<id>/change/", "/user/<id>/change/",
        "/password/",
    ),
}  # fmt: skip
# The purpose of a form: columns that a button changes, without a field with the column's name.
MEANT: dict[str, tuple[str, ...]] = {
    "/password/": ("password", "session_version"),
    "/freeze/": ("status",),
    "/unfreeze/": ("status",),
    "/close/": ("status",),
    "/release/": ("status", "held"),
    "/admin/approvals/": ("balance",),
}


def guarded_values() -> dict[tuple[str, Any, str], Any]:
    """Returns the guarded columns of all current rows, by row and column."""
    return {
        (model.__name__, row[0], name): value
        for model, names in GUARDED.items()
        for row in model.objects.values_list("pk", *names)
        for name, value in zip(names, row[1:], strict=True)
    }


def wrongly_written(
    before: dict[tuple[str, Any, str], Any], form: PageForm, owners: list[Any]
) -> list[tuple[Any, ...]]:
    """Returns guarded columns that have changed although this is not the purpose of the form. Also
    returns new accounts with money or of people who are not in `owners`, new people with rights, a
    home or a password, and new rights.
    """
    after = guarded_values()
    meant = {name for part, names in MEANT.items() if part in form.action for name in names}
    changed = [key for key in before if after.get(key) != before[key] and key[2] not in meant]
    added = {key[:2] for key in after.keys() - before.keys()}
    accounts = Account.objects.filter(pk__in=[pk for model, pk in added if model == "Account"])
    people = User.objects.filter(pk__in=[pk for model, pk in added if model == "User"])
    plain = {"balance": 0, "held": 0, "overdraft_limit": 0, "user__in": owners}
    nobody: dict[str, Any] = {"is_staff": False, "is_superuser": False, "household": None}
    nobody |= {"groups": None, "password__startswith": "!"}
    return [
        *changed,
        *(("new account", it.pk) for it in accounts.exclude(**plain)),
        *(("new person", it.pk) for it in people.exclude(pk__in=people.filter(**nobody))),
        *(row for row in added if row[0] in ("User_groups", "User_user_permissions")),
    ]


def extra_fields(bank: AttackedBank) -> dict[str, str]:
    eve, ana = bank.eve, bank.ana
    return {
        "is_staff": "on", "is_superuser": "on", "is_active": "on",
        "groups": str(Group.objects.order_by("pk").values_list("pk", flat=True)[0]),
        "user_permissions": "1", "user": str(ana.user.pk), "user_id": str(ana.user.pk),
        "household": str(Household.objects.values_list("pk", flat=True)[0]),
        "password": PASSWORD, "email": "third@example.com",
        "owner": str(ana.user.pk), "created_by": str(ana.user.pk), "status": "closed",
        "balance": "999999", "held": "0", "overdraft_limit": "5", "available": "999999",
        "transfer_limit": "7", "daily_limit": "7", "type": "deposit", "created_at": "2020-01-01",
        "to_account": str(eve.savings.pk), "captures": str(ana.transactions["held"].pk),
        "reverses": str(ana.transactions["paid"].pk), "sealed_by": str(eve.user.pk),
        "deleted_at": "", "session_version": "0", "verified": "on", "primary": "on",
    }  # fmt: skip


def own_fields(form: PageForm, owner: User) -> dict[str, Any]:
    """Returns the fields of the form with the values of a person who changes the name and types a
    reason.
    """
    always = {"name": "Second", "reason": "They asked", "text": "x", "groups": []}
    if form.action.endswith("/password/"):
        always |= {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    if form.action.endswith("/add/"):
        always |= {"email": NEW_ADDRESS, "user": str(owner.pk), "currency": "USD"}
    return {name: always.get(name, value) for name, value in form.values.items()}


@pytest.mark.parametrize("kind", list(SAVED))
def test_no_form_takes_columns_that_it_does_not_show(
    site: WalkedSite, bank: AttackedBank, kind: str
) -> None:
    reader = "staff" if kind == OPERATIONS else kind
    person, owner = site.people[reader], bank.eve.user
    extra = extra_fields(bank)
    forms = [form for form in site.read_by(reader).forms if form.method == "POST"]
    reading = site.client(reader)
    before = guarded_values()
    written: list[tuple[Any, ...]] = []
    saved: set[str] = set()

    for form in forms:
        with attempt_of(reading) as client:
            answer = ask(client, "POST", form.action, {**extra, **own_fields(form, owner)})
            if answer.status == 302:
                saved.add(UUID.sub("<id>", form.action))
            found = wrongly_written(before, form, [person.pk, owner.pk])
            written += [(form.action, *it) for it in found]

    assert is_alive(reading)
    assert written == []
    missing = [part for part in SAVED[kind] if not any(part in action for action in saved)]
    assert missing == [], "a form that is refused shows nothing"


def test_nobody_signs_up_as_staff(client: Any) -> None:
    form = {
        "name": "Eve Adams", "email": "eve.adams@example.com", "is_staff": "on",
        "is_superuser": "on", "groups": "1", "password1": "quiet river over nine stones",
        "password2": "quiet river over nine stones", "email_verified": "on", "verified": "on",
    }  # fmt: skip

    ask(client, "POST", "/account/signup/", form)

    person = User.objects.get(email="eve.adams@example.com")
    assert (person.is_staff, person.is_superuser, person.groups.count()) == (False, False, 0)
    assert not person.emailaddress_set.filter(verified=True).exists()
