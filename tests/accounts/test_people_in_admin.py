"""People in the admin: nobody rises by it, nobody is locked in or out by mistake."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.messages import get_messages
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.erased import DOMAIN
from accounts.groups import AUDITOR, PEOPLE_ADMIN, SUPPORT
from accounts.models import Household, User
from tests.conftest import colleague, signed_in
from tests.factories import PASSWORD, AccountFactory, UserFactory
from tests.pages import lacks, text_of

pytestmark = pytest.mark.django_db

PEOPLE = reverse("admin:accounts_user_changelist")
GOOD = "seven blue lamps at dusk"


def page_of(person: User) -> str:
    return reverse("admin:accounts_user_change", args=[person.pk])


def texts(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_operations_add_people_and_change_none(staff: Client, clerk: User) -> None:
    customer = UserFactory(email="c@example.com", name="C")
    for person in (customer, clerk):
        assert staff.get(page_of(person)).status_code == 200
        assert staff.post(page_of(person), {"name": "Changed"}).status_code == 403


def test_a_page_changes_a_name_and_nothing_that_it_does_not_show(people_admin: Client) -> None:
    customer = UserFactory(email="c@example.com", name="C")
    wish = {
        "email": "taken.over@example.com", "name": "Changed", "is_superuser": "on",
        "user_permissions": [Permission.objects.all()[0].pk],
        "password": "x", "deleted_at": "2026-01-01", "reason": "Married",
    }  # fmt: skip
    assert people_admin.post(page_of(customer), wish).status_code == 302
    customer.refresh_from_db()
    assert (customer.name, customer.email) == ("Changed", "c@example.com")
    rights = (customer.is_staff, customer.is_superuser, customer.deleted_at)
    assert rights == (False, False, None)
    assert not customer.user_permissions.exists()


def test_who_looks_after_people_cannot_touch_their_bosses_nor_anybodys_password(
    people_admin: Client, boss: User, root: Client
) -> None:
    both = [User.objects.get(email="root@example.com"), boss]
    new = {
        "usable_password": "true",
        "password1": "quite new lamps",
        "password2": "quite new lamps",
    }
    for person in both:
        assert people_admin.get(page_of(person)).status_code == 200
        assert people_admin.post(page_of(person), {"email": "m@example.com"}).status_code == 403
    for person in (*both, UserFactory()):
        url = reverse("admin:auth_user_password_change", args=[person.pk])
        assert people_admin.get(url).status_code == 403
        assert people_admin.post(url, new).status_code == 403
    answer = people_admin.post(
        PEOPLE,
        {"action": "close_sign_in", "_selected_action": [each.pk for each in both], "reason": "x"},
    )
    by_name = dict(answer.context["blocked"])
    assert by_name.keys() == {str(person) for person in both}
    assert all("Only superusers" in why.sentence for (why,) in by_name.values())
    assert User.objects.active().filter(pk__in=[each.pk for each in both]).count() == 2


def test_closing_a_sign_in_ends_the_sessions_for_good(people_admin: Client) -> None:
    person = UserFactory()
    theirs = Client()
    theirs.force_login(person)
    chosen = {"_selected_action": person.pk, "reason": "Asked by letter"}
    people_admin.post(PEOPLE, {**chosen, "action": "close_sign_in"})
    person.refresh_from_db()
    assert not person.is_active
    assert "_auth_user_id" not in theirs.session
    people_admin.post(PEOPLE, {**chosen, "action": "restore_sign_in"})
    person.refresh_from_db()
    assert person.is_active
    assert "_auth_user_id" not in theirs.session
    assert LogEntry.objects.filter(change_message__contains="Asked by letter").count() == 2


def test_somebody_is_signed_out_everywhere_and_may_sign_in_again(people_admin: Client) -> None:
    person = UserFactory()
    phone, laptop, anothers = Client(), Client(), Client()
    for theirs in (phone, laptop):
        theirs.force_login(person)
    anothers.force_login(UserFactory())
    asked = {"_selected_action": person.pk, "reason": "A stolen phone", "action": "sign_out"}
    people_admin.post(PEOPLE, asked)
    for theirs in (phone, laptop):
        assert theirs.get("/").status_code == 302
    assert anothers.get("/").status_code == 200
    assert LogEntry.objects.filter(change_message__contains="A stolen phone").count() == 1
    phone.force_login(User.objects.get(pk=person.pk))
    assert phone.get("/").status_code == 200


def test_neither_page_brings_back_a_person_whose_erasure_has_begun(
    people_admin: Client, root: Client
) -> None:
    person = UserFactory(email=f"a@{DOMAIN}", deleted_at=timezone.now())
    chosen = {"_selected_action": person.pk, "reason": "Asked by letter"}
    people_admin.post(PEOPLE, {**chosen, "action": "restore_sign_in"})
    refused = move(root, person)
    assert refused.context["adminform"].form.errors["email"]
    person.refresh_from_db()
    assert person.is_erased
    assert not person.is_active


@pytest.mark.parametrize("action", ["close_sign_in", "restore_sign_in"])
def test_of_two_colleagues_at_once_the_history_names_the_one_who_changed_a_sign_in(
    people_admin: Client, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    person, change = UserFactory(), services.set_sign_in
    if action == "restore_sign_in":
        services.deactivate_user(user=person)

    def after_the_other(**asked: Any) -> bool:
        assert change(**asked)
        return change(**asked)

    monkeypatch.setattr(services, "set_sign_in", after_the_other)
    people_admin.post(PEOPLE, {"action": action, "_selected_action": person.pk, "reason": "x"})
    person.refresh_from_db()
    assert person.is_active == (action == "restore_sign_in")
    assert not LogEntry.objects.exists()


def test_the_page_of_a_person_has_a_link_to_their_accounts_that_says_so(staff: Client) -> None:
    holder = AccountFactory().user
    page = staff.get(page_of(holder)).content.decode()
    assert f'user__id__exact={holder.pk}">1 account</a>' in page


def test_nobody_shuts_themselves_out(root: Client) -> None:
    me = User.objects.get(email="root@example.com")
    asked = root.post(PEOPLE, {"action": "close_sign_in", "_selected_action": me.pk})
    assert "your own sign-in" in text_of(asked)
    assert 'name="reason"' not in asked.content.decode()
    root.post(PEOPLE, {"action": "close_sign_in", "_selected_action": me.pk, "reason": "x"})
    me.refresh_from_db()
    assert me.is_active


# The email address: who changes it can have the password reset


def move(client: Client, person: User, **changes: str) -> Any:
    form = {"email": "New@Example.com", "name": person.name, "reason": "Asked by letter"}
    return client.post(page_of(person), form | changes)


def test_staff_cannot_change_an_address_and_so_sign_in_as_the_customer(
    people_admin: Client, mailoutbox: list[Any]
) -> None:
    person = UserFactory(email="old@example.com", name="P")
    page = people_admin.get(page_of(person)).content.decode()
    assert 'name="email"' not in page
    assert move(people_admin, person).status_code == 302
    person.refresh_from_db()
    assert person.email == "old@example.com"
    Client().post(reverse("account_reset_password"), {"email": "new@example.com"})
    assert not [mail for mail in mailoutbox if "/password/reset/key/" in mail.body]


def test_a_new_address_replaces_every_old_one(root: Client) -> None:
    person = UserFactory(email="old@example.com", name="P")
    EmailAddress.objects.create(user=person, email="old@example.com", verified=True, primary=True)
    move(root, person)
    address = EmailAddress.objects.get(user=person)
    assert (address.email, address.verified, address.primary) == ("new@example.com", False, True)


def test_a_new_address_has_a_reason_and_the_old_one_is_told(
    root: Client, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    person = UserFactory(email="old@example.com", name="P")
    with django_capture_on_commit_callbacks(execute=True):
        refused = move(root, person, reason=" ")
    assert refused.context["adminform"].form.errors["reason"]
    assert (mailoutbox, LogEntry.objects.count()) == ([], 0)
    with django_capture_on_commit_callbacks(execute=True):
        move(root, person)
    (mail,) = mailoutbox
    assert mail.to == ["old@example.com"]
    assert "can no longer sign in with this address" in " ".join(mail.body.split())
    assert "new@example.com" not in mail.body
    told = LogEntry.objects.get().get_change_message()
    assert not lacks(told, "old@example.com became new@example.com", "Asked by letter")


def test_an_address_that_somebody_confirmed_is_not_given_away(root: Client) -> None:
    EmailAddress.objects.create(user=UserFactory(), email="second@example.com", verified=True)
    refused = move(root, UserFactory(), email="Second@example.com")
    assert refused.context["adminform"].form.errors["email"]
    new = {"email": "Second@example.com", "name": "N", "reason": "x"}
    refused = root.post(reverse("admin:accounts_user_add"), new)
    assert refused.context["adminform"].form.errors["email"]
    assert User.objects.filter(emailaddress__email__iexact="second@example.com").count() == 1


# New people


def test_a_new_person_chooses_the_password_by_mail(
    staff: Client, mailoutbox: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    page = staff.get(reverse("admin:accounts_user_add")).content.decode()
    assert 'type="password"' not in page
    form = {"email": "New@Example.com", "name": "New", "password1": "chosen by a clerk",
            "usable_password": "true", "is_staff": "on", "reason": "New customer"}  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        staff.post(reverse("admin:accounts_user_add"), form)
    person = User.objects.get(email="new@example.com")
    assert not person.has_usable_password()
    assert not person.is_staff
    (mail,) = mailoutbox
    assert mail.to == ["new@example.com"]
    assert "The bank has added you" in mail.body
    (link,) = re.findall(r"https?://\S+", mail.body)
    theirs = Client()
    shown = theirs.get(link, follow=True)
    chosen = {"password1": "chosen alone at dusk", "password2": "chosen alone at dusk"}
    theirs.post(shown.request["PATH_INFO"], chosen)
    assert Client().login(email="new@example.com", password="chosen alone at dusk")


def test_rights_are_shown_to_those_who_can_change_them(
    staff: Client, people_admin: Client, root: Client
) -> None:
    person = UserFactory()
    person.groups.add(Group.objects.get(name=SUPPORT))
    for client, shown in ((staff, False), (people_admin, True), (root, True)):
        page = client.get(page_of(person)).content.decode()
        assert ('name="groups"' in page, 'name="is_staff"' in page) == (shown, shown)
        assert 'name="is_superuser"' not in page
        assert 'name="user_permissions"' not in page
        assert ("column-is_staff" in client.get(PEOPLE).content.decode()) == shown


def test_a_superuser_adds_a_person_and_gives_rights(root: Client) -> None:
    form = {"email": "New@Example.com", "name": "New", "reason": "New colleague"}
    assert root.post(reverse("admin:accounts_user_add"), form).status_code == 302
    person = User.objects.get(email="new@example.com")
    assert not person.is_staff
    rights = {"email": person.email, "name": "New", "is_staff": "on", "reason": "Works here",
              "groups": [Group.objects.get(name=AUDITOR).pk]}  # fmt: skip
    root.post(page_of(person), rights)
    person.refresh_from_db()
    assert person.is_staff
    assert person.has_perm("accounts.view_read")


def test_a_session_left_by_a_crash_does_not_revive_with_the_sign_in(client: Client) -> None:
    """Between closing the sign-in and ending the sessions."""
    person = UserFactory()
    client.force_login(person)
    User.objects.filter(pk=person.pk).update(deleted_at=timezone.now())
    services.reactivate_user(user=person)
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("group", [PEOPLE_ADMIN, None])
def test_nobody_moves_their_own_household_apart_to_serve_it(group: str | None) -> None:
    home = Household.objects.create(name="Elm Street 4")
    me = colleague(group or PEOPLE_ADMIN, "Me")
    User.objects.filter(pk=me.pk).update(household=home, is_superuser=group is None)
    spouse: User = UserFactory(name="Sam", household=home)
    browser = signed_in(User.objects.get(pk=me.pk))
    form = {
        "email": spouse.email, "name": "Sam", "household": "", "is_staff": "on", "reason": "Moved",
    }  # fmt: skip
    assert browser.post(page_of(spouse), form).status_code == 403
    closing = {"action": "close_sign_in", "_selected_action": [spouse.pk], "reason": "Moved"}
    browser.post(PEOPLE, closing)
    spouse.refresh_from_db()
    assert (spouse.household_id, spouse.is_staff, spouse.is_active) == (home.pk, False, True)


def test_support_reads_no_address_in_place_of_a_missing_name() -> None:
    person: User = UserFactory(name="", email="secret.address@example.org")
    account = AccountFactory(user=person)
    support = signed_in(colleague(SUPPORT, "Support"))
    pages = [
        PEOPLE, page_of(person), reverse("admin:accounts_account_changelist"),
        reverse("admin:accounts_account_change", args=[account.pk]),
        f"{reverse('admin_search')}?q={account.pk}",
    ]  # fmt: skip
    for url in pages:
        answer = support.get(url, follow=True)
        assert answer.status_code == 200, url
        assert person.email not in answer.content.decode(), url


def test_the_admin_speaks_of_people_not_of_users(root: Client) -> None:
    person = UserFactory(name="Mara Lindt")
    add = reverse("admin:accounts_user_add")
    password = f"{PEOPLE}{person.pk}/password/"
    for url in (reverse("admin:index"), PEOPLE, add, page_of(person), password):
        words = text_of(root.get(url))
        assert re.findall(r"(?i).{0,40}\busers?\b", words) == [], url


@pytest.mark.parametrize("button", ["set-password", "unset-password"])
def test_the_mail_says_whether_a_password_was_set_or_removed(
    root: Client, button: str, django_capture_on_commit_callbacks: Any
) -> None:
    person = UserFactory(password=PASSWORD)
    form = {"usable_password": "true", "password1": GOOD, "password2": GOOD, button: ""}
    if button == "unset-password":
        form["usable_password"] = "false"
    with django_capture_on_commit_callbacks(execute=True):
        root.post(f"{PEOPLE}{person.pk}/password/", form | {"reason": "Asked by letter"})
    person.refresh_from_db()
    assert person.has_usable_password() == (button == "set-password")
    (told,) = [sent for sent in mail.outbox if sent.to == [person.email]]
    assert ("removed" in told.subject) == (button == "unset-password")
