"""Access tokens in the admin: seen on the page of the person, revoked with a reason, never made."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client

from accounts.groups import SUPPORT
from accounts.models import ApiToken, Change, User
from accounts.sign_in import tokens
from tests.accounts.tokens import ask, issue
from tests.factories import UserFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/accounts/user/"


def page_of(person: User, client: Client) -> str:
    return text_of(client.get(f"{PEOPLE}{person.pk}/change/"))


def test_staff_see_the_tokens_of_a_person_but_not_how_they_call_them(people_admin: Client) -> None:
    person = UserFactory()
    assert "Access tokens: none" in page_of(person, people_admin)
    issued = issue(person, "read", "pay", name="Divorce lawyer")
    text = page_of(person, people_admin)
    assert issued.row.prefix in text
    assert "read and pay" in text
    assert "last used never" in text
    assert "Divorce" not in text
    assert issued.row.hash not in text


def test_who_may_not_change_people_sees_no_tokens(client: Client) -> None:
    helper, person = UserFactory(is_staff=True), UserFactory()
    helper.groups.add(Group.objects.get(name=SUPPORT))
    client.force_login(helper)
    token = issue(person).row
    text = page_of(person, client)
    assert person.name in text
    assert token.prefix not in text


def test_staff_revoke_the_tokens_of_a_person_with_a_reason(people_admin: Client) -> None:
    person, other = UserFactory(), UserFactory()
    mine, theirs = issue(person), issue(other)
    chosen: dict[str, Any] = {"_selected_action": person.pk, "action": "revoke_tokens"}
    assert "why?" in text_of(people_admin.post(PEOPLE, chosen))
    assert tokens.owner_of(mine.text)
    people_admin.post(PEOPLE, chosen | {"reason": "Found in a repository"})
    assert tokens.owner_of(mine.text) is None
    assert tokens.owner_of(theirs.text)
    row = ApiToken.objects.get(pk=mine.row.pk)
    assert row.reason == "Found in a repository"
    assert row.revoked_by == User.objects.get(is_staff=True)
    assert LogEntry.objects.filter(change_message__contains="Found in a repository").exists()
    change = Change.objects.filter(table_name="api_tokens", action="update").get()
    assert (change.about, change.reason) == (str(person.pk), "Found in a repository")
    again = text_of(people_admin.post(PEOPLE, chosen | {"reason": "Again"}, follow=True))
    assert "no valid access token" in again


@pytest.mark.parametrize(
    ("usable", "button"), [("true", "set-password"), ("false", "unset-password")]
)
def test_a_password_from_the_bank_ends_the_tokens(client: Client, usable: str, button: str) -> None:
    client.force_login(User.objects.create_superuser("root@example.com", name="Root"))
    person = UserFactory(password="seven-quiet-harbours")
    text = issue(person).text
    new = "eight-quiet-harbours"
    form = {"password1": new, "password2": new, "usable_password": usable, "reason": "Asked"}
    answer = client.post(f"{PEOPLE}{person.pk}/password/", form | {button: ""})
    assert answer.status_code == 302
    assert tokens.owner_of(text) is None
    assert ApiToken.objects.get().reason == "password_set"


@pytest.mark.urls("tests.accounts.token_urls")
def test_a_token_opens_no_page_of_the_admin(people_admin: Client) -> None:
    clerk = User.objects.get(is_staff=True)
    assert ask(issue(clerk, "staff").text, PEOPLE).status_code == 302


def test_the_history_says_what_the_token_may_do_in_words(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root@example.com", name="Root"))
    person = UserFactory()
    token = issue(person, "pay", per_day=Decimal(1500), currency="EUR").row
    tokens.revoke(token=token, by=person)
    text = text_of(client.get(f"{PEOPLE}{person.pk}/history/"))
    assert f"Added access token of {person.name}" in text
    assert f"Changed access token of {person.name}" in text
    assert "1,500" in text
    assert token.prefix in text
    assert "UTC" in text
