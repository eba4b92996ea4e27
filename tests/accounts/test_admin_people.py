"""People in the admin: nobody rises by it, nobody is locked in or out by mistake."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.groups import STAFF, ensure_groups
from accounts.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PEOPLE = reverse("admin:accounts_user_changelist")


def page_of(person: User) -> str:
    return reverse("admin:accounts_user_change", args=[person.pk])


def texts(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_staff_cannot_raise_anybody_to_staff_or_superuser(staff: Client, clerk: User) -> None:
    customer = UserFactory(email="c@example.com", name="C")
    groups = [Group.objects.get(name=STAFF).pk]
    wish = {
        "email": "c@example.com", "name": "Changed", "is_staff": "on", "is_superuser": "on",
        "groups": groups, "user_permissions": [Permission.objects.all()[0].pk],
        "password": "x", "deleted_at": "2026-01-01",
    }  # fmt: skip
    assert staff.post(page_of(customer), wish).status_code == 302
    customer.refresh_from_db()
    assert customer.name == "Changed"
    rights = (customer.is_staff, customer.is_superuser, customer.deleted_at)
    assert rights == (False, False, None)
    assert not customer.groups.exists()
    assert not customer.user_permissions.exists()
    assert staff.post(page_of(clerk), wish).status_code == 403


def test_staff_cannot_touch_staff_nor_anybodys_password(staff: Client, root: Client) -> None:
    boss, colleague = User.objects.get(email="root@example.com"), UserFactory(is_staff=True)
    new = {"usable_password": "true", "password1": "quite-new-1", "password2": "quite-new-1"}
    for person in (boss, colleague):
        assert staff.get(page_of(person)).status_code == 200
        assert staff.post(page_of(person), {"email": "m@example.com"}).status_code == 403
    for person in (boss, colleague, UserFactory()):
        url = reverse("admin:auth_user_password_change", args=[person.pk])
        assert staff.get(url).status_code == 403
        assert staff.post(url, new).status_code == 403
    answer = staff.post(
        PEOPLE,
        {"action": "close_sign_in", "_selected_action": [boss.pk, colleague.pk], "reason": "x"},
    )
    assert texts(answer) == [
        f"{person}: not sign-in closed. Only superusers change people who are staff."
        for person in sorted([boss, colleague], key=lambda person: person.created_at, reverse=True)
    ]
    assert User.objects.active().filter(pk__in=[boss.pk, colleague.pk]).count() == 2


def test_closing_a_sign_in_ends_the_sessions_for_good(staff: Client) -> None:
    person = UserFactory()
    theirs = Client()
    theirs.force_login(person)
    chosen = {"_selected_action": person.pk, "reason": "Asked by letter"}
    staff.post(PEOPLE, {**chosen, "action": "close_sign_in"})
    person.refresh_from_db()
    assert not person.is_active
    assert "_auth_user_id" not in theirs.session
    staff.post(PEOPLE, {**chosen, "action": "restore_sign_in"})
    person.refresh_from_db()
    assert person.is_active
    assert "_auth_user_id" not in theirs.session
    assert LogEntry.objects.filter(change_message__contains="Asked by letter").count() == 2


def test_nobody_shuts_themselves_out(root: Client) -> None:
    me = User.objects.get(email="root@example.com")
    root.post(PEOPLE, {"action": "close_sign_in", "_selected_action": me.pk, "reason": "x"})
    me.refresh_from_db()
    assert me.is_active


def test_a_new_address_replaces_every_old_one(staff: Client) -> None:
    person = UserFactory(email="old@example.com", name="P")
    EmailAddress.objects.create(user=person, email="old@example.com", verified=True, primary=True)
    staff.post(page_of(person), {"email": "New@Example.com", "name": "P"})
    address = EmailAddress.objects.get(user=person)
    assert (address.email, address.verified, address.primary) == ("new@example.com", False, True)


def test_an_address_that_somebody_confirmed_is_not_given_away(staff: Client) -> None:
    EmailAddress.objects.create(user=UserFactory(), email="second@example.com", verified=True)
    person = UserFactory(email="p@example.com")
    refused = staff.post(page_of(person), {"email": "second@example.com", "name": "P"})
    assert "signs in with this address already" in refused.content.decode()


def test_a_superuser_adds_a_person_and_gives_rights(root: Client) -> None:
    form = {"email": "New@Example.com", "name": "New", "usable_password": "true",
            "password1": "quite-new-1", "password2": "quite-new-1"}  # fmt: skip
    assert root.post(reverse("admin:accounts_user_add"), form).status_code == 302
    person = User.objects.get(email="new@example.com")
    assert person.check_password("quite-new-1")
    assert not person.is_staff
    rights = {"email": person.email, "name": "New", "is_staff": "on",
              "groups": [ensure_groups()[STAFF].pk]}  # fmt: skip
    root.post(page_of(person), rights)
    person.refresh_from_db()
    assert person.is_staff
    assert person.has_perm("transactions.use_cash_desk")
