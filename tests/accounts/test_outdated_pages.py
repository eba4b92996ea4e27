"""A page of the admin that was opened before a colleague changed the same row."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.groups import ANALYSTS, AUDITOR, SUPPORT
from accounts.models import Currency, Household, User
from tests.accounts.admin_pages import page_of, sent_from
from tests.attacks.waiting import after_waiting_for
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
WHY = {"reason": "Asked by letter"}


@pytest.fixture
def person() -> User:
    """Somebody of support, with a household."""
    home = Household.objects.create(name="Elm Street 4")
    person: User = UserFactory(name="Mara", is_staff=True, household=home)
    person.groups.add(Group.objects.get(name=SUPPORT))
    return person


def _names(person: User) -> set[str]:
    return {*person.groups.values_list("name", flat=True)}


def _group(name: str) -> int:
    return Group.objects.get(name=name).pk


@pytest.mark.parametrize("who", ["people_admin", "root"])
def test_what_a_colleague_took_away_stays_away(
    who: str, person: User, request: pytest.FixtureRequest
) -> None:
    browser: Client = request.getfixturevalue(who)
    sent = sent_from(browser.get(page_of(person)))
    person.groups.clear()
    new = {"is_staff": False, "household": None, "email": "new@example.com"}
    User.objects.filter(pk=person.pk).update(**new)
    sent |= {"name": ["Mara Lindt"]}
    answer = browser.post(page_of(person), sent | WHY)
    assert answer.status_code in (200, 302)
    person.refresh_from_db()
    assert {name: getattr(person, name) for name in new} == new
    assert not _names(person)
    assert (person.name == "Mara Lindt") == (answer.status_code == 302)
    if answer.status_code == 302:
        assert "household" not in LogEntry.objects.get().get_change_message().lower()


def test_only_the_groups_that_were_ticked_or_cleared_on_the_page_change(
    person: User, root: Client
) -> None:
    person.groups.add(_group(AUDITOR))
    sent = sent_from(root.get(page_of(person)))
    person.groups.remove(_group(SUPPORT))
    ticked = {"groups": [_group(SUPPORT), _group(ANALYSTS)]}  # without AUDITOR
    assert root.post(page_of(person), sent | ticked | WHY).status_code == 302
    assert _names(person) == {ANALYSTS}


def test_a_group_that_a_colleague_gave_stays(person: User, root: Client) -> None:
    person.groups.clear()
    sent = sent_from(root.get(page_of(person)))
    person.groups.add(_group(SUPPORT))
    assert root.post(page_of(person), sent | {"name": ["Mia"]} | WHY).status_code == 302
    person.refresh_from_db()
    assert (person.name, _names(person)) == ("Mia", {SUPPORT})


def test_a_page_that_nobody_changed_changes_nothing(person: User, root: Client) -> None:
    sent = sent_from(root.get(page_of(person)))
    User.objects.filter(pk=person.pk).update(name="Mia", is_staff=False)
    assert root.post(page_of(person), sent).status_code == 302  # without a reason
    person.refresh_from_db()
    assert (person.name, person.is_staff, _names(person)) == ("Mia", False, {SUPPORT})


def test_the_page_still_gives_and_takes_rights(person: User, root: Client) -> None:
    sent = sent_from(root.get(page_of(person)))
    taken = sent | {"groups": [], "household": [""]} | WHY
    taken.pop("is_staff")
    assert root.post(page_of(person), taken).status_code == 302
    person.refresh_from_db()
    assert (person.is_staff, person.household, _names(person)) == (False, None, set())
    sent = sent_from(root.get(page_of(person)))
    given = sent | {"groups": [_group(SUPPORT)], "is_staff": ["on"]} | WHY
    assert root.post(page_of(person), given).status_code == 302
    person.refresh_from_db()
    assert (person.is_staff, _names(person)) == (True, {SUPPORT})


@pytest.mark.django_db(transaction=True)
def test_a_form_waits_for_a_colleague_who_is_just_changing_the_person(
    person: User, root: Client
) -> None:
    sent = sent_from(root.get(page_of(person))) | {"name": ["Mia"]} | WHY

    def take_rights() -> None:
        locked = User.objects.locked([person.pk]).get()
        locked.is_staff = False
        locked.save()
        locked.groups.clear()

    answer = after_waiting_for(take_rights, lambda: root.post(page_of(person), sent))
    assert answer.status_code == 302
    person.refresh_from_db()
    assert (person.name, person.is_staff, _names(person)) == ("Mia", False, set())


def test_a_currency_that_a_colleague_closed_stays_closed(root: Client) -> None:
    page = reverse("admin:accounts_currency_change", args=["EUR"])
    sent = sent_from(root.get(page))
    Currency.objects.filter(pk="EUR").update(is_open=False)
    assert root.post(page, sent | {"name": ["Euros"]} | WHY).status_code == 302
    euro = Currency.objects.get(pk="EUR")
    assert (euro.name, euro.is_open) == ("Euros", False)


def test_a_household_keeps_the_name_that_a_colleague_gave(person: User, root: Client) -> None:
    home: Any = person.household
    page = reverse("admin:accounts_household_change", args=[home.pk])
    sent = sent_from(root.get(page))
    Household.objects.filter(pk=home.pk).update(name="Oak Street 1")
    assert root.post(page, sent | WHY).status_code == 302
    home.refresh_from_db()
    assert home.name == "Oak Street 1"
