"""Fields that a form does not have change nothing, whoever sends them and to whichever form.

Every form of a customer's and a clerk's pages is sent with the columns of people, accounts and
transactions beside its own fields.
"""

from typing import Any

import pytest

from accounts.models import Account, User
from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.forms import forms_seen
from tests.attacks.people import attempt, readers_of
from tests.attacks.walk import addresses
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
GUARDED: dict[type[Any], tuple[str, ...]] = {
    User: ("email", "is_staff", "is_superuser", "deleted_at"),
    Account: (
        "user_id", "number", "currency", "status", "balance", "held", "overdraft_limit",
        "transfer_limit", "daily_limit",
    ),
    Transaction: ("amount", "status", "created_by_id", "from_account_id", "to_account_id"),
}  # fmt: skip


def guarded_values() -> dict[tuple[str, Any], tuple[Any, ...]]:
    """The guarded columns of every row there is now; rows that a form adds are compared by rule."""
    return {
        (model.__name__, row[0]): row[1:]
        for model, names in GUARDED.items()
        for row in model.objects.values_list("pk", *names)
    }


def wrongly_written(before: dict[Any, Any], person: User) -> list[tuple[str, Any]]:
    """Guarded rows that have changed, new accounts with money or of others, new superusers."""
    after = guarded_values()
    found = [key for key in before if after.get(key) != before[key]]
    added = Account.objects.filter(pk__in=[key[1] for key in after.keys() - before.keys()])
    ours = {"balance": 0, "overdraft_limit": 0, "user": person}
    roots = User.objects.filter(is_superuser=True).exclude(email="root@example.com")
    return [
        *found,
        *(("new account", it.pk) for it in added.exclude(**ours)),
        *(("superuser", it.pk) for it in roots),
    ]


def extra_fields(bank: AttackedBank) -> dict[str, str]:
    eve, ana = bank.eve, bank.ana
    return {
        "is_staff": "on", "is_superuser": "on", "is_active": "on", "groups": "1",
        "user_permissions": "1", "user": str(ana.user.pk), "user_id": str(ana.user.pk),
        "owner": str(ana.user.pk), "created_by": str(ana.user.pk), "status": "active",
        "balance": "999999", "held": "0", "overdraft_limit": "999999", "available": "999999",
        "transfer_limit": "", "daily_limit": "", "type": "deposit", "created_at": "2020-01-01",
        "to_account": str(eve.savings.pk), "captures": str(ana.transactions["held"].pk),
        "reverses": str(ana.transactions["paid"].pk), "sealed_by": str(eve.user.pk),
        "deleted_at": "", "session_version": "0", "verified": "on", "primary": "on",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["customer", "staff"])
def test_no_form_takes_columns_that_it_does_not_show(bank: AttackedBank, kind: str) -> None:
    person = bank.eve.user if kind == "customer" else bank.clerk
    extra, filled = extra_fields(bank), {"name": "Second", "reason": "", "text": "x"}
    forms = forms_seen(readers_of(bank)[kind], addresses(bank.eve))
    before = guarded_values()
    written: list[tuple[str, str, Any]] = []

    for form in forms:
        if form.method == "POST":
            own = {name: filled.get(name, value) for name, value in form.values.items()}
            with attempt(person) as client:
                ask(client, "POST", form.action, {**extra, **own})
                written += [(form.action, *it) for it in wrongly_written(before, person)]

    assert len(forms) > 10
    assert written == []


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
