"""Groups that the provider decides: those of the map, at each sign-in, and no others."""

from dataclasses import replace

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.groups import ANALYSTS, OPERATIONS, ensure_groups
from accounts.models import Change, ProviderGroup, User
from accounts.services import deactivate_user
from accounts.sign_in.providers.group_map import WHY, groups_claimed
from tests.identity_provider import ANA, BACK, CLERK, There, connect, person_here

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def groups(db: None) -> dict[str, Group]:
    """`migrate` has written the groups of the map into the database."""
    ProviderGroup.objects.bulk_create([ProviderGroup(name=each) for each in (OPERATIONS, ANALYSTS)])
    return ensure_groups()


def names(user: User) -> set[str]:
    return set(user.groups.values_list("name", flat=True))


def test_a_new_person_gets_the_groups_of_the_map(client: Client, there: There) -> None:
    there.sign_in(client, CLERK)
    user = User.objects.get(email=CLERK.email)
    assert (names(user), user.is_staff, user.is_superuser) == ({OPERATIONS}, True, False)
    assert client.get("/admin/").status_code == 200


def test_groups_are_given_and_taken_at_each_sign_in(client: Client, there: There) -> None:
    there.sign_in(client, CLERK)
    there.know(replace(CLERK, groups=("bank-analysts",)))
    there.sign_in(Client(), CLERK)
    user = User.objects.get(email=CLERK.email)
    assert (names(user), user.is_staff) == ({ANALYSTS}, False)


def test_whose_sign_in_is_closed_gets_no_groups(client: Client, there: There) -> None:
    there.know(replace(CLERK, groups=()))
    there.sign_in(client, CLERK)
    user = User.objects.get(email=CLERK.email)
    deactivate_user(user=user)
    there.know(CLERK)

    there.sign_in(Client(), CLERK)

    user.refresh_from_db()
    assert (names(user), user.is_staff) == (set(), False)


def test_a_change_of_groups_ends_the_sessions_of_before_and_not_the_new_one(
    client: Client, there: There
) -> None:
    there.sign_in(client, CLERK)
    there.know(replace(CLERK, groups=("bank-analysts",)))
    other = Client()
    there.sign_in(other, CLERK)
    assert other.get("/accounts/").status_code == 200
    assert client.get("/accounts/").status_code == 302


def test_the_history_says_why_groups_changed(client: Client, there: There) -> None:
    there.sign_in(client, CLERK)
    row = Change.objects.get(table_name="users_groups", action="insert")
    assert row.after is not None
    assert (row.after["group"], row.reason, row.path) == (OPERATIONS, WHY, BACK)


def test_groups_outside_the_map_stay(client: Client, there: There) -> None:
    Group.objects.create(name="chess")  # the provider has one of this name, but no map leads here
    there.configure(groups={"bank-clerks": OPERATIONS})
    there.sign_in(client, CLERK)
    user = User.objects.get(email=CLERK.email)
    assert names(user) == {OPERATIONS}
    user.groups.add(Group.objects.get(name=ANALYSTS))
    there.know(replace(CLERK, groups=()))
    there.sign_in(Client(), CLERK)
    assert names(user) == {ANALYSTS}


def test_without_a_map_nothing_is_given_or_taken(client: Client, there: There) -> None:
    there.configure(groups={})
    user = person_here(ANA, is_staff=True)
    user.groups.add(Group.objects.get(name=OPERATIONS))
    there.know(replace(ANA, groups=("bank-clerks", OPERATIONS, "superuser")))
    connect(there, client, user, ANA)
    there.sign_in(Client(), ANA)
    user.refresh_from_db()
    assert (names(user), user.is_staff, user.is_superuser) == ({OPERATIONS}, True, False)


def test_a_superuser_stays_one(client: Client, there: There) -> None:
    user = person_here(ANA, is_staff=True, is_superuser=True)
    user.groups.add(Group.objects.get(name=OPERATIONS))
    connect(there, client, user, ANA)
    there.sign_in(Client(), ANA)
    user.refresh_from_db()
    assert (names(user), user.is_staff, user.is_superuser) == (set(), True, True)


def test_connecting_changes_no_groups(client: Client, there: There) -> None:
    user = person_here(ANA)
    there.know(replace(ANA, groups=("bank-clerks",)))
    for _ in ("the first time", "once more"):
        connect(there, client, user, ANA)
        assert names(user) == set()


@pytest.mark.parametrize("claim", [None, "bank-clerks", {"bank-clerks": True}, [1, None]])
def test_a_claim_of_another_shape_is_no_group(claim: object, there: There) -> None:
    assert groups_claimed({"groups": claim}) == []
    assert groups_claimed({}) == []


def test_the_claim_is_the_one_of_the_settings(client: Client, there: There) -> None:
    there.configure(groups_claim="cognito:groups")
    there.know(replace(CLERK, more={"groups": ["bank-analysts"]}))
    there.sign_in(client, CLERK)
    assert names(User.objects.get(email=CLERK.email)) == {OPERATIONS}
